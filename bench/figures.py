"""Figures: durations summarised, and how a number of something is called."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """A summary of many durations."""

    median_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        """Return the summary of durations; at least two."""
        cut = statistics.quantiles(seconds, n=100, method="inclusive")
        return cls(*(round(value * 1_000, 2) for value in (cut[49], cut[98], max(seconds))))


def counted(many: int, noun: str) -> str:
    """Return a number with its noun, such as "8 clients"."""
    return f"{many} {noun}{'' if many == 1 else 's'}"
