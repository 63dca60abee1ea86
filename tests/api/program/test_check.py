"""`python server.py check`: a row for each invariant that is broken."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from db.engine.database import create_database
from db.invariants import SqlInvariants
from db.mismatches import SqlMismatches
from db.statements.invariants import INVARIANTS, Invariant
from payments.ports.invariants import BrokenInvariant
from tests.conftest import CHECKED
from tests.support.flow.registering import ALLOWED, register
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.forms import in_short
from tests.support.program.commands import run_command
from tests.support.program.ports import free_port
from tests.support.program.running import SQLITE, URL, RunningServer
from tests.support.stores.databases import everything_broken
from tests.support.waiting import until

pytestmark = pytest.mark.once

BROKEN = {
    "a currency that nobody knows": "UPDATE payment_collections SET currency = 'QQQ'",
    "captured more than its captures": "UPDATE payments SET captured_minor = captured_minor + 1",
    "refunded more than its refunds": "UPDATE payments SET refunded_minor = refunded_minor + 1",
    "disputed without a dispute": "UPDATE payments SET disputed_minor = disputed_minor + 1",
    "released without a cancellation": "UPDATE payments SET released_minor = released_minor + 1",
    "reserved by no capture": "UPDATE payments SET capture_pending_minor = 5",
    "reserved by no refund": "UPDATE payments SET refund_pending_minor = 5",
    "a collection's authorized amount": "UPDATE payment_collections SET authorized_minor = 1",
    "a collection's captured amount": "UPDATE payment_collections SET captured_minor = 1",
    "a collection's refunded amount": "UPDATE payment_collections SET refunded_minor = 1",
    "another currency of an operation": "UPDATE operations SET currency = 'EUR'",
    "another currency of a payment": "UPDATE payments SET currency = 'EUR'",
    "a holder behind the outcome": "UPDATE operations SET holder = 'nobody'",
    "a step behind the outcome": "UPDATE operations SET due_at = 5",
    "a payment of a declined attempt": (
        "UPDATE operations SET status = 'DECLINED' WHERE kind = 'authorize'"
    ),
    "an attempt without its payment": (
        "UPDATE payments SET session_id = (SELECT id FROM payment_sessions ORDER BY id DESC LIMIT 1)"
    ),
    "work that nobody looks after": (
        "UPDATE operations SET status = 'UNKNOWN', due_at = 5 WHERE kind = 'capture'"
    ),
    "captured and canceled at once": (
        "UPDATE payments SET cancellation_id = 'cncl_x', capture_pending_minor = 1"
    ),
    "a cancellation that is over": "UPDATE payments SET cancellation_id = 'cncl_x'",
    "a cancellation that is not named": (
        "UPDATE operations SET kind = 'cancel', status = 'UNKNOWN' WHERE kind = 'capture'"
    ),
    "an authorization that nobody ends": "UPDATE payments SET capture_before = 5",
    "a collection's status": "UPDATE payment_collections SET status = 'FAILED'",
    "a session's status": "UPDATE payment_sessions SET status = 'ERROR'",
    "a payment's status": "UPDATE payments SET status = 'CANCELED'",
    "a webhook that nobody sends": "DELETE FROM webhook_lanes",
    "an event too few": "UPDATE payment_collections SET sequence = sequence + 1",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which every invariant holds: payments, movements, a failed session and an open one."""
    folder = tmp_path_factory.mktemp("sound")
    server = RunningServer(folder, {**ALLOWED, URL: f"{SQLITE}{folder / 'till.db'}"}).start()
    payment = pay(server)
    capture(server, payment["id"], amount="60.00")
    refund(server, payment["id"], amount="20.00")
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"], "decline")["id"])
    open_session(server, collection["id"])
    register(server, f"http://127.0.0.1:{free_port()}/nobody-listens")
    open_collection(server)
    until(lambda: server.rows("SELECT id FROM webhook_deliveries"))
    server.stop()  # In order: what stood in the database's log is in its file, which is copied.
    server.close()
    return folder / "till.db"


def check(folder: Path, database: Path) -> tuple[int, list[str]]:
    """Check a database file; return the exit code and the lines that it printed."""
    ended = run_command(folder, "check", **{URL: f"{SQLITE}{database}"})
    return ended.returncode, ended.stdout.splitlines() + ended.stderr.splitlines()


def test_a_sound_database(sound: Path, tmp_path: Path) -> None:
    """If every invariant holds, the exit code is 0 and the output says so."""
    code, lines = check(tmp_path, sound)
    assert (code, "\n".join([*lines, ""])) == CHECKED


