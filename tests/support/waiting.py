"""Waiting for events without a caller: a report, recovery, another process."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 150.0
"""On a busy machine; on a healthy one nobody waits this long.

Two of recovery's long steps: on a machine that is busy enough even its ask on loopback may not connect within a second,
and it asks again 60 to 66 seconds later.
"""


def until(look: Callable[[], Found], *, seconds: float = PATIENCE_SECONDS) -> Found:
    """Return the first true result of a function that is called repeatedly; fail when the time is over."""
    ends_at = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < ends_at, f"not within {seconds} seconds; last seen: {found!r}"
        time.sleep(LOOK_SECONDS)
    return found
