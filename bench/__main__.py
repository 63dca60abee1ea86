"""`make bench`: what a payment flow, a page, an update and a start cost, and what the same machine does without us."""

import argparse
import asyncio
import datetime
import os
import platform
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from bench import floors, pages, postgresql, report, starts, statements, subjects, updates
from bench.figures import counted
from bench.result import Machine, Result
from bench.rounds import Run, measure_rounds
from tests.support.stores import databases

CLIENTS = (1, 8, 16, 64)
SUBSCRIPTIONS = (1, 100, 1_000, 10_000)
FLOWS = 200
ROUNDS = 3

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured."""

    parts: Sequence[str]
    kinds: Sequence[str]
    clients: Sequence[int]
    subscriptions: Sequence[int]
    flows: int
    rounds: int


async def measure_load(wanted: Wanted, result: Result) -> None:
    """Measure the flow and its floors, in turns."""
    programs = subjects.flows(wanted.kinds, wanted.flows) if "flows" in wanted.parts else {}
    if "floors" in wanted.parts:
        programs |= subjects.floors(wanted.flows)
        result.commits = {kind: await floors.commits(kind) for kind in wanted.kinds}
    windows, result.memory = await measure_rounds(programs, wanted.clients, wanted.rounds)
    result.runs = {
        name: {counted(many, "client"): Run.of(found) for many, found in by_clients.items()}
        for name, by_clients in windows.items()
    }
    result.ratios = subjects.ratios(windows, wanted.clients)


async def measure_statements(wanted: Wanted, result: Result) -> None:
    """Count a flow's statements."""
    result.statements = {kind: await statements.count(kind) for kind in wanted.kinds}


async def measure_pages(wanted: Wanted, result: Result) -> None:
    """Measure a page."""
    result.pages = {kind: await pages.measure(kind) for kind in wanted.kinds}


async def measure_updates(wanted: Wanted, result: Result) -> None:
    """Measure the delay of an update."""
    most = updates.most_subscriptions()
    numbers = [many for many in wanted.subscriptions if many <= most]
    result.left_out += [
        f"{counted(many, 'subscription')}: a process may have {most} at most here (RLIMIT_NOFILE)."
        for many in wanted.subscriptions
        if many > most
    ]
    if numbers:
        result.updates = {
            kind: await updates.measure(kind, numbers, result.failed) for kind in wanted.kinds
        }


async def measure_starts(wanted: Wanted, result: Result) -> None:
    """Measure a start."""
    result.starts = {kind: starts.measure(kind) for kind in wanted.kinds}


Part = Callable[[Wanted, Result], Awaitable[None]]

PARTS: dict[str, Part] = {
    "flows": measure_load,
    "floors": measure_load,
    "statements": measure_statements,
    "page": measure_pages,
    "updates": measure_updates,
    "starts": measure_starts,
}


async def measure(wanted: Wanted) -> Result:
    """Measure all that is wanted, one part after the other."""
    load_before = round(os.getloadavg()[0], 2)
    if "postgresql" in wanted.kinds:
        postgresql.use_own()
    result = Result(
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        arguments=sys.argv[1:],
        machine=Machine(
            python=platform.python_version(),
            cores=len(os.sched_getaffinity(0)),
            load_before=load_before,
            postgresql=postgresql.settings() if "postgresql" in wanted.kinds else {},
        ),
    )
    # Two names of one function are one part.
    for part in dict.fromkeys(PARTS[name] for name in PARTS if name in wanted.parts):
        print(f"{datetime.datetime.now():%H:%M:%S} {part.__doc__}", file=sys.stderr)  # noqa: DTZ005 - for who waits
        try:
            await part(wanted, result)
        except Exception as error:  # noqa: BLE001 - the minutes of the other parts are not lost
            result.failed.append(f"{part.__doc__} {error!r}")
    return result


def read(arguments: Sequence[str] | None = None) -> Wanted:
    """Return what the command line asks for; print the usage and exit where it is invalid."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run the benchmarks.")
    parser.add_argument("--only", type=_names(PARTS), default=list(PARTS), metavar=",".join(PARTS))
    parser.add_argument(
        "--database",
        type=_names(databases.KINDS),
        default=list(databases.KINDS),
        metavar=",".join(databases.KINDS),
    )
    parser.add_argument("--clients", type=_numbers, default=list(CLIENTS), metavar="N,N")
    parser.add_argument(
        "--subscriptions", type=_numbers, default=list(SUBSCRIPTIONS), metavar="N,N"
    )
    parser.add_argument(
        "--flows", type=_number, default=FLOWS, metavar="N", help=f"a measurement ({FLOWS})"
    )
    parser.add_argument("--rounds", type=_number, default=ROUNDS, metavar="N", help=f"({ROUNDS})")
    given = parser.parse_args(arguments)
    return Wanted(
        parts=given.only,
        kinds=given.database,
        clients=given.clients,
        subscriptions=given.subscriptions,
        flows=given.flows,
        rounds=given.rounds,
    )


def _names(known: Sequence[str] | dict[str, Part]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(known)}")
        return found

    return names


def _numbers(text: str) -> list[int]:
    return sorted({_number(part) for part in text.split(",")})


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("whole numbers from 1")
    return int(text)


def main() -> int:
    """Measure, print and keep the result; return the exit code."""
    wanted = read()
    # What was started is ended in either case.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure(wanted))
    report.show(result)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result.measured_at.replace(':', '')}.json"
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nThe same as JSON: bench/results/{path.name}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
