"""The database that an address names: SQLite in a file, or a PostgreSQL server."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from db import postgresql, sqlite
from db.limits import LOCK_SECONDS
from db.statements import Connection, Row, Statement
from payments.instants import Instant
from payments.ports import Hints

Answer = TypeVar("Answer")


class Database(Hints, Protocol):
    """Runs transactions, each a synchronous function over one connection, and knows of other processes' changes."""

    async def open(self) -> None:
        """Get ready; raises what the driver raises where the database can't be reached."""

    async def close(self) -> None:
        """Let go of every connection."""

    def now(self) -> Instant:
        """Read the database's clock, which all processes on it share."""

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one write transaction; what it raises rolls back. Raises StoreBusy.

        The function may run more than once: where a transaction that came first makes it lose, it starts again.
        """

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreBusy."""

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute one statement that reads. Raises StoreBusy."""


def create_engine(address: str, lock_seconds: float = LOCK_SECONDS) -> AsyncEngine:
    """Make the engine for a database address."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        return sqlite.create_engine(url, lock_seconds)
    return postgresql.create_engine(url, lock_seconds)


def create_migrating_engine(address: str) -> AsyncEngine:
    """Make the engine for migrations, each statement of which takes as long as a large table needs."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        return sqlite.create_engine(url, LOCK_SECONDS)
    return postgresql.create_engine(url, LOCK_SECONDS, command_seconds=None)


def create_database(address: str, lock_seconds: float = LOCK_SECONDS) -> Database:
    """Make the database for an address; it is not opened yet. A transaction waits so long for its lock."""
    engine = create_engine(address, lock_seconds)
    if engine.dialect.name == "sqlite":
        return sqlite.SqliteDatabase(engine, lock_seconds)
    return postgresql.PostgresqlDatabase(engine, lock_seconds)
