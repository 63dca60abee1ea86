"""PostgreSQL: a transaction is one function over a pooled connection, with the driver's own prepared statements."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import structlog
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

from db.engine.connector import Connector, Driver, PoolerFull, is_behind_pooler
from db.engine.exchanges import Overtaken, Text
from db.engine.limits import CONNECTIONS
from db.engine.notifications import Notifications
from db.engine.pool import Pool
from db.statements.compiled import Connection, Row, Statement
from payments.model.errors import StoreBusy, StoreFailed, StoreUnavailable
from payments.model.ids import CollectionId
from payments.model.instants import Instant

Answer = TypeVar("Answer")

log = structlog.get_logger("database")

TRIES = 5
"""Attempts of a transaction that others overtook: each time another one succeeded."""

CLOSE_SECONDS = 5.0
"""For the transactions that are still open when the server ends."""

CLOCK_SECONDS = 30.0
"""Between two reads of the database's clock; in between this process counts on its own."""

SHORTEST_PATIENCE_SECONDS = 0.1
"""For a lock, however long the wait for a connection was; a shorter wait for one is not counted."""

IDLE_SECONDS = 60.0
"""For an idle open transaction: the server ends one whose process has stopped."""

WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # untyped there
"""Of the texts that statements are compiled to."""

IS_READ_ONLY = "SELECT current_setting('transaction_read_only')"
CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

UNAVAILABLE = "The database can't be used now; send the same request again later."

OVERTAKEN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    # Of two first uses of an idempotency key or of a report's id, the second starts again and finds the first.
    asyncpg.UniqueViolationError,
    # A row that a whole change was to update is not as it was read.
    asyncpg.DivisionByZeroError,
)

BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
)
"""The server answers but refuses."""

ONLY_READ = (asyncpg.ReadOnlySQLTransactionError,)
"""Nothing was done. After a failover an old connection leads to the former primary, and a new one to the
one that is now."""

FULL = (asyncpg.DiskFullError, asyncpg.PostgresSystemError)
"""The server's disk is at fault, until an operator repairs it."""

ENDING = (
    # The server is shutting down, starting, or has ended this session: all of 57 except a canceled statement.
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
)
"""The server answers, but this connection is of no use any more."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # The driver's error for a connection that ended at that very moment.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The connection is gone, or nobody answers on it."""


def create_engine(connector: Connector, lock_seconds: float) -> AsyncEngine:
    """Return an engine for migrations."""
    return create_async_engine(
        "postgresql+asyncpg://",
        pool_timeout=lock_seconds,
        connect_args={
            "async_creator_fn": connector.connect,
            # Statements that SQLAlchemy prepares itself have no names: a pooler may be in between.
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
        },
    )


PLANS = {"enable_seqscan": "off"}
"""Every table that grows is read by an index. A plan that was made while a table was empty would read the whole of it,
until PostgreSQL analyzes the table and plans anew."""


def limits(lock_seconds: float) -> dict[str, str]:
    """Return the server's settings that limit a transaction: its waits for locks, and its own pauses."""
    return {
        "lock_timeout": f"{int(lock_seconds * 1_000)}",
        "idle_in_transaction_session_timeout": f"{int(IDLE_SECONDS * 1_000)}",
    }


class PostgresqlConnection:
    """Statements on the driver's connection, from inside a function that runs in a greenlet of its own."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Execute a statement and return its rows."""
        compiled = statement.compiled(DIALECT)
        found: list[Row] = await_only(self._driver.fetch(compiled.sql, *compiled.arguments(values)))
        return found

    def change(self, statement: Statement, values: dict[str, Any]) -> int:
        """Execute a statement and return the number of changed rows."""
        compiled = statement.compiled(DIALECT)
        status: str = await_only(self._driver.execute(compiled.sql, *compiled.arguments(values)))
        return int(status.rpartition(" ")[2])

    def value(self, sql: str) -> Any:
        """Execute a statement without parameters and return its one value."""
        return await_only(self._driver.fetchval(sql))

    def execute(self, sql: str) -> None:
        """Execute a statement without parameters or rows."""
        await_only(self._driver.execute(sql))


