"""PostgreSQL: a transaction is one function over a pooled connection, with the driver's own prepared statements."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import asyncpg
import structlog
from sqlalchemy import URL, Dialect
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.engine import Connection as EngineConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from db.notifications import Notifications, driver_of
from db.statements import Connection, Row, Statement
from payments.errors import StoreBusy
from payments.ids import CollectionId
from payments.instants import Instant

Answer = TypeVar("Answer")

log = structlog.get_logger("database")

CONNECTIONS = 10
"""Of one process: more of them than this only wait for the same few cores of the database."""

CONNECT_SECONDS = 3.0
"""For a new connection: a server that is not there is told of as quickly as one that is busy."""

COMMAND_SECONDS = 5.0
"""For one statement: behind it the server or the network hangs, and the lock limit has not helped."""

CACHED_STATEMENTS = 256
"""Prepared statements a connection keeps: more than this program has, so that none is prepared twice."""

TRIES = 5
"""Of a transaction that another one overtook: each time somebody else got through."""

CLOCK_SECONDS = 30.0
"""Between two looks at the database's clock; in between this process counts on its own."""

SHORTEST_PATIENCE_SECONDS = 0.1
"""For a lock, however long the wait for a connection was; a shorter wait for one is not counted."""

WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

OVERTAKEN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    # Of two first uses of an idempotency key or of a report's id, the second one finds it when it starts again.
    asyncpg.UniqueViolationError,
)

BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""The server answers and does not do it."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What the driver says of a connection that was ended at that very moment.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The connection is gone, or nobody answers on it."""


def create_engine(
    url: URL, lock_seconds: float, command_seconds: float | None = COMMAND_SECONDS
) -> AsyncEngine:
    """Make the engine for a server; a connection waits for a lock as long as on SQLite."""
    return create_async_engine(
        url,
        # One more, on which notifications come and go.
        pool_size=CONNECTIONS + 1,
        max_overflow=0,
        pool_timeout=lock_seconds,
        pool_use_lifo=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": command_seconds,
            "statement_cache_size": CACHED_STATEMENTS,
            "max_cached_statement_lifetime": 0,
            "server_settings": {
                "application_name": "tillgraph",
                "lock_timeout": f"{int(lock_seconds * 1_000)}",
                "idle_in_transaction_session_timeout": "60000",
            },
        },
    )


def _patience(waited_seconds: float, lock_seconds: float) -> str:
    """Take what the wait for a connection took off the wait for locks, so that both together end in time."""
    if waited_seconds < SHORTEST_PATIENCE_SECONDS:
        return ""
    left_seconds = max(SHORTEST_PATIENCE_SECONDS, lock_seconds - waited_seconds)
    return f"; SET LOCAL lock_timeout = {int(left_seconds * 1_000)}"


