"""The one function that records an outcome from any source: the mutation, a report or recovery."""

from dataclasses import dataclass
from typing import assert_never

import structlog

from payments.flow import payment_outcomes, session_outcomes
from payments.flow.schedule import RecoverySchedule
from payments.flow.working_copy import WorkingCopy, lock
from payments.model.copies import replace
from payments.model.entities import Operation, Snapshot
from payments.model.failures import FailureCode
from payments.model.ids import OperationId
from payments.model.limits import ABSENCE_SECONDS, ABSENT_TIMES
from payments.model.money import Money
from payments.model.outcomes import (
    Absent,
    ActionRequired,
    Authorized,
    Declined,
    Moved,
    NotReached,
    Opened,
    Outcome,
    Processing,
    Reversed,
    Unknown,
)
from payments.model.statuses import EventSource, OperationKind, OperationStatus
from payments.ports.transactions import Transaction

log = structlog.get_logger("flow")

HAPPENED = (Authorized, Moved)

NEVER_ARRIVED = "never_arrived"
"""The decline code of a request that a provider never received: it was read several times and has no such operation."""


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """An outcome from any source, about to be recorded."""

    operation_id: OperationId
    outcome: Outcome
    source: EventSource
    schedule: RecoverySchedule
    """When recovery asks again about an outcome that stays open."""


def record(tx: Transaction, reported: ReportedOutcome) -> Snapshot | None:
    """Record an outcome: amounts, statuses and events; return None where there is no such operation.

    A final outcome stays as it is: the second to record it finds the wanted state and answers with it.
    """
    operation = tx.operation(reported.operation_id)
    if operation is None:
        return None
    working = lock(tx, operation.collection_id, reported.source)
    assert working is not None
    apply_outcome(
        working, working.operation(reported.operation_id), reported.outcome, reported.schedule
    )
    return working.finish()


def apply_outcome(
    working: WorkingCopy, operation: Operation, outcome: Outcome, schedule: RecoverySchedule
) -> Operation:
    """Apply one outcome to a collection's working copy."""
    operation = _reopened(working, operation, outcome)
    if contradicts(operation, outcome):
        _note_contradiction(working, operation, outcome)
    if not can_still_change(operation, outcome) or is_older_news(working, operation, outcome):
        return operation
    if closes_session(operation) and isinstance(outcome, Authorized):
        return _paid_instead(working, operation, outcome)
    if not answers(operation.kind, outcome):
        outcome = Unknown()
    if isinstance(outcome, NotReached) and not proves_nothing_happened(working, operation):
        outcome = Unknown()
    match outcome:
        case Unknown() | Absent() | Processing() | ActionRequired():
            return _stay_open(working, operation, outcome, schedule)
        case NotReached() | Declined() | Opened() | Authorized() | Moved() | Reversed():
            return _end_with(working, operation, outcome)
    assert_never(outcome)


def _paid_instead(working: WorkingCopy, closing: Operation, outcome: Authorized) -> Operation:
    """Record that a session to be closed had already been paid and captured: the payment is given back."""
    closing = working.put_operation(_end(working, closing, OperationStatus.DECLINED))
    if working.payment_of(working.sessions[closing.session_id]) is not None:
        return payment_outcomes.record_failed(working, closing)
    attempt = session_outcomes.attempt_of_closing(working, closing)
    ended = _end(working, attempt, OperationStatus.SUCCEEDED)
    session_outcomes.record_authorized(working, ended, outcome)
    return closing


def closes_session(operation: Operation) -> bool:
    """Return whether an operation closes a session that had no payment when that was decided."""
    return operation.kind is OperationKind.CANCEL and operation.payment_id is None


def _reopened(working: WorkingCopy, operation: Operation, outcome: Outcome) -> Operation:
    """Reopen an operation recorded as NOT_REACHED that a later send with the same key did perform."""
    if operation.status is not OperationStatus.NOT_REACHED or not isinstance(outcome, HAPPENED):
        return operation
    session = working.sessions[operation.session_id]
    if operation.kind is OperationKind.AUTHORIZE:
        is_free = not session.is_in_flight or session.attempt_id == operation.id
        if working.payment_of(session) is not None or not is_free:
            log.error("authorized beside another attempt", operation_id=operation.id)
            return operation
        working.put_session(replace(session, attempt_id=operation.id))
    opened = replace(operation, status=OperationStatus.UNKNOWN, failure_code=None)
    if operation.payment_id is not None:
        payment_outcomes.reserve(working, opened)
    return working.put_operation(opened)


def contradicts(operation: Operation, outcome: Outcome) -> bool:
    """Return whether a provider did something that is finally declined here."""
    is_done = isinstance(outcome, HAPPENED) and answers(operation.kind, outcome)
    return operation.status is OperationStatus.DECLINED and is_done


