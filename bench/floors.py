"""What there is without us: a bare echo, an empty query, and commits by the drivers alone."""

import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from sqlalchemy.engine import make_url

from bench.figures import Times
from bench.flows import AUTHORIZE, STEPS, Timed
from bench.wire import Connection
from tests.support.stores import databases

COMMITS = 500

TYPENAME = "{ __typename }"

TABLE = "CREATE TABLE commits (id bigint PRIMARY KEY, amount bigint NOT NULL, status text NOT NULL)"


async def echo_once(connection: Connection, _: Timed) -> None:
    """Send six small bodies to the echo, as many as a flow has steps."""
    for name in STEPS:
        body = orjson.dumps({"query": AUTHORIZE, "variables": {"input": {"id": name}}})
        await connection.post("/echo", body)


async def typename_once(connection: Connection, _: Timed) -> None:
    """Ask six times for what needs no resolver and no database."""
    for _step in STEPS:
        await connection.execute(TYPENAME, {})


@dataclass(frozen=True, slots=True)
class Commits:
    """Transactions that insert one row each, one after the other on one connection."""

    commits_a_second: float
    times: Times

    @classmethod
    def of(cls, seconds: list[float]) -> "Commits":
        """Return the summary of what each commit took."""
        return cls(round(len(seconds) / sum(seconds), 1), Times.of(seconds))


async def commits(kind: str) -> Commits:
    """Commit single rows by the driver alone, to a database of one of databases.KINDS."""
    return Commits.of(
        await _commit_to_postgresql() if kind == "postgresql" else _commit_to_sqlite()
    )


async def _commit_to_postgresql() -> list[float]:
    databases.use("postgresql")
    address = databases.create_database()
    try:
        url = make_url(address).set(drivername="postgresql")
        connection = await asyncpg.connect(databases.text_of(url))
        try:
            await connection.execute(TABLE)
            insert = await connection.prepare("INSERT INTO commits VALUES ($1, $2, $3)")
            seconds = []
            for number in range(COMMITS):
                started = time.perf_counter()
                await insert.fetch(number, 4_990, "CAPTURED")
                seconds.append(time.perf_counter() - started)
        finally:
            await connection.close()
    finally:
        databases.drop_database(address)
    return seconds


def _commit_to_sqlite() -> list[float]:
    with tempfile.TemporaryDirectory(prefix="tillgraph-bench-") as folder:
        path = Path(folder) / "commits.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE):
                connection.execute(statement)
            seconds = []
            for number in range(COMMITS):
                started = time.perf_counter()
                connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (number, 4_990, "x"))
                seconds.append(time.perf_counter() - started)
    return seconds
