"""The consequences of a payment, a cancellation or a late authorization: sessions closed and amounts given back."""

from payments.flow.working_copy import WorkingCopy
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, PaymentSession
from payments.model.statuses import CancellationReason, EventType, OperationKind, SessionStatus

CLOSABLE = frozenset({SessionStatus.PENDING, SessionStatus.REQUIRES_MORE, SessionStatus.ERROR})
"""Sessions in these statuses are open and have nothing in flight."""


def close_session(
    working: WorkingCopy,
    session: PaymentSession,
    *,
    request_id: str,
    because_of: Operation | None = None,
) -> PaymentSession:
    """Cancel a session here at once, and through recovery at its provider if something is open there."""
    is_known_to_provider = working.sessions[session.id].is_known_to_provider
    session = working.put_session(replace(session, canceled_at=working.now))
    working.emit(EventType.SESSION_CANCELED, session=session, operation=because_of)
    if is_known_to_provider:
        working.put_operation(_closing_operation(working, session, request_id))
    return session


def close_what_no_longer_fits(working: WorkingCopy, *, request_id: str) -> None:
    """Cancel the open sessions whose amounts are more than the outstanding one."""
    outstanding = working.collection.outstanding_minor
    for session in list(working.sessions.values()):
        if session.status not in CLOSABLE:
            continue
        is_too_large = (
            session.status is SessionStatus.REQUIRES_MORE and session.amount_minor > outstanding
        )
        if outstanding == 0 or is_too_large:
            close_session(working, session, request_id=request_id)


def give_back(working: WorkingCopy, payment: Payment, *, request_id: str) -> Operation:
    """Cancel a surplus payment, or refund it where the provider captured it; recovery requests it at once."""
    if payment.captured_minor > 0:
        kind, amount_minor = OperationKind.REFUND, payment.captured_minor - payment.refunded_minor
    else:
        kind, amount_minor = OperationKind.CANCEL, payment.amount_minor
    operation = due_operation(
        working,
        working.sessions[payment.session_id],
        kind=kind,
        amount_minor=amount_minor,
        request_id=request_id,
    )
    operation = working.put_operation(
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
    working.put_payment(pending)
    return operation


def _closing_operation(working: WorkingCopy, session: PaymentSession, request_id: str) -> Operation:
    return due_operation(
        working,
        session,
        kind=OperationKind.CANCEL,
        amount_minor=session.amount_minor,
        request_id=request_id,
    )


def due_operation(
    working: WorkingCopy,
    session: PaymentSession,
    *,
    kind: OperationKind,
    amount_minor: int,
    request_id: str,
) -> Operation:
    """Return a new operation that is due: recovery may request it from now on."""
    operation = working.new_operation(
        kind, session, amount_minor=amount_minor, request_id=request_id
    )
    return replace(operation, reference=session.reference, due_at=working.now)
