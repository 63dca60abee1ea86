"""Counts in memory: exact as long as there is room, and never more than that."""

import asyncio
import time
from collections.abc import Callable

from edge import limits
from edge.rate_limits.counters import OwnCounts


async def _counted(counts: OwnCounts, key: str, times: int = 1) -> int:
    found = 0
    for _ in range(times):
        found = await counts.incr(key, 60)
    return found


def test_each_key_has_a_count_of_its_own() -> None:
    """A key that was never counted is 0, and reading counts nothing."""

    async def count() -> None:
        counts = OwnCounts()
        assert await counts.get("a") == 0
        assert await _counted(counts, "a", 3) == 3
        assert await _counted(counts, "b") == 1
        assert await counts.incr("b", 60, 5) == 6
        assert [await counts.get(key) for key in "abc"] == [3, 6, 0]

    asyncio.run(count())


def test_the_older_half_makes_room(limit: Callable[[str, float], None]) -> None:
    """A key that is counted again and again is kept; one that was counted once, long ago, is forgotten."""
    limit("COUNTS_KEPT", 10)

    async def count() -> None:
        counts = OwnCounts()
        await _counted(counts, "once")
        for number in range(20):
            assert await _counted(counts, "again") == number + 1
            await _counted(counts, f"other-{number}")
        assert await counts.get("once") == 0

    asyncio.run(count())


def test_a_hundred_thousand_addresses_do_not_slow_it_down() -> None:
    """A hit takes microseconds with as many keys as fit and more; limits' own took 50 ms with so many."""

    async def count() -> int:
        counts = OwnCounts()
        for number in range(limits.COUNTS_KEPT * 2):
            await counts.incr(f"address/{number}", 60)
        assert len(counts._newer) + len(counts._older) <= limits.COUNTS_KEPT
        taken = []
        for _ in range(1_000):
            began = time.thread_time_ns()
            await counts.incr("address/1", 60)
            taken.append(time.thread_time_ns() - began)
        # The shortest: whatever else the machine does, it did not do so in each of a thousand.
        return min(taken)

    assert asyncio.run(count()) < 100_000
