"""The effect of openings', changes' and attempts' outcomes on a collection."""

from payments.flow.follow_ups import close_session, close_what_no_longer_fits, give_back
from payments.flow.method_outcomes import keep
from payments.flow.payment_outcomes import note_mismatch, record_released
from payments.flow.working_copy import WorkingCopy
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, PaymentSession
from payments.model.failures import FailureCode
from payments.model.ids import PAYMENT, PaymentId, new_id
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import (
    ActionRequired,
    Authorized,
    CustomerAction,
    Opened,
    PaidWith,
)
from payments.model.session_changes import SessionChange
from payments.model.statuses import (
    WITHOUT_OUTCOME,
    CancellationReason,
    EventSource,
    EventType,
    OperationKind,
    OperationStatus,
    SessionStatus,
)


def record_authorized(working: WorkingCopy, operation: Operation, outcome: Authorized) -> Operation:
    """Make the session's payment, or give back at once what does not fit any more."""
    session = working.sessions[operation.session_id]
    payment = _arrived(working, operation, outcome)
    is_captured = outcome.is_captured and payment.amount_minor > 0
    fits = _fits(working, session, payment.amount_minor)
    session = replace(
        session,
        client_data={**session.client_data, **outcome.client_data},
        reference=outcome.reference or session.reference,
        authorized_at=working.now,
        canceled_at=session.canceled_at if fits else session.canceled_at or working.now,
    )
    operation = replace(operation, payment_id=payment.id)
    if not fits:
        operation = _as_surplus(working, operation, payment)
    working.payments[payment.id] = payment
    working.put_session(session)
    working.put_operation(operation)
    details = outcome.saved_details or outcome.paid_with
    if outcome.saved_as is not None and details is not None:
        _keep_method(working, session, outcome.saved_as, details)
    if fits:
        working.put_payment(payment)
        working.emit(
            EventType.SESSION_AUTHORIZED, payment=payment, amount_minor=payment.amount_minor
        )
        if is_captured:
            _capture_at_once(working, operation, payment)
        close_what_no_longer_fits(working, request_id=operation.request_id)
    else:
        _return_surplus(working, operation, payment, is_captured=is_captured)
    is_returned = not fits and payment.amount_minor > 0
    if payment.is_mismatched and not is_returned:
        note_mismatch(working, working.payments[payment.id], operation, found=outcome.amount)
    return working.operations[operation.id]


def _arrived(working: WorkingCopy, operation: Operation, outcome: Authorized) -> Payment:
    """Return the payment of an authorization; a difference from what was requested marks it as mismatched.

    In another currency, nothing of the collection's amount is authorized: the payment is of zero.
    """
    requested = Money(operation.amount_minor, operation.currency)
    return Payment(
        id=PaymentId(new_id(PAYMENT)),
        collection_id=operation.collection_id,
        session_id=operation.session_id,
        provider_id=operation.provider_id,
        currency=operation.currency,
        amount_minor=outcome.amount.minor_in(operation.currency),
        is_mismatched=outcome.amount != requested,
        reference=outcome.reference,
        paid_with=outcome.paid_with,
        provider_record=outcome.provider_record,
        capture_before=outcome.capture_before,
        created_at=working.now,
        updated_at=working.now,
    )


def _keep_method(
    working: WorkingCopy, session: PaymentSession, reference: str, paid_with: PaidWith
) -> None:
    """Save the method that a customer paid with and let their provider keep; a deleted customer keeps nothing.

    A customer deleted at the provider may have been replaced by another one, who does not have that method.
    """
    holder_id = session.account_holder_id
    holder = None if holder_id is None else working.tx.lock_holder(holder_id)
    if holder is not None and holder.reference == session.holder_reference:
        keep(working.tx, holder, reference, paid_with)


def _fits(working: WorkingCopy, session: PaymentSession, amount_minor: int) -> bool:
    """Return whether an authorized amount fits into what no payment covers; amounts in flight do not count."""
    collection = working.collection
    return (
        collection.canceled_at is None
        and session.canceled_at is None
        and amount_minor <= collection.outstanding_minor
    )


