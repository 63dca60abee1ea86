"""The invariants, checked beside the requests: a broken one is a fault of this program that an operator must hear of.

At an interval, the collections with new events are checked, with the rows that were broken before and what is overdue.
Once a day everything is, slice by slice.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import structlog

from payments.model import instants
from payments.model.instants import Instant
from payments.ports.invariants import BROKEN_MAX, BrokenInvariant, Invariants, Slice

log = structlog.get_logger("check")

WHOLE_SECONDS = 86_400.0
"""Between the beginnings of two checks of everything."""

WHOLE_SHARE = 0.05
"""Of the time that a check of everything reads beside the requests: nobody waits for it."""


@dataclass(slots=True)
class LastCheck:
    """What this process's checks have found."""

    found: dict[tuple[str, str], BrokenInvariant] = field(default_factory=dict)
    """The rows that are broken, by invariant and id: at most 100 of each invariant."""
    ended_at: Instant | None = None
    """None: it has not checked yet."""
    whole_ended_at: Instant | None = None
    """None: it has not checked everything yet."""

    @property
    def broken(self) -> int:
        """Return the number of rows that are known to be broken."""
        return len(self.found)

    def add(self, broken: Iterable[BrokenInvariant]) -> None:
        """Keep what was found."""
        counted = Counter(name for name, _ in self.found)
        for one in broken:
            key = (one.name, one.id)
            if key in self.found or counted[one.name] < BROKEN_MAX:
                counted[one.name] += key not in self.found
                self.found[key] = one


async def slices(
    invariants: Invariants, *, after: str = "", share: float = 1.0
) -> AsyncIterator[Slice]:
    """Yield every slice of the rows after an id; reading takes at most a share of the time. Raises StoreFailed."""
    while True:
        began = time.monotonic()
        found = await invariants.slice(after)
        read_seconds = time.monotonic() - began
        if found.last is None:
            return
        yield found
        after = found.last
        await asyncio.sleep(read_seconds * (1 / share - 1))


async def run(invariants: Invariants, interval_seconds: float, last: LastCheck) -> None:
    """Check until canceled, and log each row that breaks an invariant."""
    position: int | None = None
    while position is None:
        try:
            position = await invariants.end_of_log()
        except Exception as error:  # The database may answer later.
            log.error("check failed", error=type(error).__name__, exc_info=error)
            await asyncio.sleep(interval_seconds)
    # What was written before that position is left to the check of everything, which only begins now.
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_follow(invariants, position, interval_seconds, last))
        tasks.create_task(_check_daily(invariants, interval_seconds, last))


async def _follow(
    invariants: Invariants, position: int, interval_seconds: float, last: LastCheck
) -> None:
    """Check what has changed, at an interval."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            position = await _check_changes(invariants, position, last)
        except Exception as error:  # The next check may succeed.
            log.error("check failed", error=type(error).__name__, exc_info=error)


async def _check_changes(invariants: Invariants, position: int, last: LastCheck) -> int:
    """Check what has changed after a position in the log, and return the position to go on from."""
    before = dict(last.found)
    still = [
        *await invariants.rows(sorted({one.id for one in before.values()})),
        *await invariants.overdue(),
    ]
    for key in before:
        del last.found[key]
    last.add(still)
    while True:
        changes = await invariants.changes(position)
        last.add(changes.broken)
        position = changes.position
        if changes.is_last:
            break
    last.ended_at = instants.now()
    for one in last.found.values():
        _tell(one)
    return position


async def _check_daily(invariants: Invariants, interval_seconds: float, last: LastCheck) -> None:
    """Check everything once a day; after a failure it goes on where it stopped."""
    await asyncio.sleep(interval_seconds)
    while True:
        began = time.monotonic()
        await _check_whole(invariants, interval_seconds, last)
        last.whole_ended_at = instants.now()
        await asyncio.sleep(max(interval_seconds, began + WHOLE_SECONDS - time.monotonic()))


async def _check_whole(invariants: Invariants, interval_seconds: float, last: LastCheck) -> None:
    after = ""
    while True:
        try:
            async for found in slices(invariants, after=after, share=WHOLE_SHARE):
                last.add(found.broken)
                for one in found.broken:
                    _tell(one)
                after = found.last or after
        except Exception as error:  # The rest may be readable later.
            log.error("check failed", error=type(error).__name__, exc_info=error)
            await asyncio.sleep(interval_seconds)
        else:
            return


def _tell(one: BrokenInvariant) -> None:
    log.error(
        "invariant broken",
        number=one.number,
        name=one.name,
        id=one.id,
        found=one.found,
        expected=one.expected,
    )
