"""Effects at a provider that are unknown here: made in its dashboard, or requested before a backup was restored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from payments.flow.payment_outcomes import reserve
from payments.flow.recording import apply_outcome
from payments.flow.runtime import Flow
from payments.flow.schedule import RecoverySchedule
from payments.flow.session_outcomes import show_action
from payments.flow.working_copy import WorkingCopy, lock
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, PaymentSession, Snapshot
from payments.model.ids import OperationId, ProviderId, new_request_id
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import (
    ActionRequired,
    Authorized,
    Declined,
    DisplayInstructions,
    DisputeFound,
    Effect,
    Moved,
    Outcome,
    Processing,
    Reversed,
    Unknown,
)
from payments.model.statuses import (
    CancellationReason,
    EventSource,
    EventType,
    OperationKind,
    OperationStatus,
)
from payments.ports.provider import Provider, ReadsObjects
from payments.ports.transactions import Transaction
from payments.recovery.disputes import record_dispute

log = structlog.get_logger("flow")

DONE = (Authorized, Moved)

MOVEMENTS = frozenset({OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.CANCEL})
"""The operations that move authorized money."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of reading providers' records."""

    read: int
    """The number of effects in the records."""
    recorded: int
    """Effects that were not known here, or whose outcome was not."""
    unplaced: Sequence[tuple[ProviderId, Effect]]
    """Effects that belong to nothing known here: an operator has to look."""


async def find_again(flow: Flow, since: Instant) -> Found:
    """Read what each provider did since an instant, and record what is not known here; raises RecordsUnreadable.

    For a database older than the requests to its providers, such as a restored backup.
    """
    read = recorded = 0
    unplaced: list[tuple[ProviderId, Effect]] = []
    request_id = new_request_id()
    for provider in _each_gateway(flow):
        async for finding in provider.effects(since):
            read += 1
            if isinstance(finding, DisputeFound):
                # If the payment is not known here, the payment itself is named.
                recorded += await flow.store.transact(_recording_dispute(provider.id, finding))
                continue
            work = _recording(flow, provider.id, finding, request_id)
            is_placed, is_new = await flow.store.transact(work)
            recorded += is_new
            if not is_placed:
                unplaced.append((provider.id, finding))
    log.info("books read", request_id=request_id, read=read, recorded=recorded)
    return Found(read, recorded, unplaced)


def _each_gateway(flow: Flow) -> Iterator[Provider]:
    """Return one provider of each gateway: the others read the same records."""
    read = set()
    for provider in flow.providers.values():
        gateway = provider.gateway if isinstance(provider, ReadsObjects) else provider.id
        if gateway not in read:
            read.add(gateway)
            yield provider


def _recording(
    flow: Flow, provider_id: ProviderId, effect: Effect, request_id: str
) -> Callable[[Transaction], tuple[bool, bool]]:
    def work(tx: Transaction) -> tuple[bool, bool]:
        before = _stored(tx, provider_id, effect)
        snapshot = record_effect(
            tx,
            provider_id,
            effect,
            schedule=flow.schedule,
            request_id=request_id,
            told_by=EventSource.RECONCILIATION,
        )
        after = _stored(tx, provider_id, effect)
        was = None if before is None else before.status
        return snapshot is not None, after is not None and after.status is not was

    return work


def _recording_dispute(
    provider_id: ProviderId, found: DisputeFound
) -> Callable[[Transaction], bool]:
    def work(tx: Transaction) -> bool:
        collection_id = tx.collection_of_session(found.session_id)
        before = None if collection_id is None else tx.lock_collection(collection_id)
        snapshot = record_dispute(tx, provider_id, found, told_by=EventSource.RECONCILIATION)
        if before is None or snapshot is None:
            return False
        return snapshot.collection.sequence > before.sequence

    return work


def _stored(tx: Transaction, provider_id: ProviderId, effect: Effect) -> Operation | None:
    """Find the operation or payment of an effect here: by its key, or by the provider's id."""
    provider_id = effect.provider_id or provider_id
    found = None if effect.is_external else tx.operation(OperationId(effect.key))
    if found is None:
        id = tx.external_operation(provider_id, effect.key)
        found = tx.operation(id) if id is not None else None
    return found


