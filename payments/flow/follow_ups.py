"""What follows from a payment, a cancellation or a late authorization: sessions closed and amounts given back."""

from dataclasses import replace

from payments.flow.working_copy import Change
from payments.model.entities import Operation, Payment, PaymentSession
from payments.model.ids import CANCELLATION, REFUND, OperationId, new_id
from payments.model.statuses import CancellationReason, EventType, OperationKind, SessionStatus

CLOSABLE = frozenset({SessionStatus.PENDING, SessionStatus.REQUIRES_MORE, SessionStatus.ERROR})
"""Sessions in these statuses are open and have nothing in flight."""


def close_session(
    change: Change,
    session: PaymentSession,
    *,
    request_id: str,
    because_of: Operation | None = None,
) -> PaymentSession:
    """Cancel a session here at once, and at its provider by recovery where something is open there."""
    is_known_to_provider = change.sessions[session.id].is_known_to_provider
    session = change.put_session(replace(session, canceled_at=change.now))
    change.emit(EventType.SESSION_CANCELED, session=session, operation=because_of)
    if is_known_to_provider:
        change.put_operation(_closing_operation(change, session, request_id))
    return session


def close_what_no_longer_fits(change: Change, *, request_id: str) -> None:
    """Cancel the open sessions that the outstanding amount leaves no room for."""
    outstanding = change.collection.outstanding_minor
    for session in list(change.sessions.values()):
        if session.status not in CLOSABLE:
            continue
        is_too_large = (
            session.status is SessionStatus.REQUIRES_MORE and session.amount_minor > outstanding
        )
        if outstanding == 0 or is_too_large:
            close_session(change, session, request_id=request_id)


def give_back(change: Change, payment: Payment, *, request_id: str) -> Operation:
    """Cancel a surplus payment, or refund it where the provider captured it; recovery asks for it at once."""
    if payment.captured_minor > 0:
        kind, amount_minor = OperationKind.REFUND, payment.captured_minor - payment.refunded_minor
    else:
        kind, amount_minor = OperationKind.CANCEL, payment.amount_minor
    operation = new_operation(
        change,
        change.sessions[payment.session_id],
        kind=kind,
        amount_minor=amount_minor,
        request_id=request_id,
    )
    operation = change.put_operation(
        replace(
            operation,
            payment_id=payment.id,
            reserved_minor=amount_minor,
            reason=CancellationReason.SURPLUS,
        )
    )
    if kind is OperationKind.REFUND:
        pending = replace(
            payment,
            refund_pending_minor=payment.refund_pending_minor + amount_minor,
            refund_count=payment.refund_count + 1,
        )
    else:
        pending = replace(payment, cancellation_id=operation.id)
    change.put_payment(pending)
    return operation


def _closing_operation(change: Change, session: PaymentSession, request_id: str) -> Operation:
    return new_operation(
        change,
        session,
        kind=OperationKind.CANCEL,
        amount_minor=session.amount_minor,
        request_id=request_id,
    )


def new_operation(
    change: Change,
    session: PaymentSession,
    *,
    kind: OperationKind,
    amount_minor: int,
    request_id: str,
) -> Operation:
    """Make an operation that nobody is asking yet: recovery may take it from now on."""
    prefix = REFUND if kind is OperationKind.REFUND else CANCELLATION
    return Operation(
        id=OperationId(new_id(prefix)),
        kind=kind,
        collection_id=change.collection.id,
        session_id=session.id,
        provider_id=session.provider_id,
        currency=session.currency,
        amount_minor=amount_minor,
        reference=session.reference,
        source=change.source,
        request_id=request_id,
        due_at=change.now,
        created_at=change.now,
        updated_at=change.now,
    )
