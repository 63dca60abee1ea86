"""The parts of aiosqlite that db/engine/sqlite.py needs beyond its public names."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiosqlite
import pytest

from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.sqlite

Answer = TypeVar("Answer")


async def run(
    connection: aiosqlite.Connection, function: Callable[..., Answer], *values: str
) -> Answer:
    """Hand a function over as db/engine/sqlite.py does."""
    return await connection._execute(function, *values)  # type: ignore[no-any-return,no-untyped-call]  # untyped there


def test_the_driver_s_own_connection_is_sqlite3_s(tmp_path: Path) -> None:
    """`_conn` of an open connection is the standard library's connection."""

    async def main() -> None:
        async with aiosqlite.connect(tmp_path / "a.db") as connection:
            assert isinstance(connection._conn, sqlite3.Connection)

    asyncio.run(main())


def test_execute_runs_a_function_in_the_connection_s_thread(tmp_path: Path) -> None:
    """`_execute` calls what it is given in the connection's one thread, and gives its result."""

    async def main() -> tuple[int, int, int]:
        async with aiosqlite.connect(tmp_path / "a.db") as connection:
            first = await run(connection, threading.get_ident)
            second = await run(connection, threading.get_ident)
            return first, second, await run(connection, lambda: 42)

    first, second, answer = asyncio.run(main())
    assert first == second != threading.get_ident()
    assert answer == 42


def test_execute_raises_what_the_function_raises(tmp_path: Path) -> None:
    """An exception arrives as it is, and the connection goes on."""

    class OurError(Exception):
        pass

    def fail() -> None:
        raise OurError("as it is")

    async def main() -> int:
        async with aiosqlite.connect(tmp_path / "a.db") as connection:
            with pytest.raises(OurError, match=r"^as it is$"):
                await run(connection, fail)
            return int(await run(connection, lambda: 1))

    assert asyncio.run(main()) == 1


def test_functions_run_one_behind_the_other_and_whole(tmp_path: Path) -> None:
    """Two functions that are handed over at once never overlap."""
    steps: list[str] = []

    def work(name: str) -> None:
        steps.append(f"{name} begins")
        time.sleep(0.05)
        steps.append(f"{name} ends")

    async def main() -> None:
        async with aiosqlite.connect(tmp_path / "a.db") as connection:
            await asyncio.gather(run(connection, work, "one"), run(connection, work, "two"))

    asyncio.run(main())
    assert steps == ["one begins", "one ends", "two begins", "two ends"]


def test_a_canceled_wait_does_not_cut_the_function(tmp_path: Path) -> None:
    """If a wait is canceled, the function runs to its end, and the connection stays usable."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        ended.set()

    async def main() -> int:
        async with aiosqlite.connect(tmp_path / "a.db") as connection:
            waiting = asyncio.create_task(run(connection, work))
            assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert not ended.is_set()
            go_on.set()
            return int(await run(connection, lambda: 7))

    assert asyncio.run(main()) == 7
    assert ended.is_set()


def test_a_whole_transaction_fits_in_one_function(tmp_path: Path) -> None:
    """BEGIN IMMEDIATE, a change and COMMIT on `_conn` inside one `_execute` are seen by another connection."""
    path = tmp_path / "a.db"

    async def main() -> None:
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            inner = connection._conn

            def whole() -> None:
                inner.execute("BEGIN IMMEDIATE")
                inner.execute("CREATE TABLE things (id INTEGER)")
                inner.execute("INSERT INTO things VALUES (1)")
                inner.execute("COMMIT")

            await run(connection, whole)

    asyncio.run(main())
    other = sqlite3.connect(path)
    assert other.execute("SELECT id FROM things").fetchall() == [(1,)]
    other.close()
