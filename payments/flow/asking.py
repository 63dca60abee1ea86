"""Steps 3 and 4 of a mutation: ask the provider outside any transaction, then record its answer."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from payments.flow.payment_outcomes import reserve
from payments.flow.recording import ReportedOutcome, apply_outcome, record
from payments.flow.retries import looked, tried
from payments.flow.runtime import Flow, timed
from payments.flow.working_copy import WorkingCopy
from payments.model.copies import replace
from payments.model.entities import Operation, PaymentSession, Snapshot
from payments.model.errors import StoreFailed
from payments.model.ids import CollectionId, OperationId
from payments.model.instants import after
from payments.model.limits import (
    ANSWER_SECONDS,
    CALL_SECONDS,
    LEASE_RENEWAL_SECONDS,
    LEASE_SECONDS,
    POLL_SECONDS,
)
from payments.model.money import Money
from payments.model.outcomes import Absent, Ask, JsonObject, NotReached, Outcome, Unknown
from payments.model.session_changes import SessionChange
from payments.model.statuses import EventSource, EventType, OperationKind, OperationStatus
from payments.ports.provider import CancelsOnce, Provider, TakesLonger
from payments.ports.store import Subject
from payments.ports.transactions import ReadTransaction, Transaction

log = structlog.get_logger("flow")

PENDING_EVENTS = {
    OperationKind.AUTHORIZE: EventType.SESSION_PENDING,
    OperationKind.CAPTURE: EventType.PAYMENT_CAPTURE_PENDING,
    OperationKind.REFUND: EventType.PAYMENT_REFUND_PENDING,
    OperationKind.CANCEL: EventType.PAYMENT_CANCEL_PENDING,
}
"""The log line before a provider is contacted."""

NO_ANSWER = (NotReached, Unknown)
"""The provider did not answer: it may be down."""


def begin(flow: Flow, working: WorkingCopy, operation: Operation) -> Operation:
    """Write an intent with its reservation; a provider that decides at once gives its outcome in this transaction."""
    provider = flow.providers[operation.provider_id]
    if operation.payment_id is not None:
        reserve(working, operation)
    session = working.sessions[operation.session_id]
    outcome = provider.decide(ask_of(session, operation))
    if outcome is not None:
        working.put_operation(operation)
        return apply_outcome(working, operation, outcome, flow.schedule)
    operation = working.put_operation(
        replace(
            operation,
            status=OperationStatus.ASKING,
            reference=session.reference,
            leased_by=flow.settings.process_name,
            due_at=after(working.now, flow.faults.wait(LEASE_SECONDS)),
            # The earlier request with this key did not reach the provider: this is the first that may.
            asked_times=1,
            unanswered_times=0,
            absent_times=None,
            absent_since=None,
            failure_code=None,
            decline_code=None,
        )
    )
    if operation.kind in PENDING_EVENTS:
        working.emit(
            PENDING_EVENTS[operation.kind],
            session=working.sessions[operation.session_id],
            payment=working.payments[operation.payment_id] if operation.payment_id else None,
            operation=operation,
            amount_minor=operation.amount_minor,
        )
    return operation


def ask_of(session: PaymentSession, operation: Operation) -> Ask:
    """Return the request to a provider; the same operation always gives the same one, apart from its counters."""
    data: JsonObject = {}
    amount_before = None
    if operation.kind is OperationKind.UPDATE:
        amount_before = Money(session.amount_minor, session.currency)
        session = SessionChange.from_json(operation.data).applied_to(session)
    else:
        data = operation.data
    return Ask(
        key=OperationId(operation.provider_key or operation.id),
        kind=operation.kind,
        session_id=operation.session_id,
        amount=Money(operation.amount_minor, operation.currency),
        payment_id=operation.payment_id,
        reference=operation.reference,
        data={**session.data, **data},
        holder_reference=session.holder_reference
        if operation.kind is OperationKind.OPEN
        else operation.holder_reference,
        method_reference=operation.method_reference,
        refund_reason=operation.refund_reason_code,
        return_url=session.return_url,
        amount_before=amount_before,
        releases_rest=operation.releases_rest,
        absent_times=operation.absent_times or 0,
        number=max(1, operation.asked_times),
    )


async def carry_out(
    flow: Flow, snapshot: Snapshot, operation_id: OperationId, source: EventSource = EventSource.API
) -> Snapshot:
    """Ask the provider about a prepared operation and record the outcome, in a task that a shutdown waits for.

    A call does not wait as long as a provider may need: it then sees the outcome as open, and the task goes on.
    """
    task = flow.asking.get(operation_id)
    if task is None:
        task = flow.start(_ask_and_record(flow, snapshot, operation_id, source))
        flow.asking[operation_id] = task
        task.add_done_callback(lambda _: flow.asking.pop(operation_id, None))
    is_recovery = source is EventSource.RECONCILIATION
    call_seconds = None if is_recovery else flow.faults.wait(CALL_SECONDS)
    if not (await asyncio.wait({task}, timeout=call_seconds))[0]:
        return _without_outcome(snapshot, snapshot.operation(operation_id))
    return task.result()


async def carry_out_all(
    flow: Flow, snapshot: Snapshot, source: EventSource = EventSource.API
) -> Snapshot:
    """Carry out what a transaction prepared for this process, and return the collection as it is at the end."""
    mine = [
        operation.id
        for operation in snapshot.operations
        if operation.status is OperationStatus.ASKING
        and operation.leased_by == flow.settings.process_name
    ]
    later = await asyncio.gather(*(carry_out(flow, snapshot, id, source) for id in mine))
    if len(later) > 1:
        # Each shows what it recorded itself; the database has all of it.
        with contextlib.suppress(StoreFailed):
            return await read_again(flow, snapshot.collection.id)
    return later[-1] if later else snapshot


async def _ask_and_record(
    flow: Flow, snapshot: Snapshot, operation_id: OperationId, source: EventSource
) -> Snapshot:
    operation = snapshot.operation(operation_id)
    is_open = operation.is_without_outcome or operation.status is OperationStatus.ACTION_REQUIRED
    if not is_open:
        return snapshot
    with timed("ask", operation.request_id) as facts:
        facts |= {
            "collection_id": operation.collection_id,
            "operation_id": operation.id,
            "kind": operation.kind.value,
            "provider": operation.provider_id,
        }
        flow.faults.at("before ask")
        asked = asyncio.create_task(_learn(flow, snapshot, operation))
        renewal_seconds = flow.faults.wait(LEASE_RENEWAL_SECONDS)
        while not (await asyncio.wait({asked}, timeout=renewal_seconds))[0]:
            await _renew_lease(flow, operation.id)
        outcome = asked.result()
        facts["outcome"] = type(outcome).__name__
    flow.note_answer(operation.provider_id, is_answered=not isinstance(outcome, NO_ANSWER))
    flow.faults.at("after ask")
    try:
        return await _record(flow, operation, outcome, source)
    except Exception as error:  # noqa: BLE001 - the money may have moved: no fault of ours may hide that
        log.error("outcome not recorded", operation_id=operation.id, error=type(error).__name__)
        # Its lease ends, and recovery asks again.
        return _without_outcome(snapshot, operation)


def _without_outcome(snapshot: Snapshot, operation: Operation) -> Snapshot:
    """Return an operation as unknown while its outcome is pending or could not be written."""
    unknown = replace(operation, status=OperationStatus.UNKNOWN)
    operations = (one if one.id != operation.id else unknown for one in snapshot.operations)
    return replace(snapshot, operations=tuple(operations))


async def _record(
    flow: Flow, operation: Operation, outcome: Outcome, source: EventSource
) -> Snapshot:
    reported = ReportedOutcome(operation.id, outcome, source, flow.schedule)

    def work(tx: Transaction) -> Snapshot:
        snapshot = record(tx, reported)
        assert snapshot is not None
        return snapshot

    return await flow.change("record", operation.request_id, work, about=Subject(operation.id))


async def _renew_lease(flow: Flow, id: OperationId) -> None:
    process, seconds = flow.settings.process_name, flow.faults.wait(LEASE_SECONDS)
    try:
        await flow.store.transact(
            lambda tx: tx.renew_lease(id, leased_by=process, lease_seconds=seconds)
        )
    except Exception as error:  # noqa: BLE001 - the answer is on its way, and no fault of ours may lose it
        # The next renewal may get through; if the lease ends, recovery asks with the same key, which is harmless.
        log.warning("lease not renewed", operation_id=id, error=type(error).__name__)


async def _learn(flow: Flow, snapshot: Snapshot, operation: Operation) -> Outcome:
    """Return an operation's outcome: ask, or only read where asking again could do it twice."""
    session = snapshot.session(operation.session_id)
    provider = flow.providers[operation.provider_id]
    ask = ask_of(session, operation)
    if operation.status is OperationStatus.ACTION_REQUIRED:
        return await read_outcome(flow, session, ask)
    if not _is_perhaps_forgotten(flow, provider, operation):
        return await _ask(flow, provider, ask)
    found = await read_outcome(flow, session, ask, nothing=Absent())
    # A request that provably did not reach the provider may be sent once that is confirmed.
    is_first_ask = operation.status is OperationStatus.ASKING and operation.asked_times == 1
    may_be_sent = is_first_ask or _can_be_canceled_again(provider, operation)
    if may_be_sent and isinstance(found, Absent):
        return await _ask(flow, provider, ask)
    return found


