"""The rows of a server's database and its gateway's ledger, read beside the server."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from decimal import Decimal
from pathlib import Path

from tests.support.program.running import Json, RunningServer
from tests.support.stores import databases
from tests.support.stores.evidence import TABLES
from tests.support.waiting import PATIENCE_SECONDS, until

OPERATIONS = (
    "SELECT id, kind, currency, amount_minor, status, session_id, provider_key FROM operations"
)
SUMS = (
    "SELECT session_id, amount_minor, captured_minor, refunded_minor, released_minor FROM payments"
)


def everything(server: RunningServer) -> dict[str, list[databases.Row]]:
    """Return every row of the server's database."""
    return {table: server.rows(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608


def locked(server: RunningServer) -> AbstractContextManager[None]:
    """Lock the server's database so that it can't write."""
    return databases.held(server.database)


def operation_in(server: RunningServer, status: str, kind: str, session_id: str) -> str:
    """Return the id of a session's operation of a kind and a status; "" where there is none."""
    found = server.rows(
        "SELECT id FROM operations WHERE status = ? AND kind = ? AND session_id = ?",
        status,
        kind,
        session_id,
    )
    return str(found[0][0]) if found else ""


def open_operations(server: RunningServer) -> list[databases.Row]:
    """Return the operations without an outcome."""
    return server.rows(f"{OPERATIONS} WHERE status IN ('ASKING', 'UNKNOWN', 'PROCESSING')")


def effects(server: RunningServer, session_id: str, kind: str | None = None) -> list[Json]:
    """Return the gateway's effects on a session, optionally of one kind."""
    return [
        entry
        for entry in server.ledger(session_id)
        if entry["session"] == session_id and kind in (None, entry["kind"])
    ]


LEASES_OVER = "UPDATE operations SET due_at = 1 WHERE status = 'ASKING'"
"""Makes the operations of a dead process due for recovery at once, as after the lease."""


def end_leases(server: RunningServer) -> None:
    """Let every lease expire."""
    server.rows(LEASES_OVER)


FAR = 4_102_444_800_000_000
"""In 2100."""

PUT_OFF = (
    "UPDATE operations SET due_at = ?"
    " WHERE session_id = ? AND kind = 'authorize' AND holder IS NULL RETURNING id"
)


def put_off(server: RunningServer, session_id: str) -> None:
    """Keep recovery away from a session's attempt, once no process holds it."""
    until(lambda: server.rows(PUT_OFF, FAR, session_id))


def moved(ledger: Path, session_id: str, kind: str) -> list[int]:
    """Return the amounts of a session's effects of a kind from the ledger's file, in minor units, oldest first."""
    with closing(
        sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
    ) as file:
        found = file.execute(
            "SELECT moved_minor FROM entries WHERE session = ? AND kind = ? AND moved_minor > 0"
            " ORDER BY number",
            (session_id, kind),
        )
        return [int(minor) for (minor,) in found]


def lapse(server: RunningServer, payment_id: str) -> None:
    """Let an authorization expire."""
    server.rows("UPDATE payments SET capture_before = created_at WHERE id = ?", payment_id)


@contextmanager
def lapsed(server: RunningServer, payment_id: str) -> Iterator[None]:
    """Let an authorization be past its time for now: of a server whose other tests find nothing to end afterwards."""
    ((until_then,),) = server.rows("SELECT capture_before FROM payments WHERE id = ?", payment_id)
    lapse(server, payment_id)
    yield
    server.rows("UPDATE payments SET capture_before = ? WHERE id = ?", until_then, payment_id)


DAY = 86_400 * 1_000_000


def days_ago(server: RunningServer, session_id: str) -> None:
    """Move a session's unknown operation two days back, and make it due for recovery now."""
    server.rows(
        "UPDATE operations SET created_at = created_at - ?, absent_since = absent_since - ?, due_at = 1"
        " WHERE session_id = ? AND status = 'UNKNOWN' AND holder IS NULL",
        2 * DAY,
        2 * DAY,
        session_id,
    )


def assert_books_agree(server: RunningServer) -> None:
    """Compare the ledger with our operations by key, payments' sums with the ledger's, and the log with its sequence.

    Operations under way get their outcome first: until then the gateway knows more than we do.
    """
    until(lambda: not open_operations(server))
    ledger = server.ledger()
    known = {row[6] or row[0]: row[1:4] for row in server.rows(OPERATIONS)}
    for entry in ledger:
        asked = (entry["kind"], entry["currency"], int(Decimal(entry["amount"]) * 100))
        assert known.get(entry["key"]) == asked, entry
    sums: Counter[tuple[str, str]] = Counter()
    for entry in ledger:
        sums[entry["session"], entry["kind"]] += int(Decimal(entry["moved"]) * 100)
    for session_id, amount, captured, refunded, released in server.rows(SUMS):
        moved = {
            kind: sums[session_id, kind] for kind in ("authorize", "capture", "refund", "cancel")
        }
        ours = {
            "authorize": amount,
            "capture": captured,
            "refund": refunded,
            "cancel": released,
        }
        assert ours == moved, session_id
    gaps = server.rows(
        "SELECT collection_id FROM payment_events GROUP BY collection_id"
        " HAVING min(sequence) <> 1 OR max(sequence) <> count(*)",
    )
    assert gaps == []
    authorized = {entry["session"] for entry in ledger if is_authorization(entry)}
    assert authorized == {row[0] for row in server.rows(SUMS)}


def is_authorization(entry: Json) -> bool:
    """Return whether an effect is an authorization that was approved."""
    return bool(entry["kind"] == "authorize" and entry["result"] == "approved")
