"""The invariants, looked at from time to time: a broken one is a fault of ours that somebody has to hear of."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger("check")


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """Is one row that breaks an invariant."""

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


class Invariants(Protocol):
    """Looks for what breaks an invariant."""

    async def broken(self) -> Sequence[BrokenInvariant]:
        """List what breaks an invariant."""


async def run(invariants: Invariants, interval_seconds: float) -> None:
    """Look at an interval until canceled, and log each row that breaks an invariant."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            for one in await invariants.broken():
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
