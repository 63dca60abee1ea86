"""The pool of connections to PostgreSQL."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
import pytest

from db.engine.address import read_address
from db.engine.connector import Connector
from db.engine.pool import Pool

pytestmark = pytest.mark.once


def run(address: str, work: Callable[[Pool], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a pool of two connections, and end it."""

    async def whole() -> None:
        pool = Pool(Connector(read_address(address), None).connect, 2)
        try:
            await work(pool)
        finally:
            pool.terminate()

    asyncio.run(whole())


def test_a_returned_connection_is_lent_again(own_database: str) -> None:
    """No second one is opened while one is free, and those who wait get what is returned, in their order."""

    async def work(pool: Pool) -> None:
        first = await pool.acquire()
        pool.release(first)
        assert await pool.acquire() is first
        second = await pool.acquire()
        assert not pool.lends_at_once
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(2)]
        pool.release(second)
        assert await waiting[0] is second
        pool.release(first)
        assert await waiting[1] is first

    run(own_database, work)


def test_a_canceled_wait_takes_no_turn(own_database: str) -> None:
    """Whoever stops waiting leaves both connections to the others."""

    async def work(pool: Pool) -> None:
        lent = [await pool.acquire(), await pool.acquire()]
        waiting = asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        for driver in lent:
            pool.release(driver)
        assert {await pool.acquire(), await pool.acquire()} == set(lent)

    run(own_database, work)


def test_no_connection_is_lent_with_an_open_transaction(own_database: str) -> None:
    """A connection that is returned inside a transaction is ended, and so is one that is closed."""

    async def work(pool: Pool) -> None:
        driver = await pool.acquire()
        await driver.execute("BEGIN")
        pool.release(driver)
        assert driver.is_closed()
        another = await pool.acquire()
        assert another is not driver
        await another.close()
        pool.release(another)
        assert not pool.has_idle
        assert await (await pool.acquire()).fetchval("SELECT 1") == 1

    run(own_database, work)


def test_no_expired_connection_is_lent(own_database: str) -> None:
    """Idle connections end at once, and those that are lent when they are returned."""

    async def work(pool: Pool) -> None:
        lent, idle = await pool.acquire(), await pool.acquire()
        pool.release(idle)
        pool.expire()
        assert idle.is_closed()
        assert await lent.fetchval("SELECT 1") == 1
        pool.release(lent)
        assert lent.is_closed()
        assert await pool.acquire() not in (lent, idle)

    run(own_database, work)


def test_closing_waits_for_what_is_lent(own_database: str) -> None:
    """It closes all connections once they are returned, and lends none from its beginning."""

    async def work(pool: Pool) -> None:
        lent = await pool.acquire()
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        with pytest.raises(asyncpg.InterfaceError):
            await pool.acquire()
        assert await lent.fetchval("SELECT 1") == 1
        pool.release(lent)
        await closing
        assert lent.is_closed()

    run(own_database, work)
