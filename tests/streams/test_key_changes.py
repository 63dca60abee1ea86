"""SIGHUP: secret keys are read again, and nobody is dropped whose credential is still one."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.streams.conftest import SECRET_KEY
from tests.support.callers.log import WATCH, touch
from tests.support.callers.streams import TRANSPORTS, Stream, assert_refused, following
from tests.support.flow.shop import open_collection
from tests.support.forms import in_short
from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, STOP_SECONDS, Json, RunningServer, clean_environment
from tests.support.program.server_log import logged
from tests.support.program.workers import WORKERS, workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.once

OLD = "the-key-that-was-there-before"
NEW = "the-key-that-comes-instead"

READ = "secret keys read"
NOT_READ = "secret keys not read"


def write_keys(server: RunningServer, *lines: str) -> None:
    """Write the server's `.env`."""
    (server.folder / ".env").write_text("".join(f"{line}\n" for line in lines))


def hang_up(server: RunningServer, event: str = READ, *, processes: int = 1) -> Json:
    """Have the keys read again; return the log's newest line of it, once every process has written one."""
    assert server.process is not None
    known = len(logged(server, event))
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(logged(server, event)) == known + processes)
    return logged(server, event)[-1]


def status_with(server: RunningServer, key: str) -> int:
    """Return the status of a query with a key, over a connection of its own."""
    server.reconnect()
    return server.post("{ paymentProviders { id } }", bearer=key).status_code


def started(folder: Path, *arguments: str) -> RunningServer:
    """Start a server whose key stands in its `.env`."""
    running = RunningServer(folder, arguments=arguments)
    write_keys(running, f"TILLGRAPH_SECRET_KEYS={OLD}")
    running.credential = OLD
    return running.start()


def set_back(server: RunningServer, *, processes: int = 1) -> None:
    """Have the old key read once more, whatever a test has done."""
    write_keys(server, f"TILLGRAPH_SECRET_KEYS={OLD}")
    hang_up(server, processes=processes)
    server.credential = OLD
    server.reconnect()


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that the tests of this module share."""
    running = started(tmp_path_factory.mktemp("one"))
    yield running
    running.close()


@pytest.fixture
def server(one_process: RunningServer) -> Iterator[RunningServer]:
    """Return a server whose key stands in its `.env`."""
    yield one_process
    set_back(one_process)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server of several processes that the tests of this module share."""
    running = started(tmp_path_factory.mktemp("several"), "--workers", str(WORKERS))
    yield running
    running.close()


@pytest.fixture
def several(processes: RunningServer) -> Iterator[RunningServer]:
    """Return a server of several processes whose key stands in its `.env`."""
    yield processes
    set_back(processes, processes=WORKERS)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_keys_are_replaced_without_dropping_subscribers(
    server: RunningServer, transport: str
) -> None:
    """First both keys open, then the new one alone: the old one's stream ends then, and no other."""
    collection = open_collection(server)
    variables = {"id": collection["id"]}
    with ExitStack() as stack:

        def follow(bearer: str) -> Stream:
            stream = stack.enter_context(
                following(server, transport, WATCH, variables, bearer=bearer)
            )
            assert stream.next()["event"] is None
            return stream

        old, browser = follow(OLD), follow(collection["clientSecret"])
        write_keys(server, f"TILLGRAPH_SECRET_KEYS={OLD},{NEW}")
        assert hang_up(server)["keys"] == 2
        new = follow(NEW)
        touch(server, collection["id"], "both")
        for stream in (old, browser, new):
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"

        write_keys(server, f"TILLGRAPH_SECRET_KEYS={NEW}")
        assert hang_up(server)["keys"] == 1
        assert_refused(old, transport)
        assert (status_with(server, OLD), status_with(server, NEW)) == (401, 200)
        server.credential = NEW
        touch(server, collection["id"], "one")
        for stream in (browser, new):
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"


