"""SQLite: a transaction is one hop to its connection's thread, on one writer and several readers."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiosqlite
import orjson
import structlog
from sqlalchemy import URL, Dialect, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from db.statements.compiled import Connection, Row, Statement
from payments.model import instants
from payments.model.errors import StoreBusy, StoreFailed, StoreUnavailable
from payments.model.ids import CollectionId
from payments.model.instants import Instant

Answer = TypeVar("Answer")

log = structlog.get_logger("database")

READERS = 3
"""Connections that read beside the writer: on two cores more of them only wait for the interpreter."""

LOOK_SECONDS = 0.03
"""Between two polls for another process's commits: an update has to arrive within 50 ms."""

CACHED_STATEMENTS = 256
"""Prepared statements that a connection keeps: more than this program has, so that none is prepared twice."""

WRITTEN_SECONDS = 1.0
"""After a write that proves that writes succeed: checks within this time cause no further one."""

BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
"""Another process holds the file."""

UNAVAILABLE = frozenset(
    {
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
        *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL),
    }
)
"""The disk, the file or the memory is at fault, until an operator repairs it."""

REWRITE = "PRAGMA user_version = 0"
"""A write that changes nothing: nobody uses that number here."""


def create_engine(url: URL, lock_seconds: float) -> AsyncEngine:
    """Return an engine for a database file, with the settings of each new connection.

    Write-ahead log, synchronous FULL, foreign keys, a busy time-out, and no transactions except our own.
    """
    engine = create_async_engine(
        url,
        pool_size=2 + READERS,
        max_overflow=0,
        connect_args={"cached_statements": CACHED_STATEMENTS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(lock_seconds * 1_000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine


# The one parameter of `IsOneOf`.
sqlite3.register_adapter(list, lambda words: orjson.dumps(words).decode())


class SqliteConnection:
    """Statements on the driver's own connection, inside its thread."""

    def __init__(
        self, connection: sqlite3.Connection, dialect: Dialect, lock_seconds: float
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._lock_seconds = lock_seconds

    def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute a statement and return its rows."""
        compiled = statement.compiled(self._dialect)
        return self._connection.execute(compiled.sql, compiled.arguments(values)).fetchall()

    def change(self, statement: Statement, values: dict[str, Any]) -> int:
        """Execute a statement and return the number of changed rows."""
        compiled = statement.compiled(self._dialect)
        return self._connection.execute(compiled.sql, compiled.arguments(values)).rowcount

    def begin(self, how: str, patience_seconds: float) -> None:
        """Begin a transaction; raises StoreBusy if its time is over before."""
        if patience_seconds <= 0:
            raise StoreBusy("The database is busy; send the request again.")
        if patience_seconds >= self._lock_seconds * 0.9:
            self._connection.execute(how)
            return
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {int(patience_seconds * 1_000)}")
            self._connection.execute(how)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(self._lock_seconds * 1_000)}")

    def rewrite(self) -> None:
        """Write without changing anything."""
        self._connection.execute(REWRITE)

    def commit(self) -> None:
        """Commit; if this raises, nothing happened."""
        self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Roll back, if a transaction is open."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class SqliteDatabase:
    """One writing and several reading connections, each with a thread of its own, out of the engine's pool."""

    def __init__(self, engine: AsyncEngine, lock_seconds: float) -> None:
        self._engine = engine
        self._lock_seconds = lock_seconds
        self._held: list[AsyncConnection] = []
        self._writer: aiosqlite.Connection
        self._listener: aiosqlite.Connection
        self._readers: list[aiosqlite.Connection] = []
        """Idle readers; the one used last is taken first."""
        # A queue would let newcomers overtake those who wait, until their time is over.
        self._turns = asyncio.Semaphore(READERS)
        self._written_at = -WRITTEN_SECONDS
        """When this process was last seen to write, by the monotonic clock."""

    async def open(self) -> None:
        """Take the connections that this process uses until it ends."""
        self._writer = await self._take()
        self._listener = await self._take()
        for _ in range(READERS):
            self._readers.append(await self._take())

    async def close(self) -> None:
        """Return the connections and end their threads."""
        for connection in self._held:
            await connection.close()
        await self._engine.dispose()

    def now(self) -> Instant:
        """Return the time of this machine, which is the only one that uses the file."""
        return instants.now()

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one write transaction; its exception rolls back. Raises StoreFailed."""
        ends_at = time.monotonic() + self._lock_seconds
        return await self._run(self._writer, "BEGIN IMMEDIATE", ends_at, work)

    async def require_writable(self) -> None:
        """Write something; raises StoreUnavailable where that fails."""
        if time.monotonic() < self._written_at + WRITTEN_SECONDS:
            return
        ends_at = time.monotonic() + self._lock_seconds
        try:
            await self._run(
                self._writer, "BEGIN IMMEDIATE", ends_at, lambda connection: connection.rewrite()
            )
        except StoreBusy:
            return  # Another process is writing.
        self._written_at = time.monotonic()

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreFailed."""
        ends_at = time.monotonic() + self._lock_seconds
        try:
            async with asyncio.timeout(self._lock_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise StoreBusy("The database is busy; send the request again.") from None
        reader = self._readers.pop()
        try:
            return await self._run(reader, "BEGIN", ends_at, work)
        finally:
            self._readers.append(reader)
            self._turns.release()

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement. Raises StoreFailed."""
        return await self.read(lambda connection: connection.rows(statement, values))

    def notify(self, collection_id: CollectionId) -> None:
        """Do nothing: the file itself shows that it was changed."""

    async def listen(
        self, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Poll the file's counter of commits while there are listeners. Never tells what was changed.

        Source: SQLite's documentation, PRAGMA data_version: it differs once another connection has committed.
        """
        seen = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not is_wanted():
                seen = None
                continue
            version = await self._listener.execute_fetchall("PRAGMA data_version")
            if version != seen:
                seen = version
                yield None

    async def _run(
        self,
        connection: aiosqlite.Connection,
        how: str,
        ends_at: float,
        work: Callable[[SqliteConnection], Answer],
    ) -> Answer:
        dialect, lock_seconds = self._engine.dialect, self._lock_seconds

        def whole() -> Answer:
            transaction = SqliteConnection(connection._conn, dialect, lock_seconds)
            transaction.begin(how, ends_at - time.monotonic())
            try:
                answer = work(transaction)
                transaction.commit()
            except BaseException:
                transaction.roll_back()
                raise
            return answer

        # aiosqlite's public interface offers one statement a hop. A whole transaction in one hop costs a third of
        # that, and cannot be cut in two by a cancellation. A test checks the private name.
        try:
            return await connection._execute(whole)  # type: ignore[no-any-return, no-untyped-call]  # untyped there
        except sqlite3.Error as error:
            failure = _failure(error)
            if failure is None:
                raise
            raise failure from None

    async def _take(self) -> aiosqlite.Connection:
        try:
            held = await self._engine.connect()
        except DBAPIError as error:
            failure = _failure(error.orig) if isinstance(error.orig, sqlite3.Error) else None
            raise failure or error from None
        self._held.append(held)
        driver = (await held.get_raw_connection()).driver_connection
        assert isinstance(driver, aiosqlite.Connection)
        return driver


def _failure(error: sqlite3.Error) -> StoreFailed | None:
    """Return the exception for an error of SQLite's, and log it; None where a statement is at fault."""
    # The low byte is the kind. Source: SQLite's documentation, result and error codes.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if kind in BUSY:
        return StoreBusy("The database is busy; send the request again.")
    if kind not in UNAVAILABLE:
        return None
    log.error("database unavailable", reason=str(error), code=error.sqlite_errorname)
    return StoreUnavailable("The database can't be used now; send the same request again later.")
