"""The log of requests: one line for each, one for each unexpected error, and the lines of libraries."""

import logging
import re
import traceback
from pathlib import PurePath
from time import perf_counter
from typing import NamedTuple

import structlog

from edge import limits

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*", re.ASCII)


class Record(NamedTuple):
    """The logged facts of a finished request or operation: never its text or its variables."""

    request_id: str
    transport: str
    started: float
    status: int | str
    operation_name: str | None = None
    operation_type: str | None = None
    collection_id: str | None = None


def finished(record: Record) -> None:
    """Write the line of a finished request."""
    _log.info(
        "request",
        request_id=record.request_id,
        transport=record.transport,
        operation_name=_loggable(record.operation_name),
        operation_type=record.operation_type,
        status=record.status,
        collection_id=record.collection_id,
        duration_ms=round((perf_counter() - record.started) * 1000, 3),
    )


def unexpected(error: BaseException, request_id: str) -> None:
    """Write the place and the kind of an unexpected error."""
    _log.error("unexpected_error", request_id=request_id, **_place_of(error))


class LibraryLines(logging.Handler):
    """The log handler for libraries, such as uvicorn and asyncio, whose lines look like all others."""

    @classmethod
    def take_over(cls) -> None:
        """Handle whatever the standard library's logging receives from now on, warnings included."""
        logging.basicConfig(handlers=[cls()], force=True)
        logging.captureWarnings(capture=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage().strip()
        if record.name == "asyncio":
            # What follows shows the task, and with it its exception's text.
            text = text.partition("\n")[0]
        place = {} if error is None else _place_of(error)
        write = _log.error if record.levelno >= logging.ERROR else _log.warning
        write(text[: limits.LOGGED_TEXT_CHARACTERS], logger=record.name, **place)


def _place_of(error: BaseException) -> dict[str, list[str]]:
    """Return the place and the kind of an error; its text may hold what no log may hold."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < limits.LOGGED_FRAMES:
        kinds.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-limits.LOGGED_FRAMES :]
    return {
        "exceptions": kinds,
        "frames": [
            f"{'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
            for frame in frames
        ],
    }


def _loggable(name: str | None) -> str | None:
    if name is None or not _NAME.fullmatch(name):
        return None
    return name[: limits.LOGGED_NAME_CHARACTERS]
