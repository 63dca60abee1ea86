"""`serve --workers N`: several processes behind one address."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.log import WATCH, cursors_of
from tests.support.running import RunningServer, clean_environment
from tests.support.shop import authorize, collection_of, open_collection, open_session, pay
from tests.support.starting import run
from tests.support.streams import following
from tests.support.waiting import until

WORKERS = 3


@pytest.fixture
def several(tmp_path: Path) -> Iterator[RunningServer]:
    """Give a server of three processes."""
    settings = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.5"}
    running = RunningServer(tmp_path, settings, arguments=("--workers", str(WORKERS)))
    yield running.start()
    running.close()


def workers_of(server: RunningServer) -> set[int]:
    """List the processes that the server's own has started."""
    assert server.process is not None
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(pid) for pid in listed.read_text().split()}


def test_a_payment_through_several_processes(several: RunningServer) -> None:
    """Whichever process takes a request, the flow goes on where the last one left it, and streams see all of it."""
    assert len(workers_of(several)) == WORKERS
    collection = open_collection(several)
    with following(several, "websocket", WATCH, {"id": collection["id"]}) as watching:
        seen = [watching.next()["cursor"]]
        session = open_session(several, collection["id"], "slow:0.2")
        several.reconnect()
        assert authorize(several, session["id"])["__typename"] == "Payment"
        seen += [watching.next()["cursor"] for _ in range(3)]
    assert seen == cursors_of(several, collection["id"])


def test_a_process_that_dies_is_replaced(several: RunningServer) -> None:
    """Killed, a process is replaced within seconds; what it was asking is finished, and the others go on."""
    before = workers_of(several)
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(workers_of(several) - before) == 1)
    assert len(workers_of(several)) == WORKERS
    several.reconnect()
    payment = pay(several)
    assert collection_of(several, payment["paymentCollection"]["id"])["status"] == "AUTHORIZED"


def test_all_end_together(several: RunningServer) -> None:
    """Told to stop, every process ends in order, and the exit code is 0."""
    children = workers_of(several)
    assert several.stop() == 0
    for pid in children:
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.04, 0.055, 0.07, 0.085, 0.1, 0.3])
def test_an_end_while_it_starts(tmp_path: Path, seconds: float) -> None:
    """Told to stop at whatever instant of its start, no process misses the word."""
    running = RunningServer(tmp_path, arguments=("--workers", str(WORKERS)))
    running.launch()
    try:
        until(lambda: len(workers_of(running)) == WORKERS, seconds=60)
        time.sleep(seconds)  # There is nothing to await: any instant will do.
        assert running.stop() == 0
    finally:
        running.close()


@pytest.mark.parametrize("number", ["0", "-1", "65", "two"])
def test_a_wrong_number_of_processes(tmp_path: Path, number: str) -> None:
    """A number of processes that makes no sense is refused with the usage."""
    ended = run(
        "server", ["serve", "--workers", number], folder=tmp_path, environment=clean_environment()
    )
    assert ended.returncode == 2
    assert "--workers" in ended.stderr


def test_an_address_that_is_taken(several: RunningServer, tmp_path: Path) -> None:
    """Where the port is taken, no process starts, and the sentence names it."""
    ended = run(
        "server",
        ["serve", "--workers", "2"],
        folder=tmp_path,
        environment={**clean_environment(), "PORT": str(several.port)},
    )
    assert ended.returncode == 2
    assert "PORT" in ended.stderr
