"""Finishes what was begun: unknown outcomes, what a dead process was asking, and what was decided without asking."""

import asyncio

import structlog

from payments import instants
from payments.asking import carry_out
from payments.change import lock
from payments.flow import Flow
from payments.limits import LEASE_SECONDS, RECOVERY_BATCH
from payments.ports import Transaction
from payments.records import Operation, Snapshot
from payments.reports import apply_parked
from payments.statuses import EventSource

log = structlog.get_logger("recovery")

SHORTEST_WAIT_SECONDS = 0.05
"""Between two looks: a clock that stands a little behind a lease's end makes no busy loop."""


async def run(flow: Flow) -> None:
    """Look for due work until canceled: at once when told, at the next due time, and at an interval."""
    running: set[asyncio.Task[Snapshot]] = set()
    while True:
        flow.due.clear()
        wait_seconds = flow.settings.recovery_interval_seconds
        try:
            for task in await start_due(flow, limit=RECOVERY_BATCH - len(running)):
                running.add(task)
                task.add_done_callback(running.discard)
                task.add_done_callback(_log_failure)
            wait_seconds = min(wait_seconds, await _seconds_until_due(flow))
            await apply_parked(flow)
        except (
            Exception
        ) as error:  # The loop is the last one to give up: the next look may succeed.
            log.error("recovery failed", error=type(error).__name__, exc_info=error)
        try:
            async with asyncio.timeout(max(wait_seconds, SHORTEST_WAIT_SECONDS)):
                await flow.due.wait()
        except TimeoutError:
            pass


async def start_due(flow: Flow, *, limit: int) -> "list[asyncio.Task[Snapshot]]":
    """Claim what is due and start to ask for it again, each with its own key."""
    if limit <= 0 or await _seconds_until_due(flow) > 0:
        return []

    holder = flow.settings.process_name
    claimed = await flow.store.transact(
        lambda tx: tx.claim_due(
            flow.providers.keys(), holder=holder, lease_seconds=LEASE_SECONDS, limit=limit
        )
    )
    # Read behind the claim: a claim that waited for a collection's lock could stand in the way of its holder.
    snapshots = await flow.store.read(
        lambda tx: [(_snapshot(tx, operation), operation.id) for operation in claimed]
    )
    return [
        flow.start(carry_out(flow, snapshot, id, EventSource.RECONCILIATION))
        for snapshot, id in snapshots
    ]


def _snapshot(tx: Transaction, operation: Operation) -> Snapshot:
    change = lock(tx, operation.collection_id, EventSource.RECONCILIATION)
    assert change is not None
    change.operations[operation.id] = operation
    return change.snapshot()


async def _seconds_until_due(flow: Flow) -> float:
    due_at, now = await flow.store.read(lambda tx: (tx.next_due_at(flow.providers.keys()), tx.now))
    if due_at is None:
        return flow.settings.recovery_interval_seconds
    return (due_at - now) / instants.SECOND


def _log_failure(task: "asyncio.Task[Snapshot]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("not recovered", error=type(error).__name__, exc_info=error)
