"""`python server.py check` in slices: beside a running server, interrupted and taken up again, and what has changed."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from app.progress import line
from db.engine.database import create_database
from db.invariants import SqlInvariants
from payments.ports.invariants import BROKEN_MAX, BrokenInvariant
from payments.recovery.invariant_checks import LastCheck, slices
from tests.api.program.test_metrics import metrics
from tests.conftest import CHECKED
from tests.support.flow.shop import capture, open_collection, pay, refund
from tests.support.program.running import (
    NO_RECOVERY,
    ROOT,
    SQLITE,
    URL,
    RunningServer,
    clean_environment,
)
from tests.support.stores.databases import everything_broken
from tests.support.waiting import until

Answer = TypeVar("Answer")

TABLES = ("payment_collections", "payment_sessions", "payments", "operations")
"""Those with rows here, in the order in which they are checked."""

READ_BYTES = 4_096


@pytest.fixture
def paid(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server that is stopped, with three payments, each captured and refunded in part."""
    server = RunningServer(tmp_path, NO_RECOVERY).start()
    for _ in range(3):
        pay_and_refund(server)
    server.stop()
    yield server
    server.close()


def pay_and_refund(server: RunningServer) -> None:
    """Make a payment, capture it and refund a part."""
    payment = pay(server)
    capture(server, payment["id"], amount="60.00")
    refund(server, payment["id"], amount="20.00")


def looked_at(
    server: RunningServer,
    look: Callable[[SqlInvariants], Awaitable[Answer]],
    *,
    slice_rows: int = 1,
) -> Answer:
    """Look at a server's database in this process."""

    async def whole() -> Answer:
        database = create_database(server.database)
        await database.open()
        try:
            return await look(SqlInvariants(database, slice_rows=slice_rows))
        finally:
            await database.close()

    return asyncio.run(whole())


