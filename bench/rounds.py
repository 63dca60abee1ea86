"""Programs under load in turns: each round measures all of them, so that a ratio compares neighbours in time."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from bench.figures import Times
from bench.flows import Flow, Timed, run_flows
from bench.servers import Cpu, Measured

WARM_UP_FLOWS = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to measure: how it is started, its flow, and how many flows make a measurement."""

    start: Callable[[], AbstractContextManager[Measured]]
    flow: Flow
    flows: int


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement of one subject."""

    flows: int
    seconds: float
    cpu: Cpu
    generator_cpu_seconds: float
    timings: Timed

    @property
    def flows_a_second(self) -> float:
        """Return the rate."""
        return self.flows / self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """The windows of one subject with a number of clients, summarised."""

    flows: int
    flows_a_second: float
    """The median of the windows."""
    server_cpu_ms_a_flow: float
    database_cpu_ms_a_flow: float | None
    """Of the database's own processes; SQLite has none."""
    server_cpu_share: float
    """Of one core."""
    generator_cpu_share: float
    """Of one core, which is all that the load generator can have: near 1 it is what limits the rate."""
    times: dict[str, Times]
    """Of each step, and of a whole flow; a floor has no steps."""

    @classmethod
    def of(cls, windows: Sequence[Window]) -> "Run":
        """Return the summary of windows; at least one."""
        flows = sum(window.flows for window in windows)
        seconds = sum(window.seconds for window in windows)
        databases = [one.cpu.database for one in windows if one.cpu.database is not None]
        cpu = Cpu(sum(one.cpu.server for one in windows), sum(databases) if databases else None)
        server_ms, database_ms = cpu.each_ms(flows)
        return cls(
            flows=flows,
            flows_a_second=round(statistics.median(one.flows_a_second for one in windows), 1),
            server_cpu_ms_a_flow=server_ms,
            database_cpu_ms_a_flow=database_ms,
            server_cpu_share=round(cpu.server / seconds, 2),
            generator_cpu_share=round(
                sum(one.generator_cpu_seconds for one in windows) / seconds, 2
            ),
            times={
                name: Times.of([one for window in windows for one in window.timings[name]])
                for name, timed in windows[0].timings.items()
                if timed
            },
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """A server's resident memory."""

    idle_mb: float
    loaded_mb: float
    """After the last round."""


Windows = dict[int, list[Window]]
"""By the number of clients; one for each round."""


async def measure_rounds(
    subjects: dict[str, Subject], clients: Sequence[int], rounds: int
) -> tuple[dict[str, Windows], dict[str, Memory]]:
    """Measure each subject with each number of clients in each round; return windows and memory by subject."""
    windows: dict[str, Windows] = {name: {many: [] for many in clients} for name in subjects}
    with ExitStack() as stack:
        started = {name: stack.enter_context(subject.start()) for name, subject in subjects.items()}
        idle = {name: measured.resident_mb() for name, measured in started.items()}
        for _ in range(rounds):
            for many in clients:
                for name, measured in started.items():
                    windows[name][many].append(await _measure(measured, subjects[name], many))
        memory = {
            name: Memory(idle[name], measured.resident_mb()) for name, measured in started.items()
        }
    return windows, memory


async def _measure(measured: Measured, subject: Subject, clients: int) -> Window:
    await run_flows(measured.port, subject.flow, clients=clients, flows=WARM_UP_FLOWS)
    before, generator_before = measured.cpu(), time.process_time()
    seconds, timings = await run_flows(
        measured.port, subject.flow, clients=clients, flows=subject.flows
    )
    generator_after = time.process_time()
    return Window(
        flows=subject.flows,
        seconds=seconds,
        cpu=measured.cpu().since(before),
        generator_cpu_seconds=generator_after - generator_before,
        timings=timings,
    )
