"""`make bench`: flows a second, times of each step, processor time a flow, and the delay of an update."""

import asyncio
import datetime
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from bench import servers
from bench.flows import STEPS, Flow, echo_once, pay_once, run_flows
from bench.updates import TRANSPORTS, delays
from tests.support.stores import databases

WARM_UP_FLOWS = 64
CLIENTS = (1, 8)
UPDATES = 200
UPDATES_AIM_MS = 50

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to measure: how it is started, its flow, and how many flows make a measurement."""

    start: Callable[[], AbstractContextManager[servers.Measured]]
    flow: Flow
    flows: int


TILLGRAPH = {
    kind: Subject(partial(servers.tillgraph, kind), pay_once, flows=400) for kind in databases.KINDS
}
ECHO = Subject(servers.echo, echo_once, flows=4_000)
"""More flows, as processor time is counted in ticks of 10 ms: 400 would last thirty ticks."""


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


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one subject with a number of clients."""

    clients: int
    flows: int
    flows_a_second: float
    server_cpu_ms_a_flow: float
    steps: dict[str, Times]


@dataclass(frozen=True, slots=True)
class Result:
    """One run of the benchmark; only its ratios can be compared with other runs'."""

    measured_at: str
    python: str
    cores: int
    load_before: float
    tillgraph: dict[str, list[Run]]
    """By the kind of database; PostgreSQL's own processes are not counted."""
    bare_echo: list[Run]
    cpu_ratios: dict[str, list[float]]
    """Of a flow to six echoes, by the kind of database and then by the number of clients."""
    updates: dict[str, Times]


async def measure_flows(measured: servers.Measured, subject: Subject, clients: int) -> Run:
    """Measure one subject with a number of clients."""
    await run_flows(measured.port, subject.flow, clients=clients, flows=WARM_UP_FLOWS)
    cpu_before = measured.cpu_seconds()
    seconds, timings = await run_flows(
        measured.port, subject.flow, clients=clients, flows=subject.flows
    )
    cpu_seconds = measured.cpu_seconds() - cpu_before
    return Run(
        clients=clients,
        flows=subject.flows,
        flows_a_second=round(subject.flows / seconds, 1),
        server_cpu_ms_a_flow=round(cpu_seconds / subject.flows * 1_000, 2),
        steps={name: Times.of(timings[name]) for name in STEPS},
    )


async def measure_subject(subject: Subject) -> list[Run]:
    """Measure one subject with each number of clients, in one process."""
    with subject.start() as measured:
        return [await measure_flows(measured, subject, clients) for clients in CLIENTS]


async def measure() -> Result:
    """Measure everything, one after the other."""
    load_before = os.getloadavg()[0]
    ours = {kind: await measure_subject(subject) for kind, subject in TILLGRAPH.items()}
    bare = await measure_subject(ECHO)
    with servers.tillgraph() as measured:
        updates = {
            transport: Times.of(await delays(measured.port, transport, UPDATES))
            for transport in TRANSPORTS
        }
    return Result(
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        cores=os.cpu_count() or 1,
        load_before=round(load_before, 2),
        tillgraph=ours,
        bare_echo=bare,
        cpu_ratios={
            kind: [
                round(mine.server_cpu_ms_a_flow / theirs.server_cpu_ms_a_flow, 1)
                for mine, theirs in zip(runs, bare, strict=True)
            ]
            for kind, runs in ours.items()
        },
        updates=updates,
    )


def show_runs(name: str, runs: Sequence[Run]) -> None:
    """Print a subject's results."""
    for run in runs:
        print(
            f"\n{name}, {run.clients} client(s), {run.flows} flows: {run.flows_a_second} flows a second,"
            f" {run.server_cpu_ms_a_flow} ms of server CPU a flow"
        )
        for step, times in run.steps.items():
            print(f"  {step:12}  {row(times)}")


def row(times: Times) -> str:
    """Return durations as a row of the table."""
    return f"median {times.median_ms:8.2f} ms   p99 {times.p99_ms:8.2f} ms   max {times.max_ms:8.2f} ms"


def show(result: Result) -> None:
    """Print the table."""
    print(
        f"\nPython {result.python}, {result.cores} cores, load {result.load_before} before the run."
    )
    for kind, runs in result.tillgraph.items():
        show_runs(f"tillgraph on {kind}", runs)
    show_runs("bare echo", result.bare_echo)
    print()
    for kind, ratios in result.cpu_ratios.items():
        for clients, ratio in zip(CLIENTS, ratios, strict=True):
            print(f"{kind}, {clients} client(s): a flow costs {ratio} times the CPU of six echoes")
    print(
        f"\nFrom sending a change to its update at a subscriber, otherwise idle ({UPDATES} updates,"
        f" aim {UPDATES_AIM_MS} ms):"
    )
    for transport, times in result.updates.items():
        print(f"  {transport:12}  {row(times)}")


def main() -> None:
    """Measure, print and keep the result."""
    result = asyncio.run(measure())
    show(result)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result.measured_at.replace(':', '')}.json"
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\nThe same as JSON: bench/results/{path.name}")


if __name__ == "__main__":
    main()
