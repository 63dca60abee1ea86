"""The output of a command: on standard output, or a complaint on standard error."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO


class OutputLost(Exception):
    """An error: a command's output can't be written, so that its exit code must not suggest anything else."""


def say(*lines: object) -> None:
    """Print lines to standard output; raises OutputLost."""
    if (reason := _write(sys.stdout, lines)) is not None:
        raise OutputLost(f"The answer can't be written: {reason}.")


def complain(sentence: str) -> None:
    """Print a sentence to standard error, if that can be written."""
    _write(sys.stderr, [sentence])


def complain_in_place(text: str) -> None:
    """Print a text to standard error without ending its line, if that can be written."""
    _write(sys.stderr, [text], end="")


def _write(stream: TextIO | None, lines: Sequence[object], end: str = "\n") -> str | None:
    """Print lines; return why they can't be written, if so. A closed stream has no reader."""
    if stream is None:
        return None
    try:
        print(*lines, sep="\n", end=end, file=stream, flush=True)
    except OSError as error:
        # Python would try once more at its end, and exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error.strerror
    return None