def _as_surplus(working: WorkingCopy, operation: Operation, payment: Payment) -> Operation:
    """Record why an authorization is given back, with the amount of that moment: its key answers so for ever."""
    collection = working.collection
    if collection.canceled_at is None and payment.amount_minor > collection.outstanding_minor:
        return replace(
            operation,
            failure_code=FailureCode.AMOUNT_TOO_LARGE,
            maximum_minor=collection.outstanding_minor,
        )
    return replace(operation, failure_code=FailureCode.INVALID_STATE)


def _capture_at_once(working: WorkingCopy, attempt: Operation, payment: Payment) -> None:
    capture = _capture_of(working, attempt, payment)
    working.put_operation(capture)
    payment = replace(payment, captured_minor=payment.amount_minor, capture_count=1)
    working.put_payment(payment)
    working.emit(
        EventType.PAYMENT_CAPTURED,
        payment=payment,
        operation=capture,
        amount_minor=payment.amount_minor,
    )


def _capture_of(working: WorkingCopy, attempt: Operation, payment: Payment) -> Operation:
    """Return the capture that a provider made together with the authorization."""
    capture = working.new_operation(
        OperationKind.CAPTURE,
        working.sessions[payment.session_id],
        amount_minor=payment.amount_minor,
        request_id=attempt.request_id,
    )
    return replace(
        capture,
        status=OperationStatus.SUCCEEDED,
        payment_id=payment.id,
        reserved_minor=payment.amount_minor,
        moved_minor=payment.amount_minor,
    )


def _return_surplus(
    working: WorkingCopy, attempt: Operation, payment: Payment, *, is_captured: bool
) -> None:
    payment = replace(payment, cancellation_reason=CancellationReason.SURPLUS)
    if is_captured:
        working.put_operation(_capture_of(working, attempt, payment))
        payment = replace(payment, captured_minor=payment.amount_minor, capture_count=1)
    payment = working.put_payment(payment)
    closing = None if is_captured else working.closing_of(working.sessions[payment.session_id])
    released_minor = 0 if closing is None else _released_by(closing, payment)
    if closing is not None and closing.is_without_outcome:
        # Closing the session gives this back; a second cancellation would be declined.
        payment = working.put_payment(replace(payment, cancellation_id=closing.id))
    elif released_minor == 0:
        if payment.amount_minor == 0:
            return  # It is in another currency, and so would be the amount to give back: an operator has to look.
        give_back(working, payment, request_id=attempt.request_id)
    working.emit(
        EventType.AUTHORIZATION_RETURNED, payment=payment, amount_minor=payment.amount_minor
    )
    if closing is not None and released_minor > 0:
        record_released(working, closing, payment, released_minor)


def _released_by(closing: Operation, payment: Payment) -> int:
    """Return what an already finished closing gave back of a payment that arrives after it."""
    moved_minor = closing.moved_minor or 0
    return moved_minor if payment.amount_minor in (0, moved_minor) else 0


def require_action(
    working: WorkingCopy, operation: Operation, outcome: ActionRequired, due_at: Instant | None
) -> Operation:
    """Record the customer's action; a session whose amount does not fit any more is closed instead.

    From `due_at` on recovery reads whether the customer has acted without coming back; also in a session that is closed
    here, until the provider confirms that it is closed there.
    """
    was_known = operation.status is OperationStatus.ACTION_REQUIRED
    session = working.sessions[operation.session_id]
    fits = _fits(working, session, session.amount_minor)
    working.put_session(
        replace(
            session,
            client_data={**session.client_data, **outcome.client_data},
            reference=outcome.reference or session.reference,
        )
    )
    operation = working.put_operation(
        replace(
            operation,
            status=OperationStatus.ACTION_REQUIRED,
            action=outcome.action,
            leased_by=None,
            due_at=due_at,
            # A customer's page may ask as often as it likes: only recovery's own reads use up its steps.
            unanswered_times=operation.unanswered_times
            + (was_known and working.source is EventSource.RECONCILIATION),
        )
    )
    session = working.sessions[operation.session_id]
    if session.canceled_at is None and not fits:
        close_session(working, session, request_id=operation.request_id)
    elif session.canceled_at is None and not was_known:
        working.emit(EventType.SESSION_REQUIRES_MORE, session=session)
    return operation


