"""The server's command line as a test build: it fails where it is told to, and days pass in seconds.

TILLGRAPH_TEST_FAULTS names a file. While it holds a point's name, such as "after prepare", whoever reaches that point
removes it and kills itself; with "hold " before the name it waits there instead until the file is gone, or says that
its transaction is overtaken, which PostgreSQL's driver is then taken to have said.
TILLGRAPH_TEST_TIME_SCALE says how much faster days pass, TILLGRAPH_TEST_WAIT_SCALE how much shorter every wait for
somebody else is, TILLGRAPH_TEST_LOCK_SECONDS how long a transaction waits for its lock, and TILLGRAPH_TEST_POLL_SECONDS
how long a change that no hint told of is not looked for.
TILLGRAPH_TEST_STATEMENTS names a file that takes every statement that the database is sent, one a line.
With TILLGRAPH_TEST_RUNS_TWICE the function of every write transaction runs twice, and its first run is rolled back.
"""

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[3]))

import server
from db.engine.postgresql import PostgresqlDatabase
from db.engine.sqlite import SqliteDatabase
from payments.flow.fault_injection import FaultInjection

LOOK_SECONDS = 0.01
HOLD = "hold "
HELD = ".held"


def at(point: str) -> None:
    """Fail if this is the point; a process that waits here creates a file, "faults.held"."""
    path = Path(os.environ["TILLGRAPH_TEST_FAULTS"])
    armed = _read(path)
    if armed == point:
        path.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if armed == HOLD + point:
        path.with_suffix(HELD).touch()
        while _read(path) == armed:
            time.sleep(LOOK_SECONDS)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _seconds(name: str) -> float | None:
    given = os.environ.get(name)
    return None if given is None else float(given)


def faults() -> FaultInjection:
    """Return the faults that the environment asks for."""
    scale = float(os.environ.get("TILLGRAPH_TEST_TIME_SCALE", "1"))
    wait_scale = float(os.environ.get("TILLGRAPH_TEST_WAIT_SCALE", "1"))
    listening = {"at": at} if "TILLGRAPH_TEST_FAULTS" in os.environ else {}
    return FaultInjection(
        time_scale=scale,
        wait_scale=wait_scale,
        lock_seconds=_seconds("TILLGRAPH_TEST_LOCK_SECONDS"),
        poll_seconds=_seconds("TILLGRAPH_TEST_POLL_SECONDS"),
        **listening,
    )


def write_statements(path: Path) -> None:
    """Let both drivers write down the statements that they send."""
    connect_sqlite, connect_postgresql = sqlite3.connect, asyncpg.connect

    def write(statement: str) -> None:
        with path.open("a") as file:
            file.write(" ".join(statement.split()) + "\n")

    def connected(*arguments: Any, **options: Any) -> Any:
        connection = connect_sqlite(*arguments, **options)
        connection.set_trace_callback(write)
        return connection

    async def connected_over_network(*arguments: Any, **options: Any) -> Any:
        connection = await connect_postgresql(*arguments, **options)
        connection.add_query_logger(lambda record: write(record.query))
        return connection

    sqlite3.connect = connected
    asyncpg.connect = connected_over_network


class RolledBack(Exception):
    """An error: the first run of a transaction's function is over, and is rolled back."""


def run_twice() -> None:
    """Run every write transaction twice, as databases may."""
    kinds: tuple[Any, ...] = (SqliteDatabase, PostgresqlDatabase)
    for kind in kinds:
        kind.write = _twice(kind.write)
    exchange = PostgresqlDatabase.exchange

    async def exchange_twice(database: Any, reading: Any, decide: Callable[[Any], Any]) -> Any:
        def decide_twice(row: Any) -> Any:
            with suppress(Exception):
                decide(row)
            return decide(row)

        return await exchange(database, reading, decide_twice)

    PostgresqlDatabase.exchange = exchange_twice  # type: ignore[assignment]  # of the test build alone


def _twice(write: Any) -> Any:
    async def write_twice(database: Any, work: Callable[[Any], Any]) -> Any:
        def first(connection: Any) -> None:
            work(connection)
            raise RolledBack

        # An exception of the first run is raised again by the second.
        with suppress(Exception):
            await write(database, first)
        return await write(database, work)

    return write_twice


def main() -> int:
    """Run the command line; return the exit code."""
    if "TILLGRAPH_TEST_RUNS_TWICE" in os.environ:
        run_twice()
    if "TILLGRAPH_TEST_STATEMENTS" in os.environ:
        write_statements(Path(os.environ["TILLGRAPH_TEST_STATEMENTS"]))
    return server.main(faults=faults())


if __name__ == "__main__":
    sys.exit(main())