def _note_contradiction(working: WorkingCopy, operation: Operation, outcome: Outcome) -> None:
    """Log an alarm; the outcome stays as it is, and nothing of the payment moves until an operator has looked."""
    log.error("contradicts a final outcome", operation_id=operation.id)
    payment = working.payments.get(operation.payment_id) if operation.payment_id else None
    if payment is not None and isinstance(outcome, Moved) and not payment.is_mismatched:
        payment_outcomes.note_mismatch(working, payment, operation, found=outcome.amount)


def given_back(working: WorkingCopy, operation: Operation) -> Money:
    """Return what a cancellation gives back where its amount is not known: zero where no payment is waiting for it."""
    waiting = (payment.cancellation_id for payment in working.payments.values())
    has_payment = operation.payment_id is not None or operation.id in waiting
    return Money(operation.amount_minor if has_payment else 0, operation.currency)


def _stay_open(
    working: WorkingCopy,
    operation: Operation,
    outcome: Unknown | Absent | Processing | ActionRequired,
    schedule: RecoverySchedule,
) -> Operation:
    match outcome:
        case Unknown():
            return _keep_open(working, operation, schedule)
        case Absent():
            return _note_absence(working, operation, schedule)
        case Processing():
            session_outcomes.note_reference(working, operation, outcome.reference)
            taken = replace(operation, status=OperationStatus.PROCESSING, action=None)
            kept = _keep_open(working, taken, schedule)
            session_outcomes.note_processing(working, operation, kept)
            return kept
        case ActionRequired():
            due_at = schedule.next_step_at(operation.unanswered_times, working.now)
            return session_outcomes.require_action(working, operation, outcome, due_at)
    assert_never(outcome)


def _end_with(
    working: WorkingCopy,
    operation: Operation,
    outcome: NotReached | Declined | Opened | Authorized | Moved | Reversed,
) -> Operation:
    match outcome:
        case NotReached():
            ended = _end(working, operation, OperationStatus.NOT_REACHED)
            return _fail(working, replace(ended, failure_code=FailureCode.PROVIDER_UNAVAILABLE))
        case Declined():
            return _decline(working, operation, outcome)
        case Reversed():
            undone = _end(working, operation, OperationStatus.REVERSED)
            return payment_outcomes.record_reversed(working, undone)
        case Opened() | Authorized() | Moved():
            return _succeed(working, _end(working, operation, OperationStatus.SUCCEEDED), outcome)
    assert_never(outcome)


def can_still_change(operation: Operation, outcome: Outcome) -> bool:
    """Return whether an outcome is news for an operation: final states have no exits."""
    match operation.status:
        case OperationStatus.SUCCEEDED:
            return isinstance(outcome, Reversed) and operation.kind is OperationKind.REFUND
        case OperationStatus.DECLINED | OperationStatus.REVERSED | OperationStatus.NOT_REACHED:
            return False
        case OperationStatus.ACTION_REQUIRED:
            return not isinstance(outcome, NotReached | Reversed)
        case OperationStatus.ASKING | OperationStatus.UNKNOWN | OperationStatus.PROCESSING:
            return not isinstance(outcome, Reversed)
    assert_never(operation.status)


def is_older_news(working: WorkingCopy, operation: Operation, outcome: Outcome) -> bool:
    """Return whether a report is older than what is known: reports arrive in any order, and states have a rank.

    The customer's action comes before the provider's work, and that before the end. Reads and answers are current.
    """
    is_told = working.source is EventSource.WEBHOOK
    has_customer_acted = operation.status is OperationStatus.PROCESSING
    return is_told and has_customer_acted and isinstance(outcome, ActionRequired)


def answers(kind: OperationKind, outcome: Outcome) -> bool:
    """Return whether a kind of operation can have an outcome; a gateway's other answers prove nothing."""
    match outcome:
        case Opened():
            return kind in (OperationKind.OPEN, OperationKind.UPDATE)
        case Authorized() | ActionRequired():
            return kind is OperationKind.AUTHORIZE
        case Moved():
            return kind in (OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.CANCEL)
        case Reversed():
            return kind is OperationKind.REFUND
        case Processing() | Declined() | NotReached() | Unknown() | Absent():
            return True
    assert_never(outcome)


def proves_nothing_happened(working: WorkingCopy, operation: Operation) -> bool:
    """Return whether a failure to reach the provider ends an operation.

    After an earlier request that may have arrived it proves nothing: a connection refused now does not show what
    happened then. An operation that has to happen is requested again until it does.
    """
    is_first_ask = operation.status is OperationStatus.ASKING and operation.asked_times == 1
    return is_first_ask and not has_to_happen(working, operation)


def has_to_happen(working: WorkingCopy, operation: Operation) -> bool:
    """Return whether it was already decided: a session closed, something given back, a collection canceled."""
    is_collection_canceled = working.collection.canceled_at is not None
    return operation.is_closing or (
        is_collection_canceled and operation.kind is OperationKind.CANCEL
    )


