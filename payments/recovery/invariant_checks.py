"""The invariants, checked at an interval: a broken one is a fault of this program that an operator must hear of."""

import asyncio
from dataclasses import dataclass

import structlog

from payments.model import instants
from payments.model.instants import Instant
from payments.ports.invariants import Invariants

log = structlog.get_logger("check")


@dataclass(slots=True)
class LastCheck:
    """The result of this process's latest check."""

    broken: int = 0
    ended_at: Instant | None = None
    """None: it has not checked yet."""


async def run(invariants: Invariants, interval_seconds: float, last: LastCheck) -> None:
    """Check at an interval until canceled, and log each row that breaks an invariant."""
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
        except Exception as error:  # The next check may succeed.
            log.error("check failed", error=type(error).__name__, exc_info=error)
