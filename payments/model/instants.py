"""Instants as whole microseconds since 1970 in UTC: exact in every database, and never without a time zone."""

import time
from typing import NewType

Instant = NewType("Instant", int)

SECOND = 1_000_000
"""Microseconds."""

LATEST = Instant(253_402_300_799 * SECOND)
"""The last second that can be written as a date: 9999-12-31T23:59:59Z."""


def now() -> Instant:
    """Return this machine's time."""
    return Instant(time.time_ns() // 1_000)


def after(instant: Instant, seconds: float) -> Instant:
    """Return the instant a number of seconds after another one."""
    return Instant(instant + int(seconds * SECOND))