class PostgresqlDatabase:
    """Transactions on pooled connections."""

    def __init__(
        self, connector: Connector, lock_seconds: float, connections: int = CONNECTIONS
    ) -> None:
        self._connector = connector
        self._pool = Pool(connector.connect, connections)
        self._lock_seconds = lock_seconds
        self._clock_offset = 0
        """The difference in microseconds between this process's monotonic clock and the database's clock."""
        self._clock_read_at = -CLOCK_SECONDS
        self._reading_clock: asyncio.Task[None] | None = None
        self._hints = Notifications(connector)

    async def open(self) -> None:
        """Open the first connection, find out whether a pooler is there, and read the database's clock."""
        async with self._connected() as driver:
            if await is_behind_pooler(driver):
                log.info("a pooler stands before the database: nothing is kept in sessions")
            else:
                self._connector.is_pooled = False
                driver.terminate()
        await self._read_clock()

    async def close(self) -> None:
        """Close every connection."""
        if self._reading_clock is not None:
            self._reading_clock.cancel()
            await asyncio.gather(self._reading_clock, return_exceptions=True)
        await self._hints.close()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        finally:
            self._pool.terminate()

    def now(self) -> Instant:
        """Return the current time of the database's clock, unaffected by jumps of this machine's clock."""
        return Instant(time.monotonic_ns() // 1_000 + self._clock_offset)

    async def write(self, work: Callable[[PostgresqlConnection], Answer]) -> Answer:
        """Run a function in one write transaction; its exception rolls back. Raises StoreFailed."""
        self._keep_clock()
        for _ in range(TRIES - 1):
            with suppress(*OVERTAKEN, *ONLY_READ):
                return await self._attempt(WRITING, work)
        return await self._run(WRITING, work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run a function in one read transaction, on a snapshot of its own. Raises StoreFailed."""
        return await self._run(READING, work)

    async def rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement, a transaction of its own. Raises StoreFailed."""
        if self._connector.is_pooled:
            # Through a pooler, a statement is prepared and executed by one server process only within a transaction.
            return await self.read(lambda connection: connection.rows(statement, values))
        compiled = statement.compiled(DIALECT)
        async with self._connected() as driver:
            found: list[Row] = await driver.fetch(compiled.sql, *compiled.arguments(values))
        return found

    async def exchange(
        self, reading: Text | None, decide: Callable[[Row | None], tuple[Answer, Text | None]]
    ) -> Answer:
        """Read a row, and write what a function makes of it. Raises Overtaken and StoreFailed."""
        self._keep_clock()
        if self._connector.is_pooled:
            raise Overtaken
        for _ in range(TRIES):
            with suppress(*OVERTAKEN, *ONLY_READ):
                is_done, answer = await self._exchange(reading, decide)
                if is_done:
                    return answer
        raise Overtaken

    async def _exchange(
        self, reading: Text | None, decide: Callable[[Row | None], tuple[Answer, Text | None]]
    ) -> tuple[bool, Answer]:
        started_at = time.monotonic()
        async with self._connected() as driver:
            row = None
            if reading is not None:
                sql, arguments = reading
                row = await driver.fetchrow(sql, *arguments)
            answer, writing = decide(row)
            if writing is None:
                return True, answer
            sql, arguments = writing
            waited_seconds = time.monotonic() - started_at
            # After a long wait for a connection less time is left for a lock than the session's limit.
            left_seconds = None
            if waited_seconds >= SHORTEST_PATIENCE_SECONDS:
                left_seconds = max(SHORTEST_PATIENCE_SECONDS, self._lock_seconds - waited_seconds)
            return bool(await driver.fetchval(sql, *arguments, timeout=left_seconds)), answer

    async def require_writable(self) -> None:
        """Raise StoreUnavailable where the server only reads."""

        def ask(connection: PostgresqlConnection) -> None:
            if connection.value(IS_READ_ONLY) == "on":
                raise asyncpg.ReadOnlySQLTransactionError("the server only reads")

        await self.write(ask)

    def notify(self, collection_id: CollectionId) -> None:
        """Notify the other processes after the commit: a NOTIFY inside makes transactions commit one by one."""
        self._hints.notify(collection_id)

    def listen(
        self, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Yield other processes' notifications."""
        return self._hints.listen()

    async def _run(self, how: str, work: Callable[[PostgresqlConnection], Answer]) -> Answer:
        try:
            return await self._attempt(how, work)
        except ONLY_READ:
            raise StoreUnavailable(UNAVAILABLE) from None

    async def _attempt(self, how: str, work: Callable[[PostgresqlConnection], Answer]) -> Answer:
        started_at = time.monotonic()

        def whole(driver: Driver) -> Answer:
            transaction = PostgresqlConnection(driver)
            transaction.execute(how + self._limits(time.monotonic() - started_at))
            try:
                answer = work(transaction)
            except BaseException:
                transaction.execute("ROLLBACK")
                raise
            transaction.execute("COMMIT")
            return answer

        async with self._connected() as driver:
            return await greenlet_spawn(whole, driver)

    def _limits(self, waited_seconds: float) -> str:
        """Set a transaction's limits if its session has none, or if the wait for a connection leaves it less time."""
        left_seconds = self._lock_seconds
        if waited_seconds >= SHORTEST_PATIENCE_SECONDS:
            left_seconds = max(SHORTEST_PATIENCE_SECONDS, left_seconds - waited_seconds)
        elif not self._connector.is_pooled:
            return ""
        return "".join(
            f"; SET LOCAL {name} = {value}" for name, value in limits(left_seconds).items()
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Driver]:
        """Lend a connection; one that failed, or whose caller was canceled, is discarded. Raises StoreFailed."""
        try:
            driver = await self._acquired()
        except (*BUSY, *FULL, *ENDING, *LOST) as error:
            log.warning("no connection to the database", **_facts(error))
            raise StoreBusy("The database can't be reached; send the request again.") from None
        try:
            yield driver
        except ONLY_READ as error:
            # The others lead to the former primary, too.
            self._pool.expire()
            log.error("database only reads", **_facts(error))
            raise
        except asyncpg.InvalidCachedStatementError:
            # A table was changed: what the other connections have prepared is outdated, too.
            self._pool.expire()
            raise
        except FULL as error:
            log.error("database unavailable", **_facts(error))
            raise StoreUnavailable(UNAVAILABLE) from None
        except BUSY as error:
            log.warning("database busy", **_facts(error))
            raise StoreBusy("The database is busy; send the request again.") from None
        except (*ENDING, *LOST) as error:
            driver.terminate()
            log.warning("connection to the database lost", **_facts(error))
            # Whether a COMMIT arrived is not known here: the same request, with its key, finds out.
            raise StoreBusy("The database did not answer; send the same request again.") from None
        except asyncio.CancelledError:
            # If a BEGIN or a ROLLBACK was under way, a transaction may be open.
            driver.terminate()
            raise
        finally:
            self._pool.release(driver)

    async def _acquired(self) -> Driver:
        """Take a connection out of the pool, which replaces those that a restarted server has closed."""
        if self._pool.lends_at_once:
            return await self._pool.acquire()
        waiting = asyncio.timeout(self._lock_seconds)
        try:
            async with waiting:
                while True:
                    try:
                        return await self._pool.acquire()
                    except PoolerFull as error:
                        if not self._pool.has_idle:
                            raise
                        # All were lent when another one was requested: one that has been returned meanwhile will do.
                        log.warning("no connection to the database", **_facts(error))
        except TimeoutError:
            if not waiting.expired():
                raise
            log.warning("no connection free")
            raise StoreBusy("The database is busy; send the request again.") from None

    def _keep_clock(self) -> None:
        """Have the clock read from time to time; nobody waits for that, since this process counts on meanwhile."""
        is_old = time.monotonic() > self._clock_read_at + CLOCK_SECONDS
        is_being_read = self._reading_clock is not None and not self._reading_clock.done()
        if is_old and not is_being_read:
            self._reading_clock = asyncio.create_task(self._read_clock_safely())

    async def _read_clock_safely(self) -> None:
        # The next transaction tries again.
        with suppress(StoreFailed, asyncpg.PostgresError):
            await self._read_clock()

    async def _read_clock(self) -> None:
        def read(connection: PostgresqlConnection) -> int:
            before = time.monotonic_ns()
            instant = int(connection.value(CLOCK))
            middle = (before + time.monotonic_ns()) // 2
            return instant - middle // 1_000

        self._clock_offset = await self._run(READING, read)
        self._clock_read_at = time.monotonic()


def _facts(error: Exception) -> dict[str, str]:
    """Return what the log may have of an error: its kind and the server's own sentence, without a row's values."""
    return {"error": type(error).__name__, "reason": str(error.args[0]) if error.args else ""}
