"""The database that an address names: SQLite in a file, or a PostgreSQL server."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import postgresql, sqlite
from db.engine.address import read_address
from db.engine.connector import Connector
from db.engine.limits import COMMAND_SECONDS, CONNECTIONS, LOCK_SECONDS
from db.statements.compiled import Connection, Row, Statement
from payments.model.instants import Instant
from payments.ports.store import Hints

Answer = TypeVar("Answer")


class Database(Hints, Protocol):
    """Runs transactions, each a synchronous function over one connection, and knows of other processes' changes."""

    async def open(self) -> None:
        """Get ready; raises what the driver raises where the database can't be reached."""

    async def close(self) -> None:
        """Let go of every connection."""

    def now(self) -> Instant:
        """Read the database's clock, which all processes on it share."""

    async def require_writable(self) -> None:
        """Make sure that writes succeed; raises StoreFailed where they would not."""

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one write transaction; what it raises rolls back. Raises StoreFailed.

        The function may run more than once: where a transaction that came first makes it lose, it starts again.
        """

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreFailed."""

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute one statement that reads. Raises StoreFailed."""


def create_engine(
    address: str, lock_seconds: float = LOCK_SECONDS, command_seconds: float | None = None
) -> AsyncEngine:
    """Make the engine for a database address; a statement takes as long as it needs, unless told otherwise."""
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
    """Make the database for an address; it is not opened yet. Raises DatabaseUnusable.

    A transaction waits so long for its lock. PostgreSQL takes so long for a statement, and so many connections at most
    run transactions.
    """
    if _is_postgresql(address):
        session = postgresql.limits(lock_seconds)
        connector = Connector(read_address(address), command_seconds, session)
        return postgresql.PostgresqlDatabase(connector, lock_seconds, connections)
    return sqlite.SqliteDatabase(create_engine(address, lock_seconds), lock_seconds)


def _is_postgresql(address: str) -> bool:
    return address.startswith("postgresql")
