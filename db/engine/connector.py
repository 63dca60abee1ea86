"""Connecting to PostgreSQL: to the first acceptable host, through a pooler if there is one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import asyncpg

from db.engine.address import Host, ServerAddress

CACHED_STATEMENTS = 256
"""Prepared statements that a connection keeps: more than this program has, so that none is prepared twice."""

OWN_PROCESS = "SELECT pg_backend_pid()"

POOLER_FULL = (
    "let in and not served: where a pooler stands before the database, let its pool be as large as"
    " TILLGRAPH_DATABASE_CONNECTIONS of each process and one more, or set fewer"
)

Driver = Any
"""asyncpg's connection; it ships no types."""


class PoolerFull(TimeoutError):
    """An error: a pooler accepted a connection but has none to the server for it."""


NEXT_HOST = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""After these failures another host may work. TimeoutError is an OSError."""


class Connector:
    """The driver's connections to one address."""

    def __init__(
        self,
        address: ServerAddress,
        command_seconds: float | None,
        session: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._address = address
        self._session = session
        """The session settings on a connection of this program's own; a pooler refuses them."""
        self._command_seconds = command_seconds
        self._hosts = list(address.hosts)
        """The host that worked last comes first: a host that hangs is waited for once."""
        self.is_pooled = True
        """True until proven otherwise: through a pooler, session state could reach another client."""

    async def connect(self) -> Driver:
        """Connect to the first acceptable host; raises the driver's error of the last one."""
        for host in list(self._hosts)[:-1]:
            try:
                return await self._connect_to(host)
            except NEXT_HOST:
                continue
        return await self._connect_to(self._hosts[-1])

    async def _connect_to(self, host: Host) -> Driver:
        # The driver's own time limit covers all hosts together: the first one that hangs would use it up.
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
        """Wait until a connection reaches the server: a pooler accepts more than it has connections for.

        A connection that waits there is useless. In this program's own pool it would be lent before those that work.
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

    A pooler gives each client its own number for the process at the server, which may change with each transaction.
    """
    async with driver.transaction():
        return bool(await driver.fetchval(OWN_PROCESS) != driver.get_server_pid())