def ids_of(server: RunningServer, table: str) -> list[str]:
    """Return a table's ids, sorted."""
    return [row[0] for row in server.rows(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608 - of this file


@pytest.mark.parametrize("slice_rows", [1, 2, 1_000])
def test_every_row_is_in_one_slice(paid: RunningServer, slice_rows: int) -> None:
    """Slices are no larger than they may be, and go through each table once, by id."""

    async def look(invariants: SqlInvariants) -> list[tuple[int, str | None]]:
        return [(one.rows, one.last) async for one in slices(invariants)]

    found = looked_at(paid, look, slice_rows=slice_rows)
    rows = [ids_of(paid, table) for table in TABLES]
    assert sum(count for count, _ in found) == sum(map(len, rows))
    assert max(count for count, _ in found) <= slice_rows
    assert [last for _, last in found] == [
        ids[min(end, len(ids)) - 1]
        for ids in rows
        for end in range(slice_rows, len(ids) + slice_rows, slice_rows)
    ]


@pytest.mark.parametrize(
    ("table", "statement", "number"),
    [
        ("payment_collections", "UPDATE payment_collections SET captured_minor = 1", 4),
        ("payment_sessions", "UPDATE payment_sessions SET status = 'ERROR'", 17),
        ("payments", "UPDATE payments SET refunded_minor = 1", 4),
        ("operations", "UPDATE operations SET holder = 'nobody'", 12),
    ],
)
def test_the_last_row_of_a_table(
    paid: RunningServer, table: str, statement: str, number: int
) -> None:
    """A broken row is found in the last slice of its table, and is the only one."""
    last = ids_of(paid, table)[-1]
    paid.rows(f"{statement} WHERE id = ?", last)
    found = looked_at(paid, everything_broken)
    assert (number, last) in {(one.number, one.id) for one in found}
    assert {one.number for one in found} <= {number, 4}


def test_a_running_server_causes_no_false_alarm(tmp_path: Path) -> None:
    """While payments are made, captured and refunded, no slice shows a half of it."""
    server = RunningServer(tmp_path, NO_RECOVERY).start()
    is_over = False

    def shop() -> int:
        count = 0
        while not is_over:
            pay_and_refund(server)
            count += 1
        return count

    async def look(invariants: SqlInvariants) -> list[BrokenInvariant]:
        found: list[BrokenInvariant] = []
        position = await invariants.end_of_log()
        for _ in range(10):
            found += await everything_broken(invariants)
            changes = await invariants.changes(position)
            found += changes.broken
            position = changes.position
        return found

    try:
        with ThreadPoolExecutor(4) as pool:
            shopping = [pool.submit(shop) for _ in range(4)]
            try:
                found = looked_at(server, look, slice_rows=3)
            finally:
                is_over = True
            paid = [one.result() for one in shopping]
        assert found == []
        assert min(paid) > 0
        assert server.check() == CHECKED
    finally:
        server.close()


def test_what_has_changed(paid: RunningServer) -> None:
    """The collections with events after a position are checked with all of theirs, and those without are not."""
    paid.rows("UPDATE payments SET disputed_minor = 7")
    position = looked_at(paid, lambda invariants: invariants.end_of_log())
    unchanged = looked_at(paid, lambda invariants: invariants.changes(position))
    assert (unchanged.broken, unchanged.position, unchanged.is_last) == ((), position, True)
    paid.start()
    pay_and_refund(paid)
    paid.stop()
    new = ids_of(paid, "payments")[-1]
    paid.rows("UPDATE payments SET refunded_minor = 9 WHERE id = ?", new)
    changed = looked_at(paid, lambda invariants: invariants.changes(position))
    assert {one.id for one in changed.broken} == {new, ids_of(paid, "payment_collections")[-1]}
    assert changed.is_last
    again = looked_at(paid, lambda invariants: invariants.changes(changed.position))
    assert again.broken == ()


def test_single_rows(paid: RunningServer) -> None:
    """Rows that were broken are looked at again by their ids, whatever table they are of."""
    payment, operation = ids_of(paid, "payments")[0], ids_of(paid, "operations")[0]
    paid.rows("UPDATE payments SET disputed_minor = 7")
    paid.rows("UPDATE operations SET holder = 'nobody'")
    found = looked_at(paid, lambda invariants: invariants.rows([payment, operation]))
    assert {(one.number, one.id) for one in found} == {(4, payment), (12, operation)}


@pytest.mark.sqlite
def test_a_server_checks_what_has_changed(tmp_path: Path) -> None:
    """A fault in the midst of a change is found at the next interval, long before everything is checked again."""
    settings = {**NO_RECOVERY, "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0.2"}
    server = RunningServer(tmp_path, settings).start()
    try:
        payment = pay(server)
        until(lambda: ("tillgraph_last_whole_check_timestamp_seconds", ()) in metrics(server))
        # Stands for a fault of the program: it writes something else than was decided.
        server.rows(
            "CREATE TRIGGER fault AFTER UPDATE ON payments WHEN NEW.captured_minor = 6000"
            " BEGIN UPDATE payments SET captured_minor = 6001 WHERE id = NEW.id; END"
        )
        capture(server, payment["id"], amount="60.00")
        until(lambda: metrics(server)["tillgraph_broken_invariants", ()] == 2)
        lines = [one for one in server.log_lines() if one["event"] == "invariant broken"]
        assert {(one["number"], one["found"], one["expected"]) for one in lines} == {
            (4, "6001", "6000"),
            (4, "6000", "6001"),
        }
    finally:
        server.close()


def check(server: RunningServer, *arguments: str) -> tuple[int, list[str]]:
    """Run the command; return its exit code and its lines."""
    code, said = server.command("check", *arguments)
    return code, said.splitlines()


def test_going_on_after_a_row(paid: RunningServer) -> None:
    """What comes before the row is not read again, and the answer says from where on everything holds."""
    first, *_, last = ids_of(paid, "payments")
    paid.rows("UPDATE payments SET disputed_minor = 7 WHERE id = ?", first)
    assert check(paid, "--after", last) == (0, [f"Every invariant holds after {last}."])
    code, lines = check(paid, "--after", ids_of(paid, "payment_sessions")[-1])
    assert code == 1
    assert lines == [
        "invariant 4, disputed is the sum of the disputes that have taken money:"
        f" {first} has 7, not 0"
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments",
    [
        ["--after", "pay_1"],
        ["--after", "acchld_01M8P8F263CJQK4D5XWZ8Y6N7B"],
        ["--share", "0"],
        ["--share", "1.5"],
        ["--share", "all"],
    ],
)
def test_an_option_that_is_refused(paid: RunningServer, arguments: list[str]) -> None:
    """Exit code 2, the usage, and what would be taken."""
    code, lines = check(paid, *arguments)
    assert code == 2
    assert lines[0].startswith("usage: ")
    assert lines[-1].startswith(f"server.py check: error: argument {arguments[0]}: ")


@pytest.mark.once
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check(paid: RunningServer, interrupt: signal.Signals) -> None:
    """Its progress is shown on a terminal; interrupted, it says how to go on, and the exit code is 2."""
    paid.rows("UPDATE operations SET holder = 'nobody'")
    with on_a_terminal(paid, "check", "--share", "0.001") as (process, terminal):
        shown = read_until(terminal, "rows")
        process.send_signal(interrupt)
        shown += read_until(terminal, "\n")
        assert process.wait() == 2
        assert process.stdout is not None
        assert process.stdout.read() == b""
    last = ids_of(paid, "payment_collections")[-1]
    assert shown.splitlines()[-1].rpartition("\x1b[K")[2] == (
        f"Interrupted. Go on: python server.py check --after {last}"
    )
    code, lines = check(paid, "--after", last)
    assert code == 1
    assert len(lines) == len(ids_of(paid, "operations"))


@contextmanager
def on_a_terminal(
    server: RunningServer, *arguments: str
) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """Run a command whose standard error is a terminal, in an interpreter of its own."""
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "server.py"), *arguments],
        cwd=server.folder,
        env={**clean_environment(), **server.environment, URL: server.database},
        stdout=subprocess.PIPE,
        stderr=inner,
    )
    os.close(inner)
    try:
        yield process, terminal
    finally:
        process.kill()
        process.communicate()
        os.close(terminal)