def _can_be_canceled_again(provider: Provider, operation: Operation) -> bool:
    is_cancellation = operation.kind is OperationKind.CANCEL
    return is_cancellation and isinstance(provider, CancelsOnce) and provider.cancels_once


async def _ask(flow: Flow, provider: Provider, ask: Ask) -> Outcome:
    longest_seconds = 0.0
    if isinstance(provider, TakesLonger):
        longest_seconds = provider.longest_ask_seconds(ask.kind)
    return await tried(
        flow.faults, provider.id, lambda: provider.ask(ask), longest_seconds=longest_seconds
    )


def _is_perhaps_forgotten(flow: Flow, provider: Provider, operation: Operation) -> bool:
    """Return whether the provider may have forgotten this key by now, and would do it again.

    For a key found in the provider's records after a restored backup, the time of its request is not known here.
    """
    seconds = provider.keeps_keys_seconds
    if seconds is None:
        return False
    if operation.provider_key is not None:
        return True
    return flow.schedule.end_of(seconds, operation.created_at) <= flow.store.now()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The operation of a call, and whether this call is the one that asks the provider."""

    operation: Operation
    is_to_be_asked: bool = False


def prepared(operation: Operation) -> Prepared:
    """Return a call's operation, to be requested unless the provider has decided at once."""
    return Prepared(operation, is_to_be_asked=operation.status is OperationStatus.ASKING)


