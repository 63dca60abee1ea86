"""A log that can't be written: to a full disk, to a closed pipe, or to a reader that hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from app import logs
from tests.api.program.test_metrics import metrics
from tests.support.flow.shop import capture, pay
from tests.support.forms import in_short
from tests.support.program.commands import run_command
from tests.support.program.disks import fill, small_disk
from tests.support.program.running import ROOT, WORKERS, RunningServer, clean_environment
from tests.support.program.starting import COMMAND_SECONDS
from tests.support.program.workers import workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.once

DROPPED = ("tillgraph_dropped_log_lines_total", ())
FULL = "/dev/full"
DISK_BYTES = 64 * 1024
SMALL_BYTES = 4_096


class Reader:
    """A pipe that nobody reads: its writer hangs once it is full."""

    def __init__(self) -> None:
        self.there, self.here = os.pipe()
        os.set_blocking(self.here, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.here, b"x" * SMALL_BYTES)
        os.set_blocking(self.here, True)

    def read_on(self) -> bytes:
        """Read what is there."""
        return os.read(self.there, 1_000_000)


@pytest.fixture
def hanging() -> Iterator[Reader]:
    """Return a pipe that is full."""
    reader = Reader()
    yield reader
    os.close(reader.there)
    os.close(reader.here)


def ends(kind: str, hanging: Reader) -> int:
    """Open what a server's standard error goes to."""
    if kind == "full disk":
        return os.open(FULL, os.O_WRONLY)
    if kind == "closed pipe":
        reading, writing = os.pipe()
        os.close(reading)
        return writing
    return os.dup(hanging.here)


@pytest.mark.parametrize("kind", ["full disk", "closed pipe", "hanging reader"])
def test_a_payment_does_not_depend_on_the_log(tmp_path: Path, hanging: Reader, kind: str) -> None:
    """Everything is answered as ever, what is lost is counted, and the server ends when it is told to."""
    with os.fdopen(ends(kind, hanging), "wb", 0) as error:
        server = RunningServer(tmp_path, error_to=error).start()
    try:
        payment = pay(server)
        assert capture(server, payment["id"])["capturedAmount"] == payment["amount"]
        if kind != "hanging reader":  # There, the lines wait for a while.
            until(lambda: metrics(server)[DROPPED] > 0)
        assert server.stop() == 0
    finally:
        server.close()


@pytest.mark.root
@pytest.mark.long
def test_a_real_disk_that_is_full(tmp_path: Path) -> None:
    """Lines are lost and counted while it is; with room again they are whole, but for the one that filled it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, DISK_BYTES), (disk / "log").open("ab", 0) as error:
        server = RunningServer(tmp_path, error_to=error).start()
        try:
            ballast = fill(disk)
            payment = pay(server)
            # The page that the log has begun takes some lines yet.
            until(lambda: server.execute("{ __typename }") and metrics(server)[DROPPED] > 0)
            assert capture(server, payment["id"])["capturedAmount"] == payment["amount"]
            ballast.unlink()
            dropped = metrics(server)[DROPPED]
            server.execute("{ __typename }")
            assert metrics(server)[DROPPED] == dropped
            assert server.stop() == 0
        finally:
            server.close()
        *lines, last = (disk / "log").read_bytes().splitlines()
        assert orjson.loads(last)["event"] == "request"
        assert sum(not line.endswith(b"}") for line in lines) <= 1


@pytest.mark.parametrize("kind", in_short(["full disk", "hanging reader"], "full disk"))
def test_the_parent_of_several_processes_does_not_depend_on_the_log(
    tmp_path: Path, hanging: Reader, kind: str
) -> None:
    """It replaces a process that dies though it can't say so, and all end when they are told to."""
    with os.fdopen(ends(kind, hanging), "wb", 0) as error:
        server = RunningServer(tmp_path, error_to=error, arguments=(WORKERS, "2")).start()
    try:
        before = workers_of(server)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(workers_of(server) - before) == 1)
        server.reconnect()
        until(server.is_ready)
        assert pay(server)["amount"] == "100.00"
        assert server.stop() == 0
    finally:
        server.close()