def _keep_open(working: WorkingCopy, operation: Operation, schedule: RecoverySchedule) -> Operation:
    """Keep an operation's reservation; recovery asks at its next step, or an operator has to look."""
    status = operation.status
    if operation.is_without_outcome and status is not OperationStatus.PROCESSING:
        status = OperationStatus.UNKNOWN
    # Reports and callers' requests in between use up none of recovery's steps.
    is_first_ask = operation.asked_times == 1 and operation.unanswered_times == 0
    is_step = working.source is EventSource.RECONCILIATION or is_first_ask
    if working.source is EventSource.WEBHOOK and operation.leased_by is not None:
        # The process that is asking now brings the next outcome.
        return working.put_operation(replace(operation, status=status))
    due_at = schedule.next_step_at(operation.unanswered_times, working.now)
    if due_at is not None and not is_step:
        due_at = schedule.next_step_at(operation.unanswered_times - 1, working.now)
    return working.put_operation(
        replace(
            operation,
            status=status,
            leased_by=None,
            due_at=due_at,
            unanswered_times=operation.unanswered_times + is_step,
        )
    )


def _note_absence(
    working: WorkingCopy, operation: Operation, schedule: RecoverySchedule
) -> Operation:
    """Count a read that found nothing; several over some time prove that nothing happened.

    One read proves nothing: a provider's records may trail what it has done.
    """
    since = operation.absent_since or working.now
    times = (operation.absent_times or 0) + 1
    operation = replace(operation, absent_times=times, absent_since=since)
    is_proven = times >= ABSENT_TIMES and working.now >= schedule.end_of(ABSENCE_SECONDS, since)
    if not is_proven:
        return _keep_open(working, operation, schedule)
    if has_to_happen(working, operation):
        return _leave_to_operator(working, operation, None)
    return _decline(working, operation, Declined(NEVER_ARRIVED))


def _leave_to_operator(
    working: WorkingCopy, operation: Operation, decline_code: str | None
) -> Operation:
    """End recovery without an outcome: a provider's refusal does not end an operation that has to happen."""
    log.error("a person has to look", operation_id=operation.id, decline_code=decline_code)
    return working.put_operation(
        replace(
            operation,
            status=OperationStatus.UNKNOWN,
            leased_by=None,
            due_at=None,
            decline_code=decline_code,
        )
    )


def _end(working: WorkingCopy, operation: Operation, status: OperationStatus) -> Operation:
    return replace(
        operation,
        status=status,
        leased_by=None,
        due_at=None,
        action=None,
        failure_code=None,
        decline_code=None,
        updated_at=working.now,
    )


def _decline(working: WorkingCopy, operation: Operation, outcome: Declined) -> Operation:
    if operation.kind is OperationKind.CANCEL and outcome.code is FailureCode.EXPIRED:
        # An expired authorization is given back.
        moved = Moved(given_back(working, operation))
        return _succeed(working, _end(working, operation, OperationStatus.SUCCEEDED), moved)
    if _only_an_operator_may_decline(working, operation):
        return _leave_to_operator(working, operation, outcome.decline_code)
    if operation.kind is OperationKind.OPEN:
        session_outcomes.note_reference(working, operation, outcome.reference)
    ended = _end(working, operation, OperationStatus.DECLINED)
    return _fail(
        working, replace(ended, failure_code=outcome.code, decline_code=outcome.decline_code)
    )


def _only_an_operator_may_decline(working: WorkingCopy, operation: Operation) -> bool:
    """Return whether a refused operation has to happen all the same, by another way than asking again."""
    if working.source is EventSource.PERSON or not has_to_happen(working, operation):
        return False
    # If a payment arrived while its session was being closed, canceling the payment is the other way.
    waits_for_it = (payment.cancellation_id for payment in working.payments.values())
    return operation.payment_id is not None or operation.id not in waits_for_it


def _succeed(
    working: WorkingCopy, operation: Operation, outcome: Opened | Authorized | Moved
) -> Operation:
    match outcome:
        case Authorized():
            return session_outcomes.record_authorized(working, operation, outcome)
        case Opened():
            return session_outcomes.record_opened(working, operation, outcome)
        case Moved():
            return payment_outcomes.record_moved(working, operation, outcome)
    assert_never(outcome)


def _fail(working: WorkingCopy, operation: Operation) -> Operation:
    match operation.kind:
        case OperationKind.AUTHORIZE:
            return session_outcomes.record_attempt_failed(working, operation)
        case OperationKind.OPEN | OperationKind.UPDATE:
            return session_outcomes.record_opening_failed(working, operation)
        case OperationKind.CAPTURE | OperationKind.REFUND | OperationKind.CANCEL:
            return payment_outcomes.record_failed(working, operation)
    assert_never(operation.kind)
