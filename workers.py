"""Several processes of one server behind one socket: started together, replaced when one dies, ended together."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import structlog

log = structlog.get_logger("workers")

SHORTEST_LIFE_SECONDS = 1.0
"""A process that ended sooner than this is not replaced at once: it would end again and again."""

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A terminal that closes ends the processes too: without their parent nobody would replace or end them."""

BACKLOG = 2_048
"""Connections that wait to be accepted, as uvicorn has it."""

DID_NOT_START = 3
"""uvicorn's exit code of a process that could not start; another one could not either. Source: uvicorn.config."""


def supervise(work: Callable[[], int], count: int) -> int:
    """Run a function in a number of processes until told to stop; gives the exit code."""
    children: dict[int, float] = {}
    ending: list[int] = []
    """The signal that told to stop."""

    def end(number: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
        ending.append(number)
        for pid in children:
            os.kill(pid, signal.SIGTERM)

    _at_each_stop(end)
    code = 0
    while True:
        while not ending and len(children) < count:
            pid = _start(work)
            children[pid] = time.monotonic()
            if ending:  # Told while it was being started.
                os.kill(pid, signal.SIGTERM)
        if not children:
            return code
        pid, status = os.wait()
        lived_seconds = time.monotonic() - children.pop(pid)
        if ending:
            continue
        log.warning("worker ended", pid=pid, status=os.waitstatus_to_exitcode(status))
        if os.waitstatus_to_exitcode(status) == DID_NOT_START:
            code = 1
            end()
        elif lived_seconds < SHORTEST_LIFE_SECONDS:
            time.sleep(SHORTEST_LIFE_SECONDS)


def listen(host: str, port: int) -> socket.socket:
    """Bind the one socket that every process accepts on; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _start(work: Callable[[], int]) -> int:
    # A signal that comes in between waits: the child must not take it for its parent.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    pid = os.fork()
    if not pid:
        # The child's own; a signal that comes before its server handles it ends it.
        _at_each_stop(signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    if pid:
        return pid
    try:
        code = work()
    except BaseException as error:  # Nothing may unwind into the parent's program.
        log.error("worker failed", error=type(error).__name__, exc_info=error)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _at_each_stop(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in STOPPING:
        signal.signal(number, handler)