STARTED_WITHOUT = """
import os
os.close(2)
from app import logs
logs.configure()
print(os.open(os.devnull, os.O_RDONLY) > 2)
logs.LOG.write(b"a line")
logs.flush()
print(logs.LOG.dropped)
"""


def test_a_standard_error_that_is_closed() -> None:
    """Nothing that is opened later gets its number, and with it the log's lines."""
    ended = subprocess.run(
        [sys.executable, "-c", STARTED_WITHOUT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=True,
    )
    assert ended.stdout.split() == ["True", "0"]


@pytest.mark.parametrize(
    ("command", "wrong", "lost"),
    [
        pytest.param(["check"], {}, "stdout", id="answer"),
        pytest.param(
            ["serve"], {"TILLGRAPH_X": "1"}, "stderr", id="sentence", marks=pytest.mark.long
        ),
    ],
)
def test_a_command_that_can_not_say_what_it_found(
    tmp_path: Path, command: list[str], wrong: dict[str, str], lost: str
) -> None:
    """It ends with 2, which says nothing on the rows, and without a traceback."""
    assert run_command(tmp_path, "migrate").returncode == 0
    with Path(FULL).open("wb", 0) as full:
        ended = subprocess.run(
            [sys.executable, str(ROOT / "server.py"), *command],
            cwd=tmp_path,
            env={**clean_environment(), **wrong},
            timeout=COMMAND_SECONDS,
            check=False,
            stdout=full if lost == "stdout" else subprocess.PIPE,
            stderr=full if lost == "stderr" else subprocess.PIPE,
        )
    said = b"The answer can't be written: No space left on device.\n"
    assert (ended.returncode, ended.stdout or b"", ended.stderr or b"") == (
        2,
        b"",
        said if lost == "stdout" else b"",
    )


# ── One descriptor ─────────────────────────────────────────────────────────────


def test_nobody_waits_for_a_reader_that_hangs(hanging: Reader) -> None:
    """As many lines wait as the limit says; those that find no room are counted, and the end waits for none of them."""
    lines = logs.Lines(hanging.here)
    for number in range(logs.QUEUED_LINES + 11):
        lines.write(f"{number}".encode())
    assert 10 <= lines.dropped <= 11  # The first may be on its way out already.
    lines.flush()
    assert lines.dropped <= 11
    hanging.read_on()
    lines.flush()
    written = hanging.read_on().split()
    assert written == [f"{number}".encode() for number in range(len(written))]
    assert len(written) == logs.QUEUED_LINES + 11 - lines.dropped


def test_what_is_queued_is_written_before_the_end() -> None:
    """After a flush every line is there, in order."""
    there, here = os.pipe()
    lines = logs.Lines(here)
    for number in range(100):
        lines.write(f"{number}".encode())
    lines.flush()
    assert os.read(there, 10_000).split() == [f"{number}".encode() for number in range(100)]
    os.close(there)
    lines.write(b"to nobody")
    lines.flush()
    assert lines.dropped == 1
    os.close(here)


def test_a_pipe_that_somebody_made_one_that_does_not_wait(hanging: Reader) -> None:
    """A line for a full non-blocking pipe is kept, and written once there is room."""
    os.set_blocking(hanging.here, False)
    lines = logs.Lines(hanging.here)
    lines.write(b"patient")
    hanging.read_on()
    lines.flush()
    assert hanging.read_on().endswith(b"patient\n")
    assert lines.dropped == 0


def test_a_value_that_json_can_not_hold() -> None:
    """A line is written for whatever is logged: the file's name that is not UTF-8, an object of any kind."""
    line = logs._serialized({"path": "\udcff", "kind": Reader})
    assert orjson.loads(line.replace(b"\\udcff", b"")) == {"path": "", "kind": repr(Reader)}