def record_effect(
    tx: Transaction,
    provider_id: ProviderId,
    effect: Effect,
    *,
    schedule: RecoverySchedule,
    request_id: str,
    told_by: EventSource | None = None,
) -> Snapshot | None:
    """Record what a provider did, once, whatever its source; return None where it belongs to nothing known here.

    It is a fact: it is recorded even beyond a limit, and the payment becomes mismatched. `told_by` is the reason why
    the provider's records were read; None for the provider's own report.
    """
    collection_id = tx.collection_of_session(effect.session_id)
    if collection_id is None:
        return None
    working = lock(tx, collection_id, _source(effect, told_by))
    assert working is not None
    session = working.sessions[effect.session_id]
    if session.provider_id != (effect.provider_id or provider_id):
        return None
    stored = _stored(tx, provider_id, effect)
    if stored is not None and stored.session_id != session.id:
        log.error("key of another session", operation_id=stored.id, session_id=session.id)
        return None
    if effect.is_release:
        return _record_release(working, effect, schedule, request_id)
    operation = _known(working, session, effect)
    if effect.is_sole and not isinstance(effect.outcome, DONE):
        # Its outcome is read under the operation's own lease: an attempt may begin meanwhile.
        _make_due(working, operation)
        _go_on_closing(working, effect)
        _show_instructions(working, session, effect.outcome)
        return working.finish()
    if operation is None and effect.is_external and not isinstance(effect.outcome, DONE):
        # Tried there, or still on its way: nothing has moved yet.
        return working.snapshot()
    if operation is None:
        if not _can_be_placed(working, session, effect):
            return None
        operation = _made(working, session, effect, request_id)
    apply_outcome(working, operation, _as_read(operation, effect, told_by), schedule)
    if effect.closes_session and isinstance(effect.outcome, Moved):
        _close(working, working.sessions[session.id])
    _go_on_closing(working, effect)
    return working.finish()


def _record_release(
    working: WorkingCopy, effect: Effect, schedule: RecoverySchedule, request_id: str
) -> Snapshot | None:
    """Record the amount given back of a partly captured payment, as far as it is not known here.

    The amount that an unresolved capture reserves is left out; an unresolved cancellation is what gave it back.
    """
    session = working.sessions[effect.session_id]
    payment = working.payment_of(session)
    if payment is None:
        return None
    unknown_minor = effect.amount.minor_in(payment.currency) - payment.released_minor
    operation = None
    if payment.cancellation_id is not None:
        operation = working.operation(payment.cancellation_id)
        minor = operation.amount_minor if operation.amount_minor <= unknown_minor else 0
    else:
        minor = min(payment.remainder_minor, unknown_minor)
    if minor > 0:
        released = payment.money(minor)
        if operation is None:
            is_first = _stored(working.tx, session.provider_id, effect) is None
            key = effect.key if is_first else f"{effect.key}/{payment.released_minor}"
            part = replace(effect, key=key, amount=released)
            operation = _made(working, session, part, request_id)
        apply_outcome(working, operation, Moved(released), schedule)
    return working.finish()


def _close(working: WorkingCopy, session: PaymentSession) -> None:
    """Close a session here that was closed at its provider without a payment."""
    if session.canceled_at is None and working.payment_of(session) is None:
        session = working.put_session(replace(session, canceled_at=working.now))
        working.emit(EventType.SESSION_CANCELED, session=session)


def _source(effect: Effect, told_by: EventSource | None) -> EventSource:
    if effect.is_external and effect.kind is not OperationKind.AUTHORIZE:
        return EventSource.PROVIDER
    if told_by is not None:
        return told_by
    return EventSource.PROVIDER if effect.is_external else EventSource.RECONCILIATION


def _as_read(operation: Operation, effect: Effect, told_by: EventSource | None) -> Outcome:
    """Return an outcome; a refund that had succeeded and is now read as failed was undone."""
    is_undone = (
        told_by is not None
        and operation.kind is OperationKind.REFUND
        and operation.status is OperationStatus.SUCCEEDED
        and isinstance(effect.outcome, Declined)
    )
    return Reversed() if is_undone else effect.outcome


def _make_due(working: WorkingCopy, operation: Operation | None) -> None:
    """Make an operation that waits for its customer or its provider due for recovery at once."""
    waiting = (OperationStatus.ACTION_REQUIRED, OperationStatus.PROCESSING)
    if operation is not None and operation.status in waiting and operation.leased_by is None:
        working.put_operation(replace(operation, due_at=working.now))


