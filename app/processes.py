"""Several processes of one server on one socket: started together, replaced when one dies, ended together."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from types import FrameType

import structlog

log = structlog.get_logger("workers")

SHORTEST_LIFE_SECONDS = 1.0
"""A process that ended sooner than this is not replaced at once: it would end again and again."""

STOPPING = (signal.SIGTERM, signal.SIGINT)
HANDLED = (*STOPPING, signal.SIGHUP)

STARTED_IN_A_TERMINAL = os.isatty(0)
"""A closed terminal ends the processes, but it sends the signal that makes them read their settings again."""

BACKLOG = 2_048
"""Connections waiting to be accepted, as in uvicorn."""

LOOK_SECONDS = 0.1
"""Between two checks whether a child has ended. A wait for one would miss a signal that comes just as it begins:
Python handles that afterwards."""

DID_NOT_START = 3
"""uvicorn's exit code of a process that could not start; another one could not either. Source: uvicorn.config."""


class Lifeline:
    """A pipe by which the child processes notice that their parent is gone, however it ended.

    Its writing end is open in the parent alone, and the system closes it there. Linux's signal at a parent's death
    would miss a process that starts just after that.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def hold(self) -> None:
        """End this child process, as if it were told to stop, as soon as its parent is gone."""
        os.close(self._writing)
        threading.Thread(target=self._wait, name="lifeline", daemon=True).start()

    def _wait(self) -> None:
        os.read(self._reading, 1)  # Nothing is ever written: the read returns at the end.
        log.warning("supervisor gone")
        os.kill(os.getpid(), signal.SIGTERM)


def supervise(work: Callable[[], int], count: int, *, at_end: Callable[[], None]) -> int:
    """Run a function in a number of processes until told to stop; return the exit code.

    Each process calls `at_end` last: only the parent runs the functions that a program registers for its exit.
    """
    children: dict[int, float] = {}
    ending: list[int] = []
    """The signal that asked to stop."""

    end = _heed_signals(children, ending)
    line = Lifeline()
    code = 0
    while True:
        while not ending and len(children) < count:
            _start(work, children, ending, line, at_end)
        if not children:
            return code
        pid, status, lived_seconds = _next_ended(children)
        if ending:
            continue
        log.warning("worker ended", pid=pid, status=os.waitstatus_to_exitcode(status))
        if os.waitstatus_to_exitcode(status) == DID_NOT_START:
            code = 1
            end()
        elif lived_seconds < SHORTEST_LIFE_SECONDS:
            time.sleep(SHORTEST_LIFE_SECONDS)


def _next_ended(children: dict[int, float]) -> tuple[int, int, float]:
    while True:
        # Signals are blocked meanwhile: none is passed on to a process that has ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        pid, status = os.waitpid(-1, os.WNOHANG)
        started_at = children.pop(pid) if pid else 0.0
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        if pid:
            return pid, status, time.monotonic() - started_at
        time.sleep(LOOK_SECONDS)


def is_terminal_gone() -> bool:
    """Return whether SIGHUP means that the terminal was closed, rather than that settings are to be read again."""
    return STARTED_IN_A_TERMINAL and not os.isatty(0)


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket that every process accepts on, for both families if the host is ::; raises OSError."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=BACKLOG)
    # By default, Python restricts such a socket to IPv6.
    return socket.create_server(
        (host, port),
        family=socket.AF_INET6,
        backlog=BACKLOG,
        dualstack_ipv6=socket.has_dualstack_ipv6(),
    )


def _start(
    work: Callable[[], int],
    children: dict[int, float],
    ending: Sequence[int],
    line: Lifeline,
    at_end: Callable[[], None],
) -> None:
    # A signal that arrives in between waits: the child must not handle it as the parent, which must know its children.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    if ending:  # The signal to stop came just before.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return
    pid = os.fork()
    if pid:
        children[pid] = time.monotonic()
    else:
        # The child's own; a signal before its server handles it ends it. SIGHUP waits for its server.
        _at_each_stop(signal.SIG_DFL)
        line.hold()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED if pid else STOPPING)
    if pid:
        return
    try:
        code = work()
    except BaseException as error:  # Nothing may unwind into the parent's program.
        log.error("worker failed", error=type(error).__name__, exc_info=error)
        code = 1
    at_end()
    os._exit(code)


def _heed_signals(children: Collection[int], ending: list[int]) -> Callable[[], None]:
    """Pass signals on to the children, and note the one that asks to stop; return a function that restores them."""

    def tell(number: int) -> None:
        for pid in children:
            os.kill(pid, number)

    def end(number: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        ending.append(number)
        tell(signal.SIGTERM)

    def hang_up(number: int, _frame: FrameType | None) -> None:
        if is_terminal_gone():
            end(number)
        else:
            tell(number)

    _at_each_stop(end)
    signal.signal(signal.SIGHUP, hang_up)
    return end


def _at_each_stop(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in STOPPING:
        signal.signal(number, handler)
