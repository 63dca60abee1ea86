"""`serve --workers N`: several processes behind one address."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import QUICKEST_RECOVERY, checked
from tests.support.callers.log import WATCH, cursors_of
from tests.support.callers.streams import following
from tests.support.flow.shop import authorize, collection_of, open_collection, open_session, pay
from tests.support.forms import in_short
from tests.support.program.running import NO_RECOVERY, RunningServer, clean_environment
from tests.support.program.running import WORKERS as WORKERS_ARGUMENT
from tests.support.program.starting import run
from tests.support.program.workers import WORKERS, processes_in, workers_of
from tests.support.waiting import until

INSTANTS_SECONDS = (0.0, 0.02, 0.04, 0.055, 0.07, 0.085, 0.1, 0.3)
"""Of a start, after the one at which all processes are there."""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server of three processes."""
    running = RunningServer(
        tmp_path_factory.mktemp("several"),
        QUICKEST_RECOVERY,
        arguments=(WORKERS_ARGUMENT, str(WORKERS)),
    )
    with checked(running):
        yield running


def test_a_payment_through_several_processes(several: RunningServer) -> None:
    """Whichever process takes a request, the flow goes on where the last one left it, and streams see all of it."""
    until(lambda: len(workers_of(several)) == WORKERS)
    collection = open_collection(several)
    with following(several, "websocket", WATCH, {"id": collection["id"]}) as watching:
        seen = [watching.next()["cursor"]]
        session = open_session(several, collection["id"])
        several.reconnect()
        assert authorize(several, session["id"])["__typename"] == "Payment"
        seen += [watching.next()["cursor"] for _ in range(3)]
    assert seen == cursors_of(several, collection["id"])


def is_replaced(server: RunningServer, pid: int) -> bool:
    """Return whether a process has gone, and there are as many as before."""
    found = workers_of(server)
    return pid not in found and len(found) == WORKERS


def test_a_process_that_dies_is_replaced(several: RunningServer) -> None:
    """Killed, a process is replaced, and the others go on."""
    before = workers_of(several)
    os.kill(min(before), signal.SIGKILL)
    until(lambda: is_replaced(several, min(before)))
    assert workers_of(several) > before - {min(before)}
    several.reconnect()
    payment = pay(several)
    assert collection_of(several, payment["paymentCollection"]["id"])["status"] == "AUTHORIZED"


@pytest.mark.once
def test_all_end_together(several: RunningServer) -> None:
    """Told to stop, every process ends in order, and the exit code is 0."""
    children = workers_of(several)
    try:
        assert several.stop() == 0
        for pid in children:
            assert not Path(f"/proc/{pid}").exists()
    finally:
        several.start()
        several.reconnect()


@pytest.mark.once
@pytest.mark.parametrize("seconds", in_short(INSTANTS_SECONDS, 0.0, 0.055, 0.1))
def test_an_end_while_it_starts(tmp_path: Path, seconds: float) -> None:
    """Told to stop at whatever instant of its start, no process misses the word."""
    running = RunningServer(tmp_path, arguments=("--workers", str(WORKERS)))
    running.launch()
    try:
        until(lambda: len(workers_of(running)) == WORKERS)
        time.sleep(seconds)  # There is nothing to await: any instant will do.
        assert running.stop() == 0
    finally:
        running.close()


@pytest.mark.once
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Killed, the one that started them leaves none behind, and its address is free for the next start."""
    running = RunningServer(tmp_path, NO_RECOVERY, arguments=(WORKERS_ARGUMENT, str(WORKERS)))
    try:
        running.start()
        assert len(processes_in(tmp_path)) == WORKERS + 1
        running.kill()
        until(lambda: not processes_in(tmp_path))
        running.start()
        assert running.stop() == 0
    finally:
        running.close()


@pytest.mark.once
def test_processes_that_just_start_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Killed just as it starts them, it leaves none behind either: they find it gone."""
    running = RunningServer(tmp_path, NO_RECOVERY, arguments=(WORKERS_ARGUMENT, str(WORKERS)))
    running.launch()
    try:
        until(lambda: workers_of(running))
        running.kill()
        until(lambda: not processes_in(tmp_path))
    finally:
        running.close()


@pytest.mark.once
@pytest.mark.parametrize("number", ["0", "-1", "65", "two"])
def test_a_wrong_number_of_processes(tmp_path: Path, number: str) -> None:
    """A number of processes that makes no sense is refused with the usage."""
    ended = run(
        "server", ["serve", "--workers", number], folder=tmp_path, environment=clean_environment()
    )
    assert ended.returncode == 2
    assert "--workers" in ended.stderr


@pytest.mark.once
def test_an_address_that_is_taken(several: RunningServer, tmp_path: Path) -> None:
    """If the port is taken, `serve` with several processes ends with exit code 2, and the sentence names PORT."""
    ended = run(
        "server",
        ["serve", "--workers", "2"],
        folder=tmp_path,
        environment={**clean_environment(), "PORT": str(several.port)},
    )
    assert ended.returncode == 2
    assert "PORT" in ended.stderr
