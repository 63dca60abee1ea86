"""The effect of captures', refunds' and cancellations' outcomes on a payment."""

from typing import assert_never

import structlog

from payments.flow.follow_ups import give_back
from payments.flow.working_copy import WorkingCopy
from payments.model.copies import replace
from payments.model.entities import Operation, Payment
from payments.model.mismatches import amount_differs, limits_passed, outcome_differs
from payments.model.money import Money
from payments.model.outcomes import Moved
from payments.model.statuses import (
    CancellationReason,
    EventType,
    OperationKind,
    OperationStatus,
    PaymentStatus,
    has_nothing_left_to_capture,
    payment_status,
)

log = structlog.get_logger("flow")


def reserve(working: WorkingCopy, operation: Operation) -> None:
    """Reserve an operation's amount on its payment until its outcome."""
    assert operation.payment_id is not None
    payment = working.payments[operation.payment_id]
    match operation.kind:
        case OperationKind.CAPTURE:
            pending = payment.capture_pending_minor + operation.reserved_minor
            payment = replace(payment, capture_pending_minor=pending)
        case OperationKind.REFUND:
            pending = payment.refund_pending_minor + operation.reserved_minor
            payment = replace(payment, refund_pending_minor=pending)
        case OperationKind.CANCEL:
            payment = replace(payment, cancellation_id=operation.id)
        case OperationKind.OPEN | OperationKind.UPDATE | OperationKind.AUTHORIZE:
            raise AssertionError(f"{operation.kind} moves no payment")
        case _:
            assert_never(operation.kind)
    working.put_payment(payment)


def record_moved(working: WorkingCopy, operation: Operation, outcome: Moved) -> Operation:
    """Add the amount that the provider moved to a payment; an amount in another currency counts as zero."""
    requested = Money(operation.amount_minor, operation.currency)
    moved_minor = outcome.amount.minor_in(operation.currency)
    operation = working.put_operation(replace(operation, moved_minor=moved_minor))
    payment = _payment_of(working, operation)
    if payment is None:
        return operation
    match operation.kind:
        case OperationKind.CAPTURE:
            _captured(working, operation, payment, moved_minor)
        case OperationKind.REFUND:
            _refunded(working, operation, payment, moved_minor)
        case OperationKind.CANCEL:
            record_released(working, operation, payment, moved_minor)
        case OperationKind.OPEN | OperationKind.UPDATE | OperationKind.AUTHORIZE:
            raise AssertionError(f"{operation.kind} moves no payment")
        case _:
            assert_never(operation.kind)
    payment = working.payments[payment.id]
    if outcome.amount != requested or any(limits_passed(payment)):
        note_mismatch(working, payment, operation, found=outcome.amount)
    return operation


def note_mismatch(
    working: WorkingCopy, payment: Payment, operation: Operation, *, found: Money
) -> None:
    """Mark a payment whose provider did something else than requested: nothing moves until an operator has looked."""
    if operation.kind is OperationKind.AUTHORIZE or not payment.is_mismatched:
        payment = working.put_payment(replace(payment, is_mismatched=True))
        amount_minor = found.minor_in(payment.currency)
        working.emit(EventType.PAYMENT_MISMATCHED, payment=payment, amount_minor=amount_minor)
    requested = Money(operation.amount_minor, operation.currency)
    differs = [*_differs(operation, found), *limits_passed(payment)]
    log.error(
        "payment mismatched",
        payment_id=payment.id,
        operation_id=operation.id,
        kind=operation.kind.value,
        requested=f"{requested} {requested.currency}",
        found=f"{found} {found.currency}",
        differs="; ".join(differs),
    )


def _differs(operation: Operation, found: Money) -> list[str]:
    if operation.status is OperationStatus.DECLINED:
        return [outcome_differs(operation, found)]
    requested = Money(operation.amount_minor, operation.currency)
    return [] if found == requested else [amount_differs(operation, found)]


def record_reversed(working: WorkingCopy, operation: Operation) -> Operation:
    """Record that the provider has undone a refund: it enters no sum any more."""
    operation = working.put_operation(operation)
    assert operation.payment_id is not None
    payment = working.payments[operation.payment_id]
    moved_minor = operation.counted_minor
    payment = working.put_payment(
        replace(payment, refunded_minor=payment.refunded_minor - moved_minor)
    )
    working.emit(
        EventType.PAYMENT_REFUND_REVERSED,
        payment=payment,
        operation=operation,
        amount_minor=moved_minor,
    )
    if payment.is_surplus:
        # The surplus was given back in vain; asking once more may be in vain too.
        returning = give_back(working, payment, request_id=operation.request_id)
        working.put_operation(replace(returning, status=OperationStatus.UNKNOWN, due_at=None))
        log.error("a person has to look", operation_id=returning.id)
    return operation


