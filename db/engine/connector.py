"""How a connection to PostgreSQL is made: to the first of its hosts that will do, past a pooler where there is one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import asyncpg

from db.engine.address import Host, ServerAddress

CACHED_STATEMENTS = 256
"""Prepared statements a connection keeps: more than this program has, so that none is prepared twice."""

OWN_PROCESS = "SELECT pg_backend_pid()"

POOLER_FULL = (
    "let in and not served: where a pooler stands before the database, let its pool be as large as"
    " TILLGRAPH_DATABASE_CONNECTIONS of each process and one more, or set fewer"
)

Driver = Any
"""asyncpg's connection; it ships no types."""


class PoolerFull(TimeoutError):
    """A connection that a pooler let in, and has none at the server for."""


NEXT_HOST = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""Where a host fails so, another one may do. TimeoutError is an OSError."""


class Connector:
    """Makes the driver's connections to one address."""

    def __init__(
        self,
        address: ServerAddress,
        command_seconds: float | None,
        session: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._address = address
        self._session = session
        """What a session is opened with where it is this program's alone; a pooler refuses it."""
        self._command_seconds = command_seconds
        self._hosts = list(address.hosts)
        """The one that did last comes first: one that hangs is waited for once."""
        self.is_pooled = True
        """Until it is known that it is not: what stays with a session could be handed to somebody else."""

    async def connect(self) -> Driver:
        """Connect to the first host that will do; raises what the driver raises of the last one."""
        for host in list(self._hosts)[:-1]:
            try:
                return await self._connect_to(host)
            except NEXT_HOST:
                continue
        return await self._connect_to(self._hosts[-1])

    async def _connect_to(self, host: Host) -> Driver:
        # The driver's own time limit is for all of several hosts together: the first one that hangs would use it up.
        driver = await asyncpg.connect(
            self._address.dsn,
            host=host.name,
            port=host.port,
            timeout=self._address.connect_seconds,
            command_timeout=self._command_seconds,
            statement_cache_size=0 if self.is_pooled else CACHED_STATEMENTS,
            max_cached_statement_lifetime=0,
            target_session_attrs=self._address.target,
            server_settings={**self._address.settings, **({} if self.is_pooled else self._session)},
        )
        if self.is_pooled:
            await self._wait_for_server(driver)
        self._hosts.remove(host)
        self._hosts.insert(0, host)
        return driver

    async def _wait_for_server(self, driver: Driver) -> None:
        """Wait until a connection leads to the server: a pooler lets in more than it has connections for.

        One that waits there is none to work with. In this program's own pool it would be lent before those that work.
        """
        try:
            await driver.execute("SELECT 1", timeout=self._address.connect_seconds)
        except BaseException as error:
            driver.terminate()
            if isinstance(error, TimeoutError):
                raise PoolerFull(POOLER_FULL) from None
            raise


async def is_behind_pooler(driver: Driver) -> bool:
    """Return whether a pooler such as PgBouncer stands before the server.

    It gives each client a number of its own for the process at the server, which it may change at each transaction.
    """
    async with driver.transaction():
        return bool(await driver.fetchval(OWN_PROCESS) != driver.get_server_pid())
