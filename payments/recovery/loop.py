"""The recovery loop: unknown outcomes, requests of dead processes, and decided work not yet requested."""

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
from payments.recovery.expired_authorizations import end_expired_authorizations
from payments.recovery.provider_reports import apply_parked

log = structlog.get_logger("recovery")

SHORTEST_WAIT_SECONDS = 0.05
"""The least pause between two sweeps: a clock slightly before a lease's end does not make a busy loop."""


async def run(flow: Flow) -> None:
    """Look for due work until canceled: at once when notified, at the next due time, and at an interval."""
    recovery = Recovery(flow)
    while True:
        flow.due.clear()
        wait_seconds = flow.settings.recovery_interval_seconds
        try:
            await recovery.sweep()
            wait_seconds = min(wait_seconds, await recovery.start_due())
        except (
            Exception
        ) as error:  # This loop must never end by an error: the next round may succeed.
            log.error("recovery failed", error=type(error).__name__, exc_info=error)
        try:
            async with asyncio.timeout(max(wait_seconds, SHORTEST_WAIT_SECONDS)):
                await flow.due.wait()
        except TimeoutError:
            pass


@dataclass(slots=True)
class Recovery:
    """The recovery of due operations: each is claimed and requested again with its own key."""

    flow: Flow
    _running: dict["asyncio.Task[Snapshot]", ProviderId] = field(default_factory=dict)
    _swept_at: float = 0.0
    _applying: "asyncio.Task[None] | None" = None

    async def sweep(self) -> None:
        """Handle parked reports and expired authorizations, at most once an interval or when a report waits."""
        is_over = time.monotonic() >= self._swept_at + self.flow.settings.recovery_interval_seconds
        if not (is_over or self.flow.is_report_waiting):
            return
        self._swept_at = time.monotonic()
        if self._applying is None:
            # Beside this loop: a provider that is slow to read holds nothing else up.
            self.flow.is_report_waiting = False
            self._applying = self.flow.start(apply_parked(self.flow))
            self._applying.add_done_callback(self._applied)
        await end_expired_authorizations(self.flow)

    def _applied(self, task: "asyncio.Task[None]") -> None:
        self._applying = None
        # Another report may have arrived meanwhile.
        self.flow.due.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reports not applied", error=type(error).__name__, exc_info=error)

    async def start_due(self) -> float:
        """Start as many operations as may run; return for how many seconds nothing more is due.

        A silent provider is tried with one operation at a time.
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
        """Return for how long nothing is due, not counting operations that wait for a silent provider."""
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
        # Read after the claim: a claim that waits for a collection's lock could block the lock's owner.
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
        # More operations may fit now, or a silent provider has answered.
        self.flow.due.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("not recovered", error=type(error).__name__, exc_info=error)
