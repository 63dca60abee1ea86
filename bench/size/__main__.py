"""`make bench-size`: the cost of everything on a large database over its cost on a small one."""

import argparse
import asyncio
import datetime
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from bench.size.costs import COSTS, Cost
from bench.size.crowded import movements
from bench.size.sized import Sized, made
from tests.support.stores import databases

AIM: Final = 1.2
CHECK_AIM_SECONDS: Final = 300
"""For a million collections."""

RESULTS: Final = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Compared:
    """A cost on both databases, in milliseconds, as medians."""

    name: str
    small_ms: float
    large_ms: float
    ratio: float
    """The median of the ratios of each round."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured on one kind of database."""

    kind: str
    small: dict[str, int]
    large: dict[str, int]
    made_seconds: float
    """For the large database."""
    costs: Sequence[Compared]
    crowded: Compared
    """The first movements of one payment and the last ones."""
    check_seconds: float
    """Of `python server.py check` on the large database, which nobody else uses then."""


async def compare(small: Sized, large: Sized, rounds: int) -> list[Compared]:
    """Measure each cost on both, in turns."""
    for one in (small, large):
        await one.database.open()
    try:
        return [await _compare(cost, small, large, rounds) for cost in COSTS]
    finally:
        for one in (small, large):
            await one.database.close()


async def _compare(cost: Cost, small: Sized, large: Sized, rounds: int) -> Compared:
    smalls, larges = [], []
    for number in range(rounds + 1):
        found = await _median(cost, small), await _median(cost, large)
        if number:  # The first one warms up.
            smalls.append(found[0])
            larges.append(found[1])
    ratios = [more / less for less, more in zip(smalls, larges, strict=True)]
    compared = Compared(
        cost.name,
        round(statistics.median(smalls) * 1_000, 2),
        round(statistics.median(larges) * 1_000, 2),
        round(statistics.median(ratios), 2),
    )
    print(row(compared), flush=True)
    return compared


async def _median(cost: Cost, sized: Sized) -> float:
    return statistics.median([await cost.seconds(sized) for _ in range(cost.times)])


def row(one: Compared) -> str:
    """Return a cost as a row of the table."""
    mark = "" if one.ratio <= AIM else f"  above {AIM}"
    return f"  {one.name:55} {one.small_ms:10.2f} {one.large_ms:10.2f} {one.ratio:7.2f}{mark}"


async def _crowd(large: Sized, count: int) -> Compared:
    first, last = await movements(large, count)
    name = f"the last of {count:,} captures and refunds, to the first"
    return Compared(name, round(first * 1_000, 2), round(last * 1_000, 2), round(last / first, 2))


def measure(
    kind: str, collections: int, small_collections: int, rounds: int, movement_count: int
) -> Result:
    """Make both databases of a kind and compare them."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"\n{kind}: making {small_collections:,} and {collections:,} collections", flush=True)
        with (
            made(kind, small_collections, Path(folder) / "small") as small,
            made(kind, collections, Path(folder) / "large") as large,
        ):
            counts = ", ".join(f"{count:,} {table}" for table, count in large.counts.items())
            print(f"The large one took {large.made_seconds:.0f} s: {counts}\n")
            print(f"  {'':55} {'small, ms':>10} {'large, ms':>10} {'ratio':>7}")
            costs = asyncio.run(compare(small, large, rounds))
            crowded = asyncio.run(_crowd(large, movement_count))
            print(row(crowded))
            small.server.stop()
            large.server.stop()
            began = time.perf_counter()
            code, said = large.server.command("check")
            check_seconds = time.perf_counter() - began
            if code != 0:
                raise RuntimeError(f"The copies break an invariant: {said}")
            rows = sum(large.counts.values()) - large.counts["idempotency_keys"]
            print(
                f"\n  python server.py check: {check_seconds:.1f} s for {rows:,} rows,"
                f" {check_seconds / large.counts['payment_collections'] * 1_000_000:.0f} s for a"
                f" million collections (aim {CHECK_AIM_SECONDS})"
            )
            return Result(
                kind, small.counts, large.counts, large.made_seconds, costs, crowded, check_seconds
            )


def main() -> None:
    """Measure, print and keep the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.size", description=__doc__)
    parser.add_argument("--collections", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--small", type=int, default=20_000, metavar="N")
    parser.add_argument("--movements", type=int, default=1_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--database", choices=[*databases.KINDS, "both"], default="both")
    given = parser.parse_args()
    kinds = databases.KINDS if given.database == "both" else [given.database]
    found = {
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "databases": [
            measure(kind, given.collections, given.small, given.rounds, given.movements)
            for kind in kinds
        ],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"size-{str(found['measured_at']).replace(':', '')}.json"
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nThe same as JSON: bench/results/{path.name}")


if __name__ == "__main__":
    main()