def show_action(working: WorkingCopy, session: PaymentSession, action: CustomerAction) -> None:
    """Keep what the customer is shown, such as a voucher, in a session that was opened for their browser."""
    is_browsers = session.status is SessionStatus.REQUIRES_MORE and session.attempt_id is None
    if is_browsers and action != session.opening_action:
        session = working.put_session(replace(session, opening_action=action))
        working.emit(EventType.SESSION_UPDATED, session=session)


def note_reference(working: WorkingCopy, operation: Operation, reference: str | None) -> None:
    """Keep the provider's id of its object as soon as it is known."""
    session = working.sessions[operation.session_id]
    if reference is not None and reference != session.reference:
        working.put_session(replace(session, reference=reference))


def note_processing(working: WorkingCopy, before: Operation, after: Operation) -> None:
    """Log that a customer's action is done and the provider is processing the payment."""
    if after.kind is OperationKind.AUTHORIZE and before.status not in WITHOUT_OUTCOME:
        working.emit(EventType.SESSION_PENDING, session=working.sessions[after.session_id])


def attempt_of_closing(working: WorkingCopy, closing: Operation) -> Operation:
    """Return the attempt that a customer completed while their session was being closed; create it if missing."""
    session = working.sessions[closing.session_id]
    if session.attempt_id is not None:
        newest = working.operation(session.attempt_id)
        if newest.status is OperationStatus.ACTION_REQUIRED:
            return newest
    attempt = working.new_operation(
        OperationKind.AUTHORIZE,
        session,
        amount_minor=session.amount_minor,
        request_id=closing.request_id,
    )
    working.put_session(replace(session, attempt_id=attempt.id))
    return working.put_operation(attempt)


def record_attempt_failed(working: WorkingCopy, operation: Operation) -> Operation:
    """Record a failed attempt; if nothing is left to pay, the session ends with it."""
    working.put_operation(operation)
    if operation.status is OperationStatus.DECLINED:
        collection = working.collection
        working.put_collection(replace(collection, failed_attempts=collection.failed_attempts + 1))
    session = working.sessions[operation.session_id]
    is_superseded = session.attempt_id != operation.id or working.payment_of(session) is not None
    if session.canceled_at is not None or is_superseded:
        return operation
    if _is_over(working):
        close_session(working, session, request_id=operation.request_id, because_of=operation)
    else:
        working.emit(EventType.SESSION_FAILED, session=session, operation=operation)
    return operation


def record_opened(working: WorkingCopy, operation: Operation, outcome: Opened) -> Operation:
    """Open a session for the customer, or apply its change."""
    change = SessionChange.from_json(operation.data)
    session = change.applied_to(working.sessions[operation.session_id])
    working.put_session(
        replace(
            session,
            client_data={**session.client_data, **outcome.client_data},
            reference=outcome.reference or session.reference,
            opening_action=outcome.action or session.opening_action,
        )
    )
    working.put_operation(operation)
    session = working.sessions[session.id]
    if session.canceled_at is not None:
        return operation
    if _is_over(working):
        close_session(working, session, request_id=operation.request_id)
    elif operation.kind is OperationKind.OPEN and session.has_opening_action:
        working.emit(EventType.SESSION_REQUIRES_MORE, session=session)
    else:
        working.emit(EventType.SESSION_UPDATED, session=session)
    return operation


def record_opening_failed(working: WorkingCopy, operation: Operation) -> Operation:
    """Close a session that its provider refused to open, and free its idempotency key: no money moved.

    A failed change leaves the session as it was.
    """
    working.put_operation(operation)
    is_opening = operation.kind is OperationKind.OPEN
    if is_opening:
        working.tx.release_key(operation.session_id)
    session = working.sessions[operation.session_id]
    if session.canceled_at is not None:
        return operation
    if is_opening or _is_over(working):
        close_session(working, session, request_id=operation.request_id, because_of=operation)
    else:
        working.emit(EventType.SESSION_UPDATED, session=session)
    return operation


def _is_over(working: WorkingCopy) -> bool:
    """Return whether a session has nothing left to pay for."""
    collection = working.collection
    return collection.canceled_at is not None or collection.outstanding_minor == 0