def read_until(terminal: int, text: str) -> str:
    """Read from a terminal until a text has come."""
    found = ""
    while text not in found:
        found += os.read(terminal, READ_BYTES).decode(errors="replace")
    return found


def test_a_table_that_can_not_be_read(paid: RunningServer) -> None:
    """Whatever the database says is a sentence with the place to go on from, and the exit code is 2."""
    paid.rows("ALTER TABLE webhook_deliveries RENAME TO elsewhere")
    code, (sentence,) = check(paid)
    assert code == 2
    assert sentence.startswith("Not all was read: run it again. ")
    assert "webhook_deliveries" in sentence
    last = ids_of(paid, "operations")[-1]
    assert sentence.endswith(f" Go on: python server.py check --after {last}")


@pytest.mark.sqlite
def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A file that is no database ends with a sentence, too."""
    (tmp_path / "till.db").write_bytes(b"no database " * 1_000)
    server = RunningServer(tmp_path, {URL: f"{SQLITE}{tmp_path / 'till.db'}"})
    code, (*_, sentence) = check(server)
    server.close()
    assert code == 2
    assert "Traceback" not in sentence
    assert sentence.endswith("file is not a database.")


@pytest.mark.once
def test_many_broken_rows(tmp_path: Path) -> None:
    """At most 100 rows of an invariant are named, and the number of the others is."""
    server = RunningServer(tmp_path, NO_RECOVERY).start()
    try:
        for _ in range(BROKEN_MAX + 3):
            open_collection(server)
        server.stop()
        server.rows("UPDATE payment_collections SET captured_minor = 1")
        code, lines = check(server)
        assert code == 1
        assert len([one for one in lines if one.startswith("invariant 4, ")]) == BROKEN_MAX
        assert lines[-1] == (
            "3 more rows break this: a collection's captured amount is that of its payments"
        )
    finally:
        server.close()


@pytest.mark.once
def test_what_is_known_to_be_broken_is_bounded() -> None:
    """Of each invariant 100 rows are kept, each once."""
    last = LastCheck()
    rows = [BrokenInvariant(4, name, f"pay_{n}", "1", "0") for name in "ab" for n in range(150)]
    last.add(rows)
    last.add(rows)
    assert last.broken == 2 * BROKEN_MAX


@pytest.mark.once
@pytest.mark.parametrize(
    ("count", "whole", "passed_seconds", "shown"),
    [
        (0, 1_000, 0.0, "░" * 30 + "   0%  0 of about 1,000 rows, 0 s left"),
        (250, 1_000, 5.0, "█" * 7 + "░" * 23 + "  25%  250 of about 1,000 rows, 15 s left"),
        (1_100, 1_000, 5.0, "█" * 30 + " 100%  1,100 of about 1,000 rows, 0 s left"),
        (1_100, None, 5.0, "1,100 rows"),
    ],
)
def test_a_line_of_progress(
    count: int, whole: int | None, passed_seconds: float, shown: str
) -> None:
    """A bar, the count, and the time left at the pace so far; the count alone where the whole is unknown."""
    assert line(count, whole, passed_seconds) == shown
