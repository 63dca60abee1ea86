"""Finishes what was begun: unknown outcomes, what a dead process was asking, and what was decided without asking."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from payments.flow.asking import carry_out, read_snapshot
from payments.flow.runtime import Flow
from payments.model import instants
from payments.model.entities import Snapshot
from payments.model.ids import ProviderId
from payments.model.limits import LEASE_SECONDS, RECOVERY_BATCH
from payments.model.statuses import EventSource
from payments.recovery.expired_authorizations import end_lapsed
from payments.recovery.provider_reports import apply_parked

log = structlog.get_logger("recovery")

SHORTEST_WAIT_SECONDS = 0.05
"""Between two looks: a clock that stands a little behind a lease's end makes no busy loop."""


async def run(flow: Flow) -> None:
    """Look for due work until canceled: at once when told, at the next due time, and at an interval."""
    recovery = Recovery(flow)
    while True:
        flow.due.clear()
        wait_seconds = flow.settings.recovery_interval_seconds
        try:
            await recovery.sweep()
            wait_seconds = min(wait_seconds, await recovery.start_due())
        except (
            Exception
        ) as error:  # The loop is the last one to give up: the next look may succeed.
            log.error("recovery failed", error=type(error).__name__, exc_info=error)
        try:
            async with asyncio.timeout(max(wait_seconds, SHORTEST_WAIT_SECONDS)):
                await flow.due.wait()
        except TimeoutError:
            pass


@dataclass(slots=True)
class Recovery:
    """Claims what is due and asks for it again, each with its own key."""

    flow: Flow
    _running: dict["asyncio.Task[Snapshot]", ProviderId] = field(default_factory=dict)
    _swept_at: float = 0.0
    _applying: "asyncio.Task[None] | None" = None

    async def sweep(self) -> None:
        """Look, once an interval or when a report waits, for parked reports and authorizations past their time."""
        is_over = time.monotonic() >= self._swept_at + self.flow.settings.recovery_interval_seconds
        if not (is_over or self.flow.is_report_waiting):
            return
        self._swept_at = time.monotonic()
        if self._applying is None:
            # Beside this loop: a provider that is slow to be read holds nobody else up.
            self.flow.is_report_waiting = False
            self._applying = self.flow.start(apply_parked(self.flow))
            self._applying.add_done_callback(self._applied)
        await end_lapsed(self.flow)

    def _applied(self, task: "asyncio.Task[None]") -> None:
        self._applying = None
        # Another report may have come meanwhile.
        self.flow.due.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reports not applied", error=type(error).__name__, exc_info=error)

    async def start_due(self) -> float:
        """Start as much as may run, and give how long nothing more is due.

        A provider of whom nothing is heard is tried with one operation at a time.
        """
        seconds = await self._seconds_until_due()
        if seconds > 0:
            return seconds
        in_doubt = self.flow.in_doubt & self.flow.providers.keys()
        await self._start(self.flow.providers.keys() - in_doubt, RECOVERY_BATCH)
        for id in in_doubt - set(self._running.values()):
            await self._start({id}, 1)
        return await self._seconds_until_due()

    async def _seconds_until_due(self) -> float:
        """Return how long nothing is due; what waits for a provider's sign of life is not counted."""
        silent = self.flow.in_doubt & set(self._running.values())
        of = self.flow.providers.keys() - silent
        if len(self._running) >= RECOVERY_BATCH:
            return self.flow.settings.recovery_interval_seconds
        due_at, now = await self.flow.store.read(lambda tx: (tx.next_due_at(of), tx.now))
        if due_at is None:
            return self.flow.settings.recovery_interval_seconds
        return (due_at - now) / instants.SECOND

    async def _start(self, of: Collection[ProviderId], most: int) -> None:
        limit = min(most, RECOVERY_BATCH - len(self._running))
        if not of or limit <= 0:
            return
        process, seconds = self.flow.settings.process_name, self.flow.faults.wait(LEASE_SECONDS)
        claimed = await self.flow.store.transact(
            lambda tx: tx.claim_due(of, leased_by=process, lease_seconds=seconds, limit=limit)
        )
        # Read after the claim: a claim that waited for a collection's lock could stand in the way of its holder.
        snapshots = await self.flow.store.read(
            lambda tx: [
                (operation, read_snapshot(tx, operation.collection_id, [operation]))
                for operation in claimed
            ]
        )
        for operation, snapshot in snapshots:
            asked = carry_out(self.flow, snapshot, operation.id, EventSource.RECONCILIATION)
            task = self.flow.start(asked)
            self._running[task] = operation.provider_id
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Snapshot]") -> None:
        del self._running[task]
        # There may be room again for more, or a provider that was silent has answered.
        self.flow.due.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("not recovered", error=type(error).__name__, exc_info=error)
