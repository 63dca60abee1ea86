"""Fault injection: the points at which a test build fails, days that pass in seconds, and shorter waits."""

from collections.abc import Callable
from dataclasses import dataclass


def _go_on(_point: str) -> None:
    """Let the flow go on."""


@dataclass(frozen=True, slots=True)
class FaultInjection:
    """The points at which a test build fails, and how much faster time passes in it."""

    at: Callable[[str], None] = _go_on
    """Called at each point of the flow, before it goes on: "before", "during" or "after", and a step.

    The steps are prepare, ask, record, close and report; "during" is after a transaction's statements and before its
    commit.
    """
    time_scale: float = 1.0
    """How much faster than the clock recovery's steps and the lives of providers' keys pass; leases keep their time."""
    wait_scale: float = 1.0
    """How much shorter the waits of `wait` are: leases, and limits of requests, slow readers and counts."""
    lock_seconds: float | None = None
    """How long a transaction waits for its lock; None: as shipped."""
    poll_seconds: float | None = None
    """Between two polls for changes without a hint; None: as shipped."""

    def wait(self, seconds: float) -> float:
        """Return the length of a wait that is shipped with this many seconds."""
        return seconds / self.wait_scale

    def lock(self, seconds: float) -> float:
        """Return the length of a wait for a lock that is shipped with this many seconds."""
        return seconds if self.lock_seconds is None else self.lock_seconds

    def poll(self, seconds: float) -> float:
        """Return the length of a poll's pause that is shipped with this many seconds."""
        return seconds if self.poll_seconds is None else self.poll_seconds


AS_SHIPPED = FaultInjection()
