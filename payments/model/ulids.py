"""ULIDs: a millisecond and 80 random bits, as 26 digits to the base 32 that sort like the numbers.

Source: https://github.com/ulid/spec
"""

import os
import time
from threading import Lock

RANDOM_BITS = 80

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's, without the letters that look like others."""

_PAIRS = [first + second for first in DIGITS for second in DIGITS]
_SHIFTS = range(120, -1, -10)
"""Of the 13 pairs of digits, in a number of 128 bits."""


class _Numbers:
    """New numbers. Those of one millisecond count up from the first one, so that they sort by their creation."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with the next millisecond, and with a lock that nobody holds."""
        self._last = 0
        # On SQLite a transaction makes its ids in a thread.
        self._lock = Lock()

    def next(self) -> int:
        """Return a number of 128 bits that was never returned before."""
        milliseconds = time.time_ns() // 1_000_000
        with self._lock:
            if self._last >> RANDOM_BITS == milliseconds:
                self._last += 1
            else:
                random = int.from_bytes(os.urandom(RANDOM_BITS // 8), "big")
                self._last = milliseconds << RANDOM_BITS | random
            return self._last


_numbers = _Numbers()
# A process that was forked within a millisecond would count on from the number that its parent counts on from, too.
os.register_at_fork(after_in_child=_numbers.begin)


def new_ulid() -> str:
    """Return a new ULID; those of one process sort by their creation, as long as its clock goes forward."""
    return _text(_numbers.next())


def first_ulid(milliseconds: int) -> str:
    """Return the lowest ULID of a millisecond since 1970."""
    return _text(milliseconds << RANDOM_BITS)


def milliseconds_of(ulid: str) -> int:
    """Return the milliseconds between 1970 and a ULID's creation."""
    milliseconds = 0
    for digit in ulid[:10]:
        milliseconds = milliseconds * len(DIGITS) + DIGITS.index(digit)
    return milliseconds


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
