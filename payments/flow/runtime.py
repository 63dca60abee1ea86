"""The dependencies of every step of the flow. A mutation runs in a task of the server's own and is never cut off."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from payments.flow.fault_injection import AS_SHIPPED, FaultInjection
from payments.flow.schedule import RecoverySchedule
from payments.model.entities import Snapshot
from payments.model.ids import OperationId, ProviderId
from payments.model.limits import DRAIN_SECONDS
from payments.ports.provider import Provider
from payments.ports.store import Signals, Store, Subject
from payments.ports.transactions import Transaction

Answer = TypeVar("Answer")

log = structlog.get_logger("flow")


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """The operator's settings for the flow."""

    process_name: str
    """Identifies this process in the leases that it takes."""
    recovery_interval_seconds: float
    browser_providers: frozenset[str]
    client_secret_hours: float
    has_unique_references: bool
    """Whether a reference may belong to only one collection that is not canceled."""
    is_return_url_allowed: Callable[[str], bool]


@dataclass(slots=True)
class Flow:
    """The dependencies shared by every step of the flow."""

    store: Store
    providers: Mapping[ProviderId, Provider]
    signals: Signals
    settings: FlowSettings
    faults: FaultInjection = AS_SHIPPED
    asking: dict[OperationId, "asyncio.Task[Snapshot]"] = field(default_factory=dict)
    """The operations that this process is asking about; other calls for the same one wait for it."""
    due: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when recovery may have something new."""
    is_report_waiting: bool = False
    """Set when a report could not be applied; recovery handles it without waiting for its interval."""
    in_doubt: set[ProviderId] = field(default_factory=set)
    """Providers that did not answer their latest request; recovery tries one operation at a time there."""
    _tasks: "set[asyncio.Task[Any]]" = field(default_factory=set)

    @property
    def schedule(self) -> RecoverySchedule:
        """Return the recovery schedule."""
        return RecoverySchedule(self.settings.recovery_interval_seconds, self.faults.time_scale)

    def note_answer(self, id: ProviderId, *, is_answered: bool) -> None:
        """Note whether a provider answered its latest request."""
        if is_answered:
            self.in_doubt.discard(id)
        else:
            self.in_doubt.add(id)

    async def shielded(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a mutation in a task of the server's own: a client that leaves does not stop it."""
        return await asyncio.shield(self.start(work))

    def start(self, work: Coroutine[Any, Any, Answer]) -> "asyncio.Task[Answer]":
        """Start a task that a shutdown waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> int:
        """Wait for running tasks, and return how many did not end in time; recovery finishes those."""
        ends_at = time.monotonic() + DRAIN_SECONDS
        while self._tasks and time.monotonic() < ends_at:
            await asyncio.wait(set(self._tasks), timeout=ends_at - time.monotonic())
        return len(self._tasks)

    async def change(
        self,
        step: str,
        request_id: str,
        work: Callable[[Transaction], Snapshot],
        *,
        about: Subject | None = None,
    ) -> Snapshot:
        """Run one step's transaction, then wake the collection's subscribers."""
        snapshot, _ = await self.change_with_result(
            step, request_id, lambda tx: (work(tx), None), about=about
        )
        return snapshot

    async def change_with_result(
        self,
        step: str,
        request_id: str,
        work: Callable[[Transaction], tuple[Snapshot, Answer]],
        *,
        about: Subject | None = None,
    ) -> tuple[Snapshot, Answer]:
        """Do the same as `change` with a function that also returns a result.

        The function may run more than once, so that it must keep nothing outside itself.
        """

        def reached(tx: Transaction) -> tuple[Snapshot, Answer]:
            answer = work(tx)
            self.faults.at(f"during {step}")
            return answer

        self.faults.at(f"before {step}")
        with timed(step, request_id) as facts:
            snapshot, found = await self.store.transact(reached, about)
            facts["collection_id"] = snapshot.collection.id
        self.faults.at(f"after {step}")
        self.signals.wake(snapshot.collection.id)
        # Operations of this process become recovery's only when it dies; other processes look for that.
        if any(one.is_without_outcome and one.leased_by is None for one in snapshot.operations):
            self.due.set()
        return snapshot, found


@contextmanager
def timed(step: str, request_id: str) -> Iterator[dict[str, str]]:
    """Log one line for a step, with its duration and what the step adds; a refusal is logged by its type."""
    facts: dict[str, str] = {}
    started_at = time.perf_counter()
    result = "done"
    try:
        yield facts
    except BaseException as error:
        result = type(error).__name__
        raise
    finally:
        milliseconds = round((time.perf_counter() - started_at) * 1_000, 2)
        log.info(
            "step",
            step=step,
            request_id=request_id,
            result=result,
            duration_ms=milliseconds,
            **facts,
        )
