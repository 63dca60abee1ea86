"""The database of an address: SQLite in a file, or a PostgreSQL server."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import postgresql, sqlite
from db.engine.address import read_address
from db.engine.connector import Connector
from db.engine.exchanges import Text
from db.engine.limits import COMMAND_SECONDS, CONNECTIONS, LOCK_SECONDS
from db.statements.compiled import Connection, Row, Statement
from payments.model.instants import Instant
from payments.ports.store import Hints

Answer = TypeVar("Answer")


class Database(Hints, Protocol):
    """A database: runs transactions, each a synchronous function over one connection, and follows other processes."""

    async def open(self) -> None:
        """Open the database; raises the driver's error where it can't be reached."""

    async def close(self) -> None:
        """Close every connection."""

    def now(self) -> Instant:
        """Return the time of the database's clock, which all processes on it share."""

    async def require_writable(self) -> None:
        """Raise StoreFailed where a write would fail."""

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one write transaction; its exception rolls back. Raises StoreFailed.

        The function may run more than once: it starts again after losing to another transaction.
        """

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreFailed."""

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement. Raises StoreFailed."""


@runtime_checkable
class Exchanges(Protocol):
    """A database over a network, where two statements without an open transaction cost least."""

    def now(self) -> Instant:
        """Return the time of the database's clock."""

    async def exchange(
        self,
        reading: Text | None,
        decide: Callable[[Row | None], tuple[Answer, Text | None]],
    ) -> Answer:
        """Read a row, and write what a function makes of it by one statement, whose value tells whether it did.

        The function may run more than once: it starts again after losing to another transaction. Raises Overtaken
        where it always lost, and StoreFailed.
        """


def create_engine(
    address: str, lock_seconds: float = LOCK_SECONDS, command_seconds: float | None = None
) -> AsyncEngine:
    """Return an engine for a database address; by default, statements have no time limit."""
    if _is_postgresql(address):
        connector = Connector(read_address(address), command_seconds)
        return postgresql.create_engine(connector, lock_seconds)
    return sqlite.create_engine(make_url(address), lock_seconds)


def create_database(
    address: str,
    lock_seconds: float = LOCK_SECONDS,
    *,
    command_seconds: float | None = COMMAND_SECONDS,
    connections: int = CONNECTIONS,
) -> Database:
    """Return the database of an address, not opened yet. Raises DatabaseUnusable.

    A transaction waits so long for its lock. PostgreSQL takes so long for a statement, and so many connections at most
    run transactions.
    """
    if _is_postgresql(address):
        session = {**postgresql.limits(lock_seconds), **postgresql.PLANS}
        connector = Connector(read_address(address), command_seconds, session)
        return postgresql.PostgresqlDatabase(connector, lock_seconds, connections)
    return sqlite.SqliteDatabase(create_engine(address, lock_seconds), lock_seconds)


def _is_postgresql(address: str) -> bool:
    return address.startswith("postgresql")
