"""What a server has to show for itself: every row of its database, and the gateway's own ledger."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.running import RunningServer

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


Evidence = frozenset[str]
"""All that there is, a line each; two that are equal mean that nothing happened in between."""


def read_only(path: Path) -> sqlite3.Connection:
    """Open a database file for reading alone."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def evidence_of(server: RunningServer) -> Evidence:
    """Read everything."""
    with closing(read_only(server.database)) as database:
        rows = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
    written = {f"{table}: {row}" for table, found in rows.items() for row in found}
    return frozenset(written | {f"ledger: {entry}" for entry in server.ledger()})


def rows_of(server: RunningServer, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one reading statement on the server's database."""
    with closing(read_only(server.database)) as database:
        return database.execute(statement, values).fetchall()


def write_by_hand(server: RunningServer, statement: str, *values: object) -> None:
    """Run one writing statement on the server's database, past the server."""
    with closing(sqlite3.connect(server.database, timeout=5)) as database, database:
        database.execute(statement, values)
