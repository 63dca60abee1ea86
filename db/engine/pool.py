"""The connections to PostgreSQL that run transactions: one is lent to one transaction at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from db.engine.connector import Driver


class Pool:
    """A fixed number of connections at most, each opened when it is first needed.

    asyncpg's own pool takes a connection back in a task of its own, and wraps it anew for every transaction. With the
    time limit of a wait that nobody needs, that is 50 microseconds for each of the seven transactions of a flow.
    """

    def __init__(self, connect: Callable[[], Awaitable[Driver]], size: int) -> None:
        self._connect = connect
        self._size = size
        # Those who wait are served in their order.
        self._turns = asyncio.Semaphore(size)
        self._open: dict[Driver, int] = {}
        """The connections, each with the generation that it was opened in."""
        self._idle: list[Driver] = []
        """The connection used last is lent first."""
        self._generation = 0
        self._is_closing = False

    @property
    def has_idle(self) -> bool:
        """Whether a connection is open and not lent."""
        return any(not driver.is_closed() for driver in self._idle)

    @property
    def lends_at_once(self) -> bool:
        """Whether `acquire` lends a connection without a wait."""
        return self.has_idle and not self._turns.locked()

    async def acquire(self) -> Driver:
        """Lend a connection, and wait for one if all are lent; raises the driver's error where none can be opened."""
        if self._is_closing:
            raise asyncpg.InterfaceError("the pool is closing")
        await self._turns.acquire()
        try:
            return self._taken() or await self._opened()
        except BaseException:
            self._turns.release()
            raise

    def release(self, driver: Driver) -> None:
        """Take a connection back, and end one that is of no use any more."""
        # A ROLLBACK that failed leaves its transaction open.
        is_spent = driver.is_closed() or driver.is_in_transaction()
        if is_spent or self._open[driver] != self._generation:
            self._end(driver)
        else:
            self._idle.append(driver)
        self._turns.release()

    def expire(self) -> None:
        """End the idle connections now, and each other one when it is returned."""
        self._generation += 1
        while self._idle:
            self._end(self._idle.pop())

    async def close(self) -> None:
        """Wait until all connections are returned, and close them."""
        self._is_closing = True
        for _ in range(self._size):
            await self._turns.acquire()
        await asyncio.gather(*(driver.close() for driver in self._open))

    def terminate(self) -> None:
        """End all connections at once."""
        self._is_closing = True
        for driver in list(self._open):
            self._end(driver)
        self._idle.clear()

    def _taken(self) -> Driver | None:
        while self._idle:
            driver = self._idle.pop()
            if not driver.is_closed():
                return driver
            self._end(driver)
        return None

    async def _opened(self) -> Driver:
        generation = self._generation
        driver = await self._connect()
        if self._is_closing:
            driver.terminate()
            raise asyncpg.InterfaceError("the pool is closing")
        self._open[driver] = generation
        return driver

    def _end(self, driver: Driver) -> None:
        driver.terminate()
        self._open.pop(driver, None)