@pytest.mark.parametrize(
    "lines",
    [
        ("TILLGRAPH_SECRET_KEYS=short",),
        (f"TILLGRAPH_SECRET_KEYS={NEW}", "TILLGRAPH_SECRET_KEY=misspelt"),
        ("TILLGRAPH_SECRET_KEYS=",),
        (),
    ],
)
def test_wrong_keys_change_nothing(server: RunningServer, lines: tuple[str, ...]) -> None:
    """A key that is none, a misspelt setting, no key at all: the log says it, and the keys from before stay."""
    write_keys(server, *lines)
    line = hang_up(server, NOT_READ)
    assert line["level"] == "error"
    assert line["error"].startswith("TILLGRAPH_SECRET_KEY")
    assert "misspelt" not in line["error"]
    assert (status_with(server, OLD), status_with(server, NEW)) == (200, 401)
    assert server.client.get("/health/ready").status_code == 200


def test_a_server_without_keys_can_be_given_one(tmp_path: Path) -> None:
    """Once a key is set, a caller on this machine needs it, and streams opened without one end."""
    running = RunningServer(tmp_path).start()
    try:
        collection = open_collection(running)
        with following(running, "event stream", WATCH, {"id": collection["id"]}) as stream:
            stream.next()
            write_keys(running, f"TILLGRAPH_SECRET_KEYS={NEW}")
            hang_up(running)
            assert_refused(stream, "event stream")
        assert running.post("{ paymentProviders { id } }").status_code == 401
        assert status_with(running, NEW) == 200
    finally:
        running.close()


def test_keys_in_the_environment_stay(keyed: RunningServer) -> None:
    """A running process keeps its environment: the log says where the keys come from."""
    write_keys(keyed, f"TILLGRAPH_SECRET_KEYS={NEW}")
    try:
        assert hang_up(keyed)["source"] == "environment"
        assert (status_with(keyed, SECRET_KEY), status_with(keyed, NEW)) == (200, 401)
    finally:
        write_keys(keyed)


def test_every_process_reads_them(several: RunningServer) -> None:
    """The signal reaches every process and ends none; one that replaces another has the keys of now too."""
    before = workers_of(several)
    write_keys(several, f"TILLGRAPH_SECRET_KEYS={NEW}")
    hang_up(several, processes=WORKERS)
    for _ in range(10):
        assert (status_with(several, OLD), status_with(several, NEW)) == (401, 200)
    assert workers_of(several) == before
    known = len(logged(several, READ))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(logged(several, READ)) == known + WORKERS)
    assert (status_with(several, OLD), status_with(several, NEW)) == (401, 200)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_process_drops_a_subscriber_whose_credential_stays(
    several: RunningServer, transport: str
) -> None:
    """Whichever process has it: a stream of the key that went ends; those of the new one and of a browser go on."""
    collection = open_collection(several)
    write_keys(several, f"TILLGRAPH_SECRET_KEYS={OLD},{NEW}")
    hang_up(several, processes=WORKERS)
    variables = {"id": collection["id"]}
    with ExitStack() as stack:

        def follow(bearer: str) -> list[Stream]:
            streams = [
                stack.enter_context(following(several, transport, WATCH, variables, bearer=bearer))
                for _ in range(2 * WORKERS)
            ]
            for stream in streams:
                assert stream.next()["event"] is None
            return streams

        gone, staying = follow(OLD), [*follow(NEW), *follow(collection["clientSecret"])]
        write_keys(several, f"TILLGRAPH_SECRET_KEYS={NEW}")
        hang_up(several, processes=WORKERS)
        for stream in gone:
            assert_refused(stream, transport)
        several.credential = NEW
        several.reconnect()
        touch(several, collection["id"], "later")
        for stream in staying:
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"


@contextmanager
def in_a_terminal(folder: Path, *arguments: str) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """Return a server that was started in a terminal, once it serves, and the terminal."""
    folder.mkdir()
    terminal, end = pty.openpty()
    program = [sys.executable, "-c", IN_A_TERMINAL, str(ROOT / "server.py"), "serve", *arguments]
    process = subprocess.Popen(
        program,
        cwd=folder,
        env={**clean_environment(), "PORT": str(free_port())},
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(end)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith(b"Tillgraph serves on")
        yield process, terminal
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "arguments", in_short([(), ("--workers", "2")], ()), ids=["one process", "two"]
)
def test_a_terminal_that_closes_ends_the_server(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The same signal, from a terminal that is gone: nobody would be there to end it."""
    with in_a_terminal(tmp_path / "server", *arguments) as (process, terminal):
        os.close(terminal)
        assert process.wait(timeout=STOP_SECONDS) == 0


IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes its standard input the terminal of its session, and becomes the server."""