def _captured(
    working: WorkingCopy, operation: Operation, payment: Payment, moved_minor: int
) -> None:
    rest_minor = operation.reserved_minor - operation.amount_minor
    pending_minor = payment.capture_pending_minor - operation.amount_minor
    payment = working.put_payment(
        replace(
            payment,
            captured_minor=payment.captured_minor + moved_minor,
            capture_pending_minor=pending_minor,
        )
    )
    working.emit(
        EventType.PAYMENT_CAPTURED, payment=payment, operation=operation, amount_minor=moved_minor
    )
    if rest_minor > 0:
        payment = working.put_payment(
            replace(
                payment,
                released_minor=payment.released_minor + rest_minor,
                capture_pending_minor=pending_minor - rest_minor,
            )
        )
        working.emit(EventType.PAYMENT_RELEASED, payment=payment, amount_minor=rest_minor)


def _refunded(
    working: WorkingCopy, operation: Operation, payment: Payment, moved_minor: int
) -> None:
    payment = working.put_payment(
        replace(
            payment,
            refunded_minor=payment.refunded_minor + moved_minor,
            refund_pending_minor=payment.refund_pending_minor - operation.reserved_minor,
        )
    )
    working.emit(
        EventType.PAYMENT_REFUNDED, payment=payment, operation=operation, amount_minor=moved_minor
    )


def record_released(
    working: WorkingCopy, operation: Operation, payment: Payment, moved_minor: int
) -> None:
    """Record what a cancellation gave back of a payment; it is canceled if that was all of it."""
    if payment.cancellation_id == operation.id:
        payment = replace(payment, cancellation_id=None)
    payment = replace(payment, released_minor=payment.released_minor + moved_minor)
    is_expired = operation.reason is CancellationReason.EXPIRED
    if payment.captured_minor > 0 or not has_nothing_left_to_capture(payment):
        payment = working.put_payment(payment)
        type = EventType.PAYMENT_EXPIRED if is_expired else EventType.PAYMENT_RELEASED
        working.emit(type, payment=payment, amount_minor=moved_minor)
        return
    type = EventType.PAYMENT_EXPIRED if is_expired else EventType.PAYMENT_CANCELED
    reason = operation.reason or CancellationReason.REQUESTED
    _cancel(working, payment, reason, moved_minor, type)


def _cancel(
    working: WorkingCopy,
    payment: Payment,
    reason: CancellationReason,
    amount_minor: int,
    type: EventType = EventType.PAYMENT_CANCELED,
) -> None:
    """Record that all of a payment is given back."""
    reason = payment.cancellation_reason or reason
    payment = working.put_payment(
        replace(payment, canceled_at=working.now, cancellation_reason=reason)
    )
    working.emit(type, payment=payment, amount_minor=amount_minor)


def record_failed(working: WorkingCopy, operation: Operation) -> Operation:
    """Release a failed operation's reservation; it stays readable and enters no sum."""
    working.put_operation(operation)
    payment = _payment_of(working, operation)
    if payment is None:
        return operation
    match operation.kind:
        case OperationKind.CAPTURE:
            pending_minor = payment.capture_pending_minor - operation.reserved_minor
            payment = replace(payment, capture_pending_minor=pending_minor)
            type = EventType.PAYMENT_CAPTURE_FAILED
        case OperationKind.REFUND:
            pending_minor = payment.refund_pending_minor - operation.reserved_minor
            payment = replace(payment, refund_pending_minor=pending_minor)
            type = EventType.PAYMENT_REFUND_FAILED
        case OperationKind.CANCEL:
            payment = replace(payment, cancellation_id=None)
            type = EventType.PAYMENT_CANCEL_FAILED
        case OperationKind.OPEN | OperationKind.UPDATE | OperationKind.AUTHORIZE:
            raise AssertionError(f"{operation.kind} moves no payment")
        case _:
            assert_never(operation.kind)
    payment = working.put_payment(payment)
    working.emit(type, payment=payment, operation=operation, amount_minor=operation.amount_minor)
    if (
        operation.kind is OperationKind.CAPTURE
        and payment_status(payment) is PaymentStatus.CANCELED
    ):
        _cancel(working, payment, CancellationReason.PROVIDER, payment.released_minor)
    if operation.payment_id is None and payment.amount_minor > 0:
        # Closing the session does not bring it back; canceling the payment itself may.
        give_back(working, payment, request_id=operation.request_id)
    return operation


def _payment_of(working: WorkingCopy, operation: Operation) -> Payment | None:
    """Return the payment of an operation: its own, or the one that arrived while its session was being closed."""
    if operation.payment_id is not None:
        return working.payments[operation.payment_id]
    payment = working.payment_of(working.sessions[operation.session_id])
    return payment if payment is not None and payment.cancellation_id == operation.id else None