@pytest.mark.parametrize(
    "kind", in_short([*BROKEN], "captured more than its captures", "an event too few")
)
def test_a_broken_invariant(sound: Path, tmp_path: Path, kind: str) -> None:
    """Each row that breaks one is a line with its id, what is there and what should be, and the exit code is 1."""
    path = tmp_path / "broken.db"
    shutil.copy(sound, path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(BROKEN[kind])
    code, lines = check(tmp_path, path)
    assert code == 1
    assert lines
    assert all(line.startswith("invariant ") and " has " in line for line in lines)


def test_every_invariant_can_break(sound: Path, tmp_path: Path) -> None:
    """There is a way to break each one of them, and it is found."""
    found = set()
    for number, statement in enumerate(BROKEN.values()):
        path = tmp_path / f"{number}.db"
        shutil.copy(sound, path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.execute(statement)
        broken = {(one.number, one.name) for one in asyncio.run(broken_in(path))}
        assert broken, statement
        found |= broken
    assert found == {(one.number, one.name) for one in INVARIANTS}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda one: one.name)
def test_an_invariant_reads_no_table_for_each_row(sound: Path, invariant: Invariant) -> None:
    """An invariant finds its rows, and what belongs to each, by an index and scans no table for it."""
    compiled = invariant.query.compiled(sqlite.dialect())
    values = compiled.arguments({"overdue": 0, "ids": ["pay_1", "pay_2"]})
    with closing(sqlite3.connect(sound)) as database:
        plan = database.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", values).fetchall()
    assert plan
    scanned = [detail for *_, detail in plan if detail.startswith("SCAN")]
    assert [detail for detail in scanned if not detail.startswith("SCAN json_each ")] == []


MISMATCHED = {
    "the authorization": (
        "UPDATE operations SET amount_minor = 9000 WHERE id = '{authorize}'",
        "authorize {authorize} is 100.00 USD, not 90.00 USD",
    ),
    "a capture": (
        "UPDATE operations SET amount_minor = 6500 WHERE id = '{capture}'",
        "capture {capture} is 60.00 USD, not 65.00 USD",
    ),
    "a refund of more than was captured": (
        "UPDATE payments SET refunded_minor = 7000",
        "refunded is 70.00 USD, not at most 60.00",
    ),
    "more captured than authorized": (
        "UPDATE payments SET released_minor = 5000",
        "captured and released is 110.00 USD, not at most 100.00",
    ),
    "what nothing else tells of": (
        "UPDATE payments SET is_mismatched = 1",
        "its provider did what is declined here",
    ),
    "what was declined here": (
        "UPDATE operations SET status = 'DECLINED' WHERE id = '{capture}'",
        "its provider did what is declined here: capture {capture}",
    ),
}


@pytest.mark.parametrize("kind", MISMATCHED)
def test_a_mismatched_payment(sound: Path, tmp_path: Path, kind: str) -> None:
    """It is named with what is there and what was to be; that breaks no invariant of its own."""
    path, ids = mismatched(sound, tmp_path)
    statement, differs = (text.format(**ids) for text in MISMATCHED[kind])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)
    assert asyncio.run(mismatches_in(path)) == [
        f"mismatched payment {ids['payment']}: {differs}",
    ]


def test_the_command_names_mismatched_payments(sound: Path, tmp_path: Path) -> None:
    """It counts them beside the invariants, none of which they break."""
    path, ids = mismatched(sound, tmp_path)
    with closing(sqlite3.connect(path)) as database, database:
        statement, differs = MISMATCHED["the authorization"]
        database.execute(statement.format(**ids))
    assert check(tmp_path, path) == (
        0,
        [
            "Every invariant holds.",
            f"mismatched payment {ids['payment']}: {differs.format(**ids)}",
            "Mismatched payments: 1. Each waits for an operator.",
        ],
    )


def mismatched(sound: Path, folder: Path) -> tuple[Path, dict[str, str]]:
    """Copy the database and mark its one payment as mismatched; return it with the ids of the payment's operations."""
    path = folder / "mismatched.db"
    shutil.copy(sound, path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE payments SET is_mismatched = 1")
        ids = dict(
            database.execute(
                "SELECT kind, id FROM operations WHERE status = 'SUCCEEDED' AND session_id IN"
                " (SELECT session_id FROM payments)"
            )
        )
        ((ids["payment"],),) = database.execute("SELECT id FROM payments")
    return path, ids


async def mismatches_in(path: Path) -> list[str]:
    """Look at a database file's mismatched payments in this process."""
    database = create_database(f"{SQLITE}{path}")
    await database.open()
    try:
        return [str(one) for one in await SqlMismatches(database).found()]
    finally:
        await database.close()


async def broken_in(path: Path) -> Sequence[BrokenInvariant]:
    """Look at a database file in this process."""
    database = create_database(f"{SQLITE}{path}")
    await database.open()
    try:
        return await everything_broken(SqlInvariants(database))
    finally:
        await database.close()


def test_a_database_that_is_not_migrated(tmp_path: Path) -> None:
    """It is not checked and not changed; the sentence says what to do."""
    path = tmp_path / "empty.db"
    code, lines = check(tmp_path, path)
    assert code == 2
    assert lines[-1].endswith("is not at the newest migration: run python server.py migrate.")


def test_a_server_looks_at_an_interval(sound: Path, tmp_path: Path) -> None:
    """A server that starts checks everything, and logs each row that breaks an invariant, as an error with its id."""
    shutil.copy(sound, tmp_path / "till.db")
    with closing(sqlite3.connect(tmp_path / "till.db")) as database, database:
        database.execute(
            "UPDATE payment_collections SET refunded_minor = 1 WHERE captured_minor = 0"
        )
    settings = {
        URL: f"{SQLITE}{tmp_path / 'till.db'}",
        "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0.2",
    }
    server = RunningServer(tmp_path, settings).start()
    try:
        until(lambda: [one for one in server.log_lines() if one["event"] == "invariant broken"])
    finally:
        server.close()
    line = next(one for one in server.log_lines() if one["event"] == "invariant broken")
    assert (line["level"], line["number"], line["found"], line["expected"]) == (
        "error",
        4,
        "1",
        "0",
    )
