"""The log on standard error, one JSON object a line. Nothing waits for it, and nothing fails because of it."""

import atexit
import json
import os
import select
import stat
import threading
import time
from queue import SimpleQueue
from typing import Any

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer

QUEUED_LINES = 4_096
"""Queued lines of a process: if a reader hangs for longer, lines are dropped before memory grows."""

FLUSH_SECONDS = 1.0
"""For queued lines at the end of a process: a reader that hangs must not keep it from ending."""

GATHER_SECONDS = 0.005
"""For the lines after one that was written at once: a thread that is woken for each takes the interpreter away from all
others each time."""

STANDARD_DESCRIPTORS = 3


class Lines:
    """A writer of lines to a descriptor; a line that can't be written is dropped and counted.

    A file accepts or refuses a line at once. Anything else may have a reader that hangs, and is written by a thread.
    """

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._begin_anew()
        # A thread does not survive a fork, and its queued lines are written by the parent.
        os.register_at_fork(before=self.flush, after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._queue = SimpleQueue[bytes | None]()
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()
        self._is_file: bool | None = None
        """None before the first line: until then the descriptor may be replaced."""
        self._is_torn = False
        """Whether the last line was written only in part, as on a full disk."""

    def write(self, line: bytes) -> None:
        """Write a line to a file, or queue it."""
        if self._is_file is None:
            self._is_file = _is_file(self._descriptor)
        if self._is_file:
            self._write_one(line + b"\n")
            return
        if self._queue.qsize() >= QUEUED_LINES:
            self.dropped += 1
            return
        self._queue.put(line + b"\n")
        if self._writer is None or not self._writer.is_alive():
            self._start()

    def flush(self) -> None:
        """Wait until everything is written, but not for long."""
        if self._writer is not None and self._writer.is_alive():
            self._queue.put(None)
            self._writer.join(FLUSH_SECONDS)

    def _start(self) -> None:
        with self._starting:
            if self._writer is not None and self._writer.is_alive():
                return
            self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
            try:
                self._writer.start()
            except RuntimeError:  # The interpreter is ending, or the system has no thread left.
                self._writer = None
                self.dropped += self._queue.qsize()
                self._queue = SimpleQueue[bytes | None]()

    def _write_all(self) -> None:
        queue = self._queue
        while (line := queue.get()) is not None or not queue.empty():
            if line is not None:
                self._write_one(line)
            if queue.empty():
                time.sleep(GATHER_SECONDS)

    def _write_one(self, line: bytes) -> None:
        written = 0
        if self._is_torn:
            line = b"\n" + line
        try:
            while written < len(line):
                written += self._write_some(line[written:])
        except OSError:
            self.dropped += 1
            self._is_torn = self._is_torn or written > 0
        else:
            self._is_torn = False

    def _write_some(self, part: bytes) -> int:
        try:
            return os.write(self._descriptor, part)
        except BlockingIOError:
            # Another process with this descriptor open has made it non-blocking.
            select.select([], [self._descriptor], [])
            return 0


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


OUTPUT = Lines(1)
LOG = Lines(2)


class _Logger:
    """The output of structlog: rendered lines go to the log."""

    def msg(self, line: bytes) -> None:
        LOG.write(line)

    log = debug = info = warning = error = critical = exception = fatal = failure = msg


def configure() -> None:
    """Write the log as one JSON object a line to standard error."""
    _open_what_is_closed()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Local variables may hold keys and client secrets.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=_serialized),
        ],
        logger_factory=lambda *_: _Logger(),
        cache_logger_on_first_use=True,
    )
    atexit.register(flush)


def flush() -> None:
    """Wait until everything is written, but not for long; called by hand where a process skips Python's exit."""
    OUTPUT.flush()
    LOG.flush()


def _serialized(entry: Any, **_: Any) -> bytes:
    try:
        return orjson.dumps(entry, default=repr)
    except TypeError:  # A lone surrogate, as in the name of a file that is not UTF-8.
        return json.dumps(entry, default=repr).encode()


def _open_what_is_closed() -> None:
    """Open the standard descriptors that are closed: a database that got their number would receive the lines."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < STANDARD_DESCRIPTORS:
        pass
    os.close(descriptor)
