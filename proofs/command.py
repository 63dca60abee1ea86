"""The command of each proof: its options, its progress on disk, its table.

A show is a number of rounds, each with a seed of its own that is made from the show's. What a round has found is kept
in the show's folder, so that the same command goes on with the rounds that are left.
"""

import argparse
import random
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.support.program.running import ROOT
from tests.support.stores import databases

PROGRESS = "progress.json"
SEED_BITS = 32

Figures = Mapping[str, Any]
"""The results of a round: counts by name, and lists that are summed up at the end."""


@dataclass(frozen=True)
class Round:
    """One round: its parameters, and an empty folder of its own, which is removed after it."""

    folder: Path
    seed: int
    size: int
    number: int
    recovery_seconds: float | None
    """None: as shipped."""

    @property
    def random(self) -> random.Random:
        """Return new randomness from the round's seed."""
        return random.Random(self.seed)  # noqa: S311 - a run that can be repeated


@dataclass(frozen=True)
class Show:
    """The proof that one command runs."""

    name: str
    rounds: int
    size: int
    """Of a round: kills, calls, events or lost replies."""
    play: Callable[[Round], Figures]
    sum_up: Callable[[Sequence[Figures]], Figures]
    none_of: frozenset[str] = frozenset()
    """Figures that have to be zero."""


class Progress:
    """The state of a proof, kept in its folder."""

    def __init__(self, folder: Path, started: Figures) -> None:
        """Resume the state in the folder; raises SystemExit if it belongs to another run."""
        self._path = folder / PROGRESS
        self.state: dict[str, Any] = {**started, "rounds": [], "summary": {}}
        if not self._path.exists():
            return
        self.state = orjson.loads(self._path.read_bytes())
        for name, value in started.items():
            if name == "seed":
                continue
            if self.state[name] != value:
                raise SystemExit(f"{self._path} was made with {name} {self.state[name]}.")

    @property
    def seed(self) -> int:
        """Return the show's seed."""
        return int(self.state["seed"])

    @property
    def rounds(self) -> list[Figures]:
        """Return the rounds' results, in their order."""
        return list(self.state["rounds"])

    def keep(self, **changes: object) -> None:
        """Write the state, completely or not at all."""
        self.state |= changes
        written = self._path.with_suffix(".new")
        written.write_bytes(orjson.dumps(self.state, option=orjson.OPT_INDENT_2) + b"\n")
        written.replace(self._path)


def sums(rounds: Sequence[Figures]) -> dict[str, Any]:
    """Return the sums of all rounds' numbers, by name."""
    names = [name for name, value in rounds[0].items() if not isinstance(value, list)]
    return {name: round(sum(one[name] for one in rounds), 1) for name in names}


def main(show: Show, arguments: Sequence[str] | None = None) -> int:
    """Run the remaining rounds, print the table and keep it; return 1 if a figure is not zero that has to be."""
    given = _parse(show, arguments)
    databases.use(given.database)
    # Ending this process ends what it started, too: everything is closed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = given.folder or ROOT / ".shows" / f"{show.name}-{given.database}"
    folder.mkdir(parents=True, exist_ok=True)
    started = {
        "show": show.name,
        "database": given.database,
        "size": given.size,
        "recovery_seconds": given.recovery_seconds,
        "seed": secrets.randbits(SEED_BITS) if given.seed is None else given.seed,
    }
    progress = Progress(folder, started)
    if given.seed not in (None, progress.seed):
        raise SystemExit(f"{folder / PROGRESS} was made with seed {progress.seed}.")
    print(f"{show.name} on {given.database}, seed {progress.seed}", flush=True)
    progress.keep()
    for number in range(len(progress.rounds), given.rounds):
        _play(show, progress, folder / "round", number)
    summary = {"rounds": len(progress.rounds), **show.sum_up(progress.rounds)}
    progress.keep(summary=summary)
    _print_table(show, progress, summary)
    return int(any(summary[name] for name in show.none_of))


def _play(show: Show, progress: Progress, folder: Path, number: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    state = progress.state
    # The text decides, so that a round has the same seed whatever rounds came before it.
    seed = random.Random(f"{progress.seed} {number}").getrandbits(SEED_BITS)  # noqa: S311
    began_at = time.monotonic()
    found = show.play(Round(folder, seed, state["size"], number, state["recovery_seconds"]))
    seconds = round(time.monotonic() - began_at, 1)
    progress.keep(rounds=[*progress.rounds, {**found, "seconds": seconds}])
    shutil.rmtree(folder, ignore_errors=True)
    told = ", ".join(f"{name} {value}" for name, value in sums([found]).items())
    print(f"round {number + 1}: {told} ({seconds} s)", flush=True)


def _print_table(show: Show, progress: Progress, summary: Figures) -> None:
    print(f"\n{show.name} on {progress.state['database']}, seed {progress.seed}")
    for name, value in summary.items():
        demanded = " (has to be 0)" if name in show.none_of else ""
        print(f"  {name.replace('_', ' '):32} {value:>12,}{demanded}")


def _parse(show: Show, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m proofs.{show.name}")
    parser.add_argument("--database", choices=databases.KINDS, default=databases.KINDS[0])
    parser.add_argument("--seed", type=int, help="default: a random one; it is printed")
    parser.add_argument("--rounds", type=int, default=show.rounds, help=f"default: {show.rounds}")
    parser.add_argument("--size", type=int, default=show.size, help=f"default: {show.size}")
    parser.add_argument(
        "--folder", type=Path, help="where its progress is kept; default: .shows/NAME-DATABASE"
    )
    parser.add_argument(
        "--recovery-seconds", type=float, help="the recovery interval; default: as shipped"
    )
    return parser.parse_args(arguments)