async def carry_out_or_wait(flow: Flow, snapshot: Snapshot, found: Prepared) -> Snapshot:
    """Carry out a call's operation, or wait for the call that does; return the collection as it is then."""
    operation = found.operation
    if found.is_to_be_asked:
        return await carry_out(flow, snapshot, operation.id)
    if operation.status is OperationStatus.ASKING:
        await wait_for_outcome(flow, operation)
        return await read_again(flow, operation.collection_id, operation.id)
    return snapshot


async def wait_for_outcome(flow: Flow, operation: Operation) -> Operation:
    """Wait until nobody is asking about an operation, ten seconds at most, and return it as it is then."""
    ends_at = time.monotonic() + flow.faults.wait(ANSWER_SECONDS)
    while operation.status is OperationStatus.ASKING and time.monotonic() < ends_at:
        task = flow.asking.get(operation.id)
        left = ends_at - time.monotonic()
        if task is not None:
            await asyncio.wait({task}, timeout=left)
        else:
            # Another process asks, perhaps one that is gone; the database shows when that has changed.
            await asyncio.sleep(min(POLL_SECONDS, left))
        operation = await flow.store.read(partial(stored_operation, id=operation.id))
    return operation


async def read_again(flow: Flow, id: CollectionId, *operation_ids: OperationId) -> Snapshot:
    """Return a collection as it is now, with some of its operations."""

    def work(tx: ReadTransaction) -> Snapshot:
        return read_snapshot(tx, id, [stored_operation(tx, one) for one in operation_ids])

    return await flow.store.read(work)


async def read_outcome(
    flow: Flow, session: PaymentSession, ask: Ask, *, nothing: Outcome | None = None
) -> Outcome:
    """Return the provider's state of an operation; nothing is requested, and nothing is recorded.

    Unlike a request it does not depend on what was known when its operation began: the session's object is read.
    `nothing` is the outcome where the provider has no such thing; Unknown where it is left out.
    """
    provider = flow.providers[session.provider_id]
    found = provider.look_up(replace(ask, reference=session.reference))
    return await looked(flow.faults, provider.id, found) or nothing or Unknown()


async def read_and_record(flow: Flow, snapshot: Snapshot, operation: Operation) -> Snapshot:
    """Read the provider's state of an operation and record it; nothing is requested."""
    session = snapshot.session(operation.session_id)
    with timed("look up", operation.request_id) as facts:
        facts["collection_id"] = operation.collection_id
        outcome = await read_outcome(flow, session, ask_of(session, operation))
        facts["outcome"] = type(outcome).__name__
    return await _record(flow, operation, outcome, EventSource.API)


def read_snapshot(
    tx: ReadTransaction, id: CollectionId, operations: Sequence[Operation] = ()
) -> Snapshot:
    """Return a collection with everything that belongs to it, and the given operations."""
    collection = tx.read_collection(id)
    assert collection is not None
    sessions, payments = tx.sessions_of(id), tx.payments_of(id)
    return Snapshot(collection, tuple(sessions), tuple(payments), tuple(operations))


def stored_operation(tx: ReadTransaction, id: OperationId) -> Operation:
    """Return an existing operation."""
    operation = tx.operation(id)
    assert operation is not None
    return operation