class PostgresqlConnection:
    """Executes statements on the driver's own connection, from inside a function that SQLAlchemy runs for it."""

    def __init__(self, adapted: AdaptedConnection, dialect: Dialect) -> None:
        self._adapted = adapted
        self._dialect = dialect

    def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute a statement and give its rows."""
        compiled = statement.compiled(self._dialect)
        arguments = compiled.arguments(values)
        found: list[Row] = self._adapted.run_async(
            lambda driver: driver.fetch(compiled.sql, *arguments)
        )
        return found

    def change(self, statement: Statement, values: dict[str, Any]) -> int:
        """Execute a statement and give the number of rows that it changed."""
        compiled = statement.compiled(self._dialect)
        arguments = compiled.arguments(values)
        status: str = self._adapted.run_async(
            lambda driver: driver.execute(compiled.sql, *arguments)
        )
        return int(status.rpartition(" ")[2])

    def execute(self, sql: str) -> None:
        """Execute what has no parameters and gives no rows."""
        self._adapted.run_async(lambda driver: driver.execute(sql))


class PostgresqlDatabase:
    """Runs transactions on the engine's pooled connections."""

    def __init__(self, engine: AsyncEngine, lock_seconds: float) -> None:
        self._engine = engine
        self._lock_seconds = lock_seconds
        self._clock_offset = 0
        """Microseconds from this process's monotonic clock to the database's clock."""
        self._clock_read_at = -CLOCK_SECONDS
        self._reading_clock: asyncio.Task[None] | None = None
        self._hints = Notifications(engine)

    async def open(self) -> None:
        """Make the first connection, and read the database's clock."""
        await self._read_clock()

    async def close(self) -> None:
        """Close every connection."""
        if self._reading_clock is not None:
            self._reading_clock.cancel()
            await asyncio.gather(self._reading_clock, return_exceptions=True)
        await self._hints.close()
        await self._engine.dispose()

    def now(self) -> Instant:
        """Give the database's clock as it stands now: no jump of this machine's clock moves it."""
        return Instant(time.monotonic_ns() // 1_000 + self._clock_offset)

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one write transaction; what it raises rolls back. Raises StoreBusy."""
        self._keep_clock()
        for _ in range(TRIES - 1):
            try:
                return await self._run(WRITING, work)
            except OVERTAKEN:
                continue
        return await self._run(WRITING, work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreBusy."""
        return await self._run(READING, work)

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute one statement that reads; it is a transaction of its own. Raises StoreBusy."""
        return await self._run(None, lambda connection: connection.rows(statement, values))

    def tell(self, collection_id: CollectionId) -> None:
        """Notify the other processes, behind the commit: a NOTIFY within makes transactions commit one by one."""
        self._hints.tell(collection_id)

    def hear(self, is_wanted: Callable[[], bool]) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Give what other processes notify of."""
        return self._hints.hear()

    async def _run(self, how: str | None, work: Callable[[Connection], Answer]) -> Answer:
        dialect = self._engine.dialect
        started_at = time.monotonic()

        def whole(connection: EngineConnection) -> Answer:
            adapted = cast(AdaptedConnection, connection.connection.dbapi_connection)
            transaction = PostgresqlConnection(adapted, dialect)
            if how is None:
                return work(transaction)
            transaction.execute(how + _patience(time.monotonic() - started_at, self._lock_seconds))
            try:
                answer = work(transaction)
            except BaseException:
                transaction.execute("ROLLBACK")
                raise
            transaction.execute("COMMIT")
            return answer

        async with self._connected() as connection:
            return await connection.run_sync(whole)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; one that failed, or whose caller was canceled, is thrown away. Raises StoreBusy."""
        try:
            connection = await self._checked_out()
        except NoConnection:
            log.warning("no connection free")
            raise StoreBusy("The database is busy; send the request again.") from None
        except (*BUSY, *LOST, DBAPIError) as error:
            log.warning("no connection to the database", error=type(error).__name__)
            raise StoreBusy("The database can't be reached; send the request again.") from None
        try:
            yield connection
        except LOST as error:
            await connection.invalidate()
            log.warning("connection to the database lost", error=type(error).__name__)
            # Whether a COMMIT got through is not known here: the same request, with its key, finds out.
            raise StoreBusy("The database did not answer; send the same request again.") from None
        except BUSY as error:
            log.warning("database busy", error=type(error).__name__)
            raise StoreBusy("The database is busy; send the request again.") from None
        except asyncio.CancelledError:
            # Where a BEGIN or a ROLLBACK was on its way, a transaction may be open.
            await connection.invalidate()
            raise
        finally:
            await connection.close()

    async def _checked_out(self) -> AsyncConnection:
        """Take a connection out of the pool; those that a restarted server has closed are replaced."""
        for _ in range(CONNECTIONS + 1):
            connection = await self._engine.connect()
            if not (await driver_of(connection)).is_closed():
                return connection
            await connection.invalidate()
            await connection.close()
        raise NoConnection("Every connection was closed by the server.")

    def _keep_clock(self) -> None:
        """Have the clock read from time to time; nobody waits for that, since this process counts on meanwhile."""
        is_old = time.monotonic() > self._clock_read_at + CLOCK_SECONDS
        is_being_read = self._reading_clock is not None and not self._reading_clock.done()
        if is_old and not is_being_read:
            self._reading_clock = asyncio.create_task(self._read_clock_safely())

    async def _read_clock_safely(self) -> None:
        # The next transaction tries again.
        with suppress(StoreBusy, DBAPIError, asyncpg.PostgresError):
            await self._read_clock()

    async def _read_clock(self) -> None:
        async with self._connected() as connection:
            driver = await driver_of(connection)
            before = time.monotonic_ns()
            instant = await driver.fetchval(CLOCK)
            middle = (before + time.monotonic_ns()) // 2
            self._clock_offset = instant - middle // 1_000
            self._clock_read_at = time.monotonic()
