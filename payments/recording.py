"""The one function that records an outcome, whoever brings it: the mutation, a report or recovery."""

import random
from dataclasses import dataclass, replace
from typing import assert_never

import structlog

from payments import recording_movements, recording_sessions
from payments.change import Change, lock
from payments.failures import FailureCode
from payments.ids import OperationId
from payments.instants import Instant, after
from payments.limits import RECOVERY_JITTER, RECOVERY_STEPS_SECONDS
from payments.outcomes import (
    ActionRequired,
    Authorized,
    Declined,
    Moved,
    NotReached,
    Opened,
    Outcome,
    Processing,
    Unknown,
)
from payments.ports import Transaction
from payments.records import Operation, Snapshot
from payments.statuses import EventSource, OperationKind, OperationStatus

log = structlog.get_logger("flow")


@dataclass(frozen=True, slots=True)
class Record:
    """Is an outcome that somebody brought, on its way into the database."""

    operation_id: OperationId
    outcome: Outcome
    source: EventSource
    first_step_seconds: float
    """When recovery asks first about an outcome that stays open."""


def record(tx: Transaction, news: Record) -> Snapshot | None:
    """Record an outcome: amounts, statuses and events; None where there is no such operation.

    What is final stays as it is, so that whoever comes second finds the wanted state and answers with it.
    """
    operation = tx.operation(news.operation_id)
    if operation is None:
        return None
    change = lock(tx, operation.collection_id, news.source)
    assert change is not None
    settle(change, change.operation(news.operation_id), news.outcome, news.first_step_seconds)
    return change.finish()


def settle(
    change: Change, operation: Operation, outcome: Outcome, first_step_seconds: float
) -> Operation:
    """Bring one outcome into a collection's working copy."""
    if not may_still_change(operation, outcome):
        return operation
    if not answers(operation.kind, outcome):
        outcome = Unknown()
    if isinstance(outcome, NotReached) and not proves_nothing_happened(change, operation):
        outcome = Unknown()
    match outcome:
        case Unknown():
            was_taken = operation.status is OperationStatus.PROCESSING
            status = OperationStatus.PROCESSING if was_taken else OperationStatus.UNKNOWN
            return _keep_open(change, operation, status, first_step_seconds)
        case Processing():
            recording_sessions.note_reference(change, operation, outcome.reference)
            status = OperationStatus.PROCESSING
            kept = _keep_open(change, operation, status, first_step_seconds)
            recording_sessions.note_processing(change, operation, kept)
            return kept
        case NotReached():
            ended = _end(change, operation, OperationStatus.NOT_REACHED)
            return _fail(change, replace(ended, failure_code=FailureCode.PROVIDER_UNAVAILABLE))
        case Declined():
            return _decline(change, operation, outcome)
        case ActionRequired():
            return recording_sessions.require_action(change, operation, outcome)
        case Opened() | Authorized() | Moved():
            return _succeed(change, _end(change, operation, OperationStatus.SUCCEEDED), outcome)
    assert_never(outcome)


def may_still_change(operation: Operation, outcome: Outcome) -> bool:
    """Tell whether an outcome is news for an operation: final states have no exits."""
    match operation.status:
        case OperationStatus.SUCCEEDED | OperationStatus.DECLINED | OperationStatus.REVERSED:
            return False
        case OperationStatus.NOT_REACHED:
            return False
        case OperationStatus.ACTION_REQUIRED:
            return not isinstance(outcome, Unknown | NotReached)
        case OperationStatus.ASKING | OperationStatus.UNKNOWN | OperationStatus.PROCESSING:
            return True
    assert_never(operation.status)


def answers(kind: OperationKind, outcome: Outcome) -> bool:
    """Tell whether an outcome is one of those that a kind can have; a gateway's other words prove nothing."""
    match outcome:
        case Opened():
            return kind in (OperationKind.OPEN, OperationKind.UPDATE)
        case Authorized() | ActionRequired():
            return kind is OperationKind.AUTHORIZE
        case Moved():
            return kind in (OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.CANCEL)
        case Processing() | Declined() | NotReached() | Unknown():
            return True
    assert_never(outcome)


def proves_nothing_happened(change: Change, operation: Operation) -> bool:
    """Tell whether not reaching the provider ends an operation.

    Behind an earlier ask that may have got through it proves nothing: a connection that is refused now says nothing of
    what was sent then. What was decided already and has to happen is asked again until it does.
    """
    is_first_ask = operation.status is OperationStatus.ASKING and operation.asked_times == 1
    return is_first_ask and not has_to_happen(change, operation)


def has_to_happen(change: Change, operation: Operation) -> bool:
    """Tell whether it was decided already: a session closed, a surplus given back, a collection canceled."""
    is_collection_canceled = change.collection.canceled_at is not None
    return operation.is_closing or (
        is_collection_canceled and operation.kind is OperationKind.CANCEL
    )


def next_step_at(operation: Operation, now: Instant, first_step_seconds: float) -> Instant | None:
    """Give when recovery asks next; None after its last step, when a person has to look."""
    steps = (first_step_seconds, *RECOVERY_STEPS_SECONDS)
    if operation.unanswered_times >= len(steps):
        return None
    jitter = 1 + random.uniform(0, RECOVERY_JITTER)  # noqa: S311 - spreads load, guards nothing
    return after(now, steps[operation.unanswered_times] * jitter)


def _keep_open(
    change: Change, operation: Operation, status: OperationStatus, first_step_seconds: float
) -> Operation:
    due_at = next_step_at(operation, change.now, first_step_seconds)
    # A report that it is still under way came by itself: it uses up none of recovery's steps.
    is_answer = change.source is not EventSource.WEBHOOK
    return change.put_operation(
        replace(
            operation,
            status=status,
            holder=None,
            due_at=due_at,
            unanswered_times=operation.unanswered_times + is_answer,
        )
    )


def _end(change: Change, operation: Operation, status: OperationStatus) -> Operation:
    return replace(
        operation,
        status=status,
        holder=None,
        due_at=None,
        action=None,
        failure_code=None,
        decline_code=None,
        updated_at=change.now,
    )


def _decline(change: Change, operation: Operation, outcome: Declined) -> Operation:
    if has_to_happen(change, operation):
        # Asking again with this key would only hear the same: a person has to look.
        log.error("declined what has to happen", operation_id=operation.id)
    ended = _end(change, operation, OperationStatus.DECLINED)
    return _fail(
        change, replace(ended, failure_code=outcome.code, decline_code=outcome.decline_code)
    )


def _succeed(
    change: Change, operation: Operation, outcome: Opened | Authorized | Moved
) -> Operation:
    match outcome:
        case Authorized():
            return recording_sessions.record_authorized(change, operation, outcome)
        case Opened():
            return recording_sessions.record_opened(change, operation, outcome)
        case Moved():
            return recording_movements.record_moved(change, operation, outcome)
    assert_never(outcome)


def _fail(change: Change, operation: Operation) -> Operation:
    match operation.kind:
        case OperationKind.AUTHORIZE:
            return recording_sessions.record_attempt_failed(change, operation)
        case OperationKind.OPEN | OperationKind.UPDATE:
            return recording_sessions.record_opening_failed(change, operation)
        case OperationKind.CAPTURE | OperationKind.REFUND | OperationKind.CANCEL:
            return recording_movements.record_failed(change, operation)
    assert_never(operation.kind)
