"""What a server has to show for itself: every row of its database, and the gateway's own ledger."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import Json, RunningServer

TABLES = (
    "payment_collections",
    "payment_sessions",
    "payments",
    "operations",
    "idempotency_keys",
    "payment_events",
    "provider_reports",
    "disabled_providers",
)


@dataclass(frozen=True)
class Evidence:
    """Is all that there is; two that are equal mean that nothing happened in between."""

    counts: dict[str, int]
    rows: dict[str, list[tuple[Any, ...]]]
    ledger: list[Json]


def read_only(path: Path) -> sqlite3.Connection:
    """Open a database file for reading alone."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def evidence_of(server: RunningServer) -> Evidence:
    """Read everything."""
    with closing(read_only(server.database)) as database:
        rows = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
    return Evidence({table: len(found) for table, found in rows.items()}, rows, server.ledger())


def rows_of(server: RunningServer, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one reading statement on the server's database."""
    with closing(read_only(server.database)) as database:
        return database.execute(statement, values).fetchall()


def write_by_hand(server: RunningServer, statement: str, *values: object) -> None:
    """Run one writing statement on the server's database, past the server."""
    with closing(sqlite3.connect(server.database, timeout=5)) as database, database:
        database.execute(statement, values)
