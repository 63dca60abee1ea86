"""A wall clock that jumps or stands: Python reads this file at its start where its folder is in PYTHONPATH.

The file `clock` in the directory that a server runs in holds the seconds by which its clock is wrong, or, after an @,
the time at which it stands, in seconds since 1970.
"""

import time
from pathlib import Path

_true_nanoseconds = time.time_ns
_CLOCK = Path("clock")
_STANDS = "@"


def _nanoseconds() -> int:
    try:
        text = _CLOCK.read_text()
        if text.startswith(_STANDS):
            return int(text.removeprefix(_STANDS)) * 1_000_000_000
        return _true_nanoseconds() + int(text) * 1_000_000_000
    except (FileNotFoundError, ValueError):
        return _true_nanoseconds()


time.time = lambda: _nanoseconds() / 1_000_000_000
time.time_ns = _nanoseconds
