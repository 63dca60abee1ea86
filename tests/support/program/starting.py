"""Fast starts of the program: one process imports it once, and each start is a fork of that process.

Importing takes nine tenths of a start, and reading the trusted documents most of the first requests. A forked process
does all that follows: it reads its arguments, its environment and its settings, runs in a folder of its own, and ends
as an interpreter ends. Servers with several workers are forked after their imports too. One process forks for all that
the tests are spread over. tests/api/program/test_starting.py starts a server in an interpreter of its own, as the
README does.
"""

import atexit
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Final, Literal

import orjson

ROOT: Final = Path(__file__).parents[3]
PYTHONPATH: Final = "PYTHONPATH"
COMMAND_SECONDS: Final = 60.0
BACKLOG: Final = 64
"""Waiting starts: processes and threads of the tests."""
DESCRIPTORS: Final = 4
"""Handed over at a start: the request, standard output, standard error, and where the process's end is told."""
WORD_BYTES: Final = 12
"""Bytes of a process's id and of its exit code, which are sent one after the other."""

IMPORTED_LATE: Final = (
    "anyio._backends._asyncio",
    "h11",
    "httpcore2",
    "truststore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)
"""Modules that a server imports once it runs: a quarter of its start, when it is forked with the rest loaded."""

Program = Literal["server", "test build", "stripe"]


@dataclass
class Started:
    """A process started here, with the methods of `subprocess.Popen` that the tests need."""

    pid: int
    _told: int
    returncode: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs; less than 0 is the signal that ended it."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code; raises TimeoutExpired."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while (code := self._look(self._left(ends_at))) is None:
            if ends_at is not None and time.monotonic() >= ends_at:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it as an operator would."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        """Close the channel of its end: not earlier, since several threads may wait for it."""
        os.close(self._told)

    @staticmethod
    def _left(ends_at: float | None) -> float:
        # Another thread may take the word about the end: nobody waits for it longer than this.
        return 0.5 if ends_at is None else max(0.0, min(0.5, ends_at - time.monotonic()))

    def _look(self, seconds: float) -> int | None:
        told = select.poll()
        told.register(self._told, select.POLLIN)
        if self.returncode is None:
            told.poll(seconds * 1_000)
        with self._lock:
            if self.returncode is None and told.poll(0):
                self.returncode = _number(self._told)
            return self.returncode


def start(
    program: Program,
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: IO[bytes] | None = None,
    error: IO[bytes] | None = None,
) -> Started:
    """Start a program in a folder, with exactly this environment; without files, its output is discarded.

    It ends at the latest with the process that started it.
    """
    asking, request = os.pipe()
    told, telling = os.pipe()
    with open(os.devnull, "wb") as nowhere, socket.socket(socket.AF_UNIX) as control:  # noqa: PTH123 - no file
        streams = [(output or nowhere).fileno(), (error or nowhere).fileno()]
        control.connect(_given or forker())
        socket.send_fds(control, [b"."], [asking, *streams, telling])
    os.close(asking)
    os.close(telling)
    with os.fdopen(request, "wb") as writing:
        writing.write(orjson.dumps([program, arguments, str(folder), dict(environment)]))
    # The waiting process sends its child's id, and much later the exit code.
    return Started(_number(told), told)


def _number(told: int) -> int:
    word = os.read(told, WORD_BYTES)
    if not word:
        raise RuntimeError("What starts the processes has ended; what it said stands above.")
    return int(word)


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    returncode: int
    stdout: str
    stderr: str


def run(
    program: Program,
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float = COMMAND_SECONDS,
) -> Ended:
    """Run a program to its end; raises TimeoutExpired."""
    with TemporaryFile() as output, TemporaryFile() as error:
        process = start(
            program, arguments, folder=folder, environment=environment, output=output, error=error
        )
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        printed = []
        for file in (output, error):
            file.seek(0)
            printed.append(file.read().decode())
    return Ended(code, *printed)


_given: str | None = None
"""The address of the process that another one has started."""


def use(address: str) -> None:
    """Fork processes from the `forker` of another process."""
    global _given  # noqa: PLW0603 - one for each process of a run
    _given = address


@cache
def forker() -> str:
    """Start the process that imports the program once for every later start; return its address."""
    folder = TemporaryDirectory(prefix="starting-")
    address = str(Path(folder.name) / "control")
    living, alive = os.pipe()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(BACKLOG)
        inherited = (listening.fileno(), living)
        process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "tests.support.program.starting"),
                *map(str, inherited),
            ],
            cwd=ROOT,
            pass_fds=inherited,
        )
    os.close(living)

    def end() -> None:
        os.close(alive)
        process.wait()
        folder.cleanup()

    atexit.register(end)
    return address


def _programs() -> Mapping[Program, Callable[[], int | None]]:
    import server  # noqa: PLC0415 - the tests themselves need not import it
    from edge.documents.documents import prepared  # noqa: PLC0415 - the same
    from edge.documents.trusted_documents import read_folder  # noqa: PLC0415 - the same
    from providers.sandbox.gateway.connection_pool import authorities  # noqa: PLC0415 - the same
    from resolvers.root import executable  # noqa: PLC0415 - the same
    from tests.support.program import build, warming  # noqa: PLC0415 - the same
    from tools.fake_stripe import __main__ as stripe  # noqa: PLC0415 - the same

    for name in IMPORTED_LATE:
        importlib.import_module(name)
    authorities()
    for text in (*read_folder(ROOT / "queries"), *read_folder(ROOT / "tests" / "documents")):
        for is_development in (True, False):
            prepared(executable(), text.text, introspection=is_development)
    warming.serve_once()
    return {"server": server.main, "test build": build.main, "stripe": stripe.main}


def _fork_until_told(listening: socket.socket, living: int) -> Callable[[], int | None]:
    """Fork a process at each request; return its task in each of those."""
    programs = _programs()
    gc.collect()
    gc.freeze()  # Collections do not write to what all of them share.
    # Once the tests are over, it ends what it forked first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watched = _Watched()
    watched.waiting.register(listening, select.POLLIN)
    watched.waiting.register(living, 0)  # Whatever is sent, it means that the tests are over.
    while True:
        events = dict(watched.waiting.poll())
        if living in events:
            watched.kill_all()
            os._exit(0)
        for descriptor in events:
            watched.look_at(descriptor)
        if listening.fileno() not in events:
            continue
        with listening.accept()[0] as control:
            word, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
        if not word:
            continue
        request, output, error, telling = descriptors
        pid = os.fork()
        if not pid:
            break
        for one in (request, output, error):
            os.close(one)
        watched.add(pid, telling)
    for one in (listening.fileno(), living, telling, *watched.descriptors()):
        os.close(one)
    listening.detach()
    return programs[_become(request, output, error)]


def _become(request: int, output: int, error: int) -> Program:
    """Make this process what a request says, and return the program that it is to run."""
    with os.fdopen(request, "rb") as reading:
        program, arguments, folder, environment = orjson.loads(reading.read())
    os.dup2(output, 1)
    os.dup2(error, 2)
    os.close(output)
    os.close(error)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _heed_path(environment.get(PYTHONPATH, ""))
    sys.argv = [program, *arguments]
    chosen: Program = program
    return chosen


class _Watched:
    """The forked processes: their ends are reported, and they end if nobody is left to receive that."""

    def __init__(self) -> None:
        self.waiting = select.poll()
        self._ending: dict[int, tuple[int, int]] = {}
        """By the descriptor that shows its end: a process's id, and the channel for that."""
        self._telling: dict[int, int] = {}
        """A process's id by its channel."""

    def descriptors(self) -> list[int]:
        """Return the descriptors to watch."""
        return [*self._ending, *self._telling]

    def add(self, pid: int, telling: int) -> None:
        """Send a process's id, and later its exit code."""
        ended = os.pidfd_open(pid)
        self._ending[ended] = (pid, telling)
        self._telling[telling] = pid
        self.waiting.register(ended, select.POLLIN)
        self.waiting.register(telling, 0)  # Whatever is sent, it means that nobody reads any more.
        with contextlib.suppress(BrokenPipeError):
            _tell(telling, pid)

    def look_at(self, descriptor: int) -> None:
        """Handle an event of a descriptor, if it belongs to one of them."""
        if descriptor in self._ending:
            pid, telling = self._ending.pop(descriptor)
            # It is sent before the id is free for another process.
            found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            assert found is not None
            has_exited = found.si_code == os.CLD_EXITED
            with contextlib.suppress(BrokenPipeError):
                _tell(telling, found.si_status if has_exited else -found.si_status)
            os.waitpid(pid, 0)
            del self._telling[telling]
            for one in (descriptor, telling):
                with contextlib.suppress(KeyError):
                    self.waiting.unregister(one)
                os.close(one)
        elif descriptor in self._telling:
            os.kill(self._telling[descriptor], signal.SIGKILL)
            self.waiting.unregister(descriptor)

    def kill_all(self) -> None:
        """Kill those that run."""
        for pid, _ in self._ending.values():
            os.kill(pid, signal.SIGKILL)


def _heed_path(path: str) -> None:
    """Apply PYTHONPATH as an interpreter does, and import what it changes."""
    places = [place for place in path.split(os.pathsep) if place and place not in sys.path]
    sys.path[1:1] = places
    if any((Path(place) / "sitecustomize.py").exists() for place in places):
        # Debian's interpreters have one of their own, which is already loaded.
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")


def _tell(where: int, number: int) -> None:
    os.write(where, f"{number:{WORD_BYTES}}".encode())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(_fork_until_told(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))())
