"""The invariants, looked at from time to time: a broken one is a fault of ours that somebody has to hear of."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from payments import instants
from payments.instants import Instant

log = structlog.get_logger("check")


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """One row that breaks an invariant."""

    number: int
    name: str
    id: str
    """Of the collection, session, payment or operation."""
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"invariant {self.number}, {self.name}: {self.id} has {self.found}, not {self.expected}"
        )


@dataclass(slots=True)
class LastCheck:
    """What this process's last look found."""

    broken: int = 0
    ended_at: Instant | None = None
    """None: it has not looked yet."""


class Invariants(Protocol):
    """Looks for what breaks an invariant."""

    async def broken(self) -> Sequence[BrokenInvariant]:
        """List what breaks an invariant."""


async def run(invariants: Invariants, interval_seconds: float, last: LastCheck) -> None:
    """Look at an interval until canceled, and log each row that breaks an invariant."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            broken = await invariants.broken()
            last.broken, last.ended_at = len(broken), instants.now()
            for one in broken:
                log.error(
                    "invariant broken",
                    number=one.number,
                    name=one.name,
                    id=one.id,
                    found=one.found,
                    expected=one.expected,
                )
        except Exception as error:  # The next look may succeed.
            log.error("check failed", error=type(error).__name__, exc_info=error)
