"""A wall clock that jumps: Python reads this file at its start where its folder is in PYTHONPATH.

The file `clock` in the directory that a server runs in holds the seconds by which its clock is wrong.
"""

import time
from pathlib import Path

_true_seconds = time.time
_true_nanoseconds = time.time_ns
_CLOCK = Path("clock")


def _wrong_by_seconds() -> int:
    try:
        return int(_CLOCK.read_text())
    except (FileNotFoundError, ValueError):
        return 0


time.time = lambda: _true_seconds() + _wrong_by_seconds()
time.time_ns = lambda: _true_nanoseconds() + _wrong_by_seconds() * 1_000_000_000