def _go_on_closing(working: WorkingCopy, effect: Effect) -> None:
    """Let recovery close a session at once if its authorization was processing when the closing was decided."""
    session = working.sessions[effect.session_id]
    is_settled = not isinstance(effect.outcome, Processing | Unknown)
    if effect.kind is OperationKind.AUTHORIZE and is_settled and session.canceled_at is not None:
        _make_due(working, working.closing_of(session))


def _known(working: WorkingCopy, session: PaymentSession, effect: Effect) -> Operation | None:
    if effect.is_sole:
        return _the_one(working, session, effect)
    found = _stored(working.tx, session.provider_id, effect)
    if found is not None:
        return working.operation(found.id)
    return None if effect.is_external else _adopted(working, effect)


def _the_one(working: WorkingCopy, session: PaymentSession, effect: Effect) -> Operation | None:
    """Return the operation that is a session's one authorization or cancellation: the newest, unless it failed."""
    found = _stored(working.tx, session.provider_id, effect)
    id = found.id if found is not None else working.tx.newest_of(session.id, effect.kind)
    if id is None:
        return None
    operation = working.operation(id)
    has_failed = operation.status in (OperationStatus.DECLINED, OperationStatus.NOT_REACHED)
    return None if has_failed else operation


def _adopted(working: WorkingCopy, effect: Effect) -> Operation | None:
    """Adopt an operation decided again here but not requested yet: it was requested before, with the effect's key."""
    id = working.tx.unasked(effect.session_id, effect.kind)
    if id is None:
        return None
    operation = working.operation(id)
    if effect.amount != Money(operation.amount_minor, operation.currency):
        return None
    return working.put_operation(replace(operation, provider_key=effect.key))


def _show_instructions(working: WorkingCopy, session: PaymentSession, outcome: Outcome) -> None:
    """Keep the voucher or code shown in a customer's browser, which may have lost it since."""
    if isinstance(outcome, ActionRequired) and isinstance(outcome.action, DisplayInstructions):
        show_action(working, session, outcome.action)


def _can_be_placed(working: WorkingCopy, session: PaymentSession, effect: Effect) -> bool:
    payment = working.payment_of(session)
    if effect.kind is OperationKind.AUTHORIZE:
        # A session makes one payment: a further authorization of it needs an operator.
        return payment is None and not session.is_in_flight
    return effect.kind in MOVEMENTS and (payment is not None or effect.closes_session)


def _made(
    working: WorkingCopy, session: PaymentSession, effect: Effect, request_id: str
) -> Operation:
    """Return the operation that is missing here, with its outcome still to be recorded."""
    payment = working.payment_of(session)
    is_same_currency = effect.amount.currency == session.currency
    released_minor = effect.released_minor if is_same_currency else 0
    operation = working.new_operation(
        effect.kind, session, amount_minor=effect.amount.minor, request_id=request_id
    )
    operation = replace(
        operation,
        id=operation.id if effect.is_external else OperationId(effect.key),
        status=OperationStatus.UNKNOWN,
        payment_id=None
        if effect.kind is OperationKind.AUTHORIZE or payment is None
        else payment.id,
        reserved_minor=effect.amount.minor + released_minor,
        releases_rest=released_minor > 0,
        reason=_reason(effect, payment),
        provider_key=effect.key,
    )
    match effect.kind:
        case OperationKind.AUTHORIZE:
            working.put_session(replace(session, attempt_id=operation.id))
        case OperationKind.CANCEL if not (effect.is_external or payment is None):
            reserve(working, operation)
        case OperationKind.CAPTURE | OperationKind.REFUND:
            _count(working, operation)
            reserve(working, operation)
        case _:
            pass
    return working.put_operation(operation)


def _reason(effect: Effect, payment: Payment | None) -> CancellationReason | None:
    if effect.kind is not OperationKind.CANCEL:
        return None
    if effect.is_expired:
        return CancellationReason.EXPIRED
    if effect.is_external:
        return CancellationReason.PROVIDER
    is_surplus = payment is not None and payment.is_surplus
    return CancellationReason.SURPLUS if is_surplus else CancellationReason.REQUESTED


def _count(working: WorkingCopy, operation: Operation) -> None:
    assert operation.payment_id is not None
    payment = working.payments[operation.payment_id]
    if operation.kind is OperationKind.CAPTURE:
        working.put_payment(replace(payment, capture_count=payment.capture_count + 1))
    else:
        working.put_payment(replace(payment, refund_count=payment.refund_count + 1))
