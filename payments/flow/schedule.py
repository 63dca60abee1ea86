"""When recovery asks again, and how long a provider remembers what it was asked."""

import random
from dataclasses import dataclass

from payments.model.instants import Instant, after
from payments.model.limits import RECOVERY_JITTER, RECOVERY_STEPS_SECONDS


@dataclass(frozen=True, slots=True)
class RecoverySchedule:
    """The schedule of recovery's requests, and how fast its days pass."""

    first_step_seconds: float
    """Before its first request: one recovery interval."""
    time_scale: float = 1.0
    """How much faster than the clock its later steps, and the lives of providers' keys, pass; 1 outside test builds."""

    def next_step_at(self, unanswered_times: int, now: Instant) -> Instant | None:
        """Return when it asks next; None after its last step, when an operator has to look."""
        later = (seconds / self.time_scale for seconds in RECOVERY_STEPS_SECONDS)
        steps = (self.first_step_seconds, *later)
        if unanswered_times >= len(steps):
            return None
        unanswered_times = max(unanswered_times, 0)
        jitter = 1 + random.uniform(0, RECOVERY_JITTER)  # noqa: S311 - spreads load, guards nothing
        return after(now, steps[unanswered_times] * jitter)

    def end_of(self, seconds: float, since: Instant) -> Instant:
        """Return the end of a time such as the life of a provider's keys."""
        return after(since, seconds / self.time_scale)
