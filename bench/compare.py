"""`python -m bench.compare A.json B.json`: two results side by side, and each figure of the second to the first's.

Times and rates of two runs differ by the machine's speed at the time, too. What a run compares with itself comes first.
"""

import argparse
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from bench.report import table

RATIOS = ("ratios", "statements", "memory")
"""The parts that do not depend on the machine's speed."""

NO_FIGURES = ("measured_at", "arguments", "machine", "left_out", "failed")

Json = Any

Path = tuple[str, ...]
"""The names on the way to a figure, its part's first."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of two results."""

    path: Path
    first: float
    second: float

    @property
    def name(self) -> str:
        """Return the path in words."""
        return ", ".join(self.path)

    @property
    def ratio(self) -> float | None:
        """Return the second to the first; None where the first is 0."""
        return self.second / self.first if self.first else None


def compare(first: Json, second: Json) -> tuple[list[Line], list[Path]]:
    """Return the figures that both results have, in the first one's order, and the paths that only one has."""
    ours, theirs = dict(_figures(first)), dict(_figures(second))
    lines = [Line(name, ours[name], theirs[name]) for name in ours if name in theirs]
    return lines, sorted(ours.keys() ^ theirs.keys())


def _figures(result: Json) -> Iterator[tuple[Path, float]]:
    """Yield each figure with its path."""
    for part in (name for name in result if name not in NO_FIGURES):
        for path, value in _leaves(result[part], part):
            if isinstance(value, int | float):
                yield path, float(value)


def _leaves(value: Json, *path: str) -> Iterator[tuple[Path, Json]]:
    """Yield each value that is no dictionary, with its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, *path, name)
    else:
        yield path, value


def show(first: Json, second: Json) -> None:
    """Print both results."""
    for letter, result in (("A", first), ("B", second)):
        print(
            f"{letter}: {result['measured_at']}, arguments: {' '.join(result['arguments']) or 'none'}"
        )
        print(
            f"   {'; '.join(f'{path[-1]} {value}' for path, value in _leaves(result['machine']))}"
        )
    lines, single = compare(first, second)
    head = ("", "A", "B", "B to A")
    for title, is_wanted in (
        ("Whatever the machine's speed", True),
        ("By the machine's speed at the time, too", False),
    ):
        table(
            title,
            head,
            (
                (line.name, line.first, line.second, line.ratio)
                for line in lines
                if (line.path[0] in RATIOS) == is_wanted
            ),
        )
    if single:
        groups = dict.fromkeys(", ".join(path[:3]) for path in single)
        print(f"\n{len(single)} figures are in one of them only: {'; '.join(groups)}")


def main() -> None:
    """Read two results and print them."""
    parser = argparse.ArgumentParser(description="Print two results of `make bench` side by side.")
    parser.add_argument("first", type=pathlib.Path, metavar="A.json")
    parser.add_argument("second", type=pathlib.Path, metavar="B.json")
    given = parser.parse_args()
    show(*(orjson.loads(path.read_bytes()) for path in (given.first, given.second)))


if __name__ == "__main__":
    main()
