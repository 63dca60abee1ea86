"""Flows by several clients without a pause, measured over a window of time while all of them are at work."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.flows import STEPS
from bench.peers.subjects import Subject
from bench.processes import cpu_seconds, resident_mb
from bench.wire import Connection

PATIENCE_SECONDS = 120.0
"""The wait for every client's first flow and for the last ones: a program that hangs ends the comparison."""

FLOWS_MIN = 2
"""Fewer have no percentiles."""


@dataclass(frozen=True, slots=True)
class Used:
    """The processor time that has been used up to an instant, in seconds."""

    at: float
    """By time.perf_counter()."""
    server: float
    postgresql: float
    generator: float


@dataclass(frozen=True, slots=True)
class Window:
    """What one program did in a window."""

    flows: float
    """Those at its edges by their parts."""
    flows_a_second: float
    median_ms: float
    p99_ms: float
    server_cpu_ms_a_flow: float
    postgresql_cpu_ms_a_flow: float
    generator_cpu_share: float
    """Of one core."""
    resident_mb: float
    """Of the server's process, at the end."""


@dataclass(frozen=True, slots=True)
class Idle:
    """The processor time that a program and PostgreSQL use while nobody calls, in milliseconds a second."""

    server_cpu_ms_a_second: float
    postgresql_cpu_ms_a_second: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A flow that ended right, from when to when by time.perf_counter()."""

    started: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return self.ended - self.started

    def share(self, begins: float, ends: float) -> float:
        """Return which part of it lies in a window: 1 if all of it does, 0 if it was over before or began later."""
        return max(0.0, min(self.ended, ends) - max(self.started, begins)) / self.seconds


class TooShort(Exception):
    """A window in which too few flows ended."""


class Load:
    """Clients that make one flow after the other until they are told to stop."""

    def __init__(self, subject: Subject, clients: int) -> None:
        self._subject = subject
        self._clients = clients
        self._stopped = False
        self._started = 0
        self.is_whole = asyncio.Event()
        """Every client has finished a flow."""
        self.finished: list[Finished] = []

    def stop(self) -> None:
        """Let every client end after the flow that it is in."""
        self._stopped = True

    async def client(self) -> None:
        """Make flows on one connection; raises for the first that ends wrong."""
        connection = await Connection.open(self._subject.port)
        await self._flow(connection)
        self._started += 1
        if self._started == self._clients:
            self.is_whole.set()
        while not self._stopped:
            await self._flow(connection)
        connection.close()

    async def _flow(self, connection: Connection) -> None:
        started = time.perf_counter()
        await self._subject.flow(connection, {step: [] for step in STEPS})
        self.finished.append(Finished(started, time.perf_counter()))


async def measure(
    subject: Subject, postgresql: int, *, clients: int, seconds: float
) -> tuple[Window, int]:
    """Measure one program over a window; return the window, and how many flows ended in and around it.

    The clients are at work before it begins and after it ends. Raises TooShort.
    """
    load = Load(subject, clients)
    async with asyncio.timeout(seconds + PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(load.client())
        await load.is_whole.wait()
        before = used(subject, postgresql)
        await asyncio.sleep(seconds)
        after = used(subject, postgresql)
        resident = resident_mb(subject.pid)
        load.stop()
    return window_of(load.finished, before, after, resident), len(load.finished)


def window_of(flows: Sequence[Finished], before: Used, after: Used, resident: float) -> Window:
    """Return the figures of a window from the flows in and around it. Raises TooShort.

    A flow at an edge counts by its part in the window: the clients of a slow program keep step with each other, and a
    window that ends just before all of them would else lose what it did for them.
    """
    inside = [one.seconds for one in flows if before.at < one.ended <= after.at]
    if len(inside) < FLOWS_MIN:
        raise TooShort(
            f"Only {len(inside)} flows ended in a window. Make --window and --warm-up longer."
        )
    count = sum(one.share(before.at, after.at) for one in flows)
    seconds = after.at - before.at
    cut = statistics.quantiles(inside, n=100, method="inclusive")
    return Window(
        flows=round(count, 1),
        flows_a_second=round(count / seconds, 2),
        median_ms=round(cut[49] * 1_000, 1),
        p99_ms=round(cut[98] * 1_000, 1),
        server_cpu_ms_a_flow=round((after.server - before.server) / count * 1_000, 2),
        postgresql_cpu_ms_a_flow=round((after.postgresql - before.postgresql) / count * 1_000, 2),
        generator_cpu_share=round((after.generator - before.generator) / seconds, 2),
        resident_mb=round(resident, 1),
    )


async def measure_idle(subject: Subject, postgresql: int, *, seconds: float) -> Idle:
    """Measure what a program uses while nobody calls."""
    before = used(subject, postgresql)
    await asyncio.sleep(seconds)
    after = used(subject, postgresql)
    return Idle(
        round((after.server - before.server) / seconds * 1_000, 1),
        round((after.postgresql - before.postgresql) / seconds * 1_000, 1),
    )


def used(subject: Subject, postgresql: int) -> Used:
    """Return the processor time that has been used up to now; PostgreSQL is given by its first process."""
    return Used(
        time.perf_counter(), cpu_seconds(subject.pid), cpu_seconds(postgresql), time.process_time()
    )
