"""The authorization of a session: one attempt at a time, one payment at most."""

from dataclasses import dataclass
from functools import partial
from typing import assert_never

from payments.flow import guards
from payments.flow.asking import (
    Prepared,
    ask_of,
    begin,
    carry_out_or_wait,
    prepared,
    read_and_record,
    read_outcome,
    stored_operation,
)
from payments.flow.idempotency import bind_key, lock_and_read_key, subject
from payments.flow.recording import apply_outcome
from payments.flow.runtime import Flow, timed
from payments.flow.session_outcomes import show_action
from payments.flow.working_copy import WorkingCopy
from payments.model.commands import AuthorizePaymentSession, Call
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, PaymentSession, Snapshot
from payments.model.errors import InProgress, InvalidInput, InvalidState, about
from payments.model.failures import Failure
from payments.model.ids import OperationId, SessionId
from payments.model.outcomes import (
    Authorized,
    CustomerAction,
    Declined,
    JsonObject,
    Opened,
    Processing,
)
from payments.model.statuses import OperationKind, OperationStatus, SessionStatus
from payments.ports.provider import Provider, SavesMethods
from payments.ports.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Paid:
    """The answer that the session made a payment."""

    snapshot: Snapshot
    payment: Payment


@dataclass(frozen=True, slots=True)
class MoreNeeded:
    """The answer that the customer or the provider has to act next."""

    snapshot: Snapshot
    session: PaymentSession
    action: CustomerAction | None
    """None: there is nothing to do except wait for the provider."""
    awaited: Operation | None = None
    """The operation that the provider is processing, if there is nothing to do."""


@dataclass(frozen=True, slots=True)
class NotAuthorized:
    """The answer that the attempt failed, and why."""

    snapshot: Snapshot
    session: PaymentSession
    failure: Failure


AuthorizeAnswer = Paid | MoreNeeded | NotAuthorized


async def authorize(flow: Flow, call: Call, command: AuthorizePaymentSession) -> AuthorizeAnswer:
    """Authorize a session's amount; another call joins the attempt, answers with the payment, or continues."""

    def work(tx: Transaction) -> tuple[Snapshot, Prepared | None]:
        found: Prepared | None
        stored, (working, session) = lock_and_read_key(
            tx, call, command, lambda: guards.locked_session(tx, call, command.id)
        )
        with about(working.snapshot()):
            if stored is not None:
                attempt = working.operation(OperationId(stored.subject_ids[0]))
                found = _again(flow, working, call, session, attempt)
            else:
                found = _attempt(flow, working, call, command, session)
        if stored is None and found is not None:
            bind_key(tx, call, command, found.operation.id)
        return working.finish(), found

    about_it = subject(call, command, command.id)
    snapshot, found = await flow.change_with_result(
        "prepare", call.request_id, work, about=about_it
    )
    if found is None:
        return await _read_opening(flow, call, command, snapshot)
    operation = snapshot.operation(found.operation.id)
    if operation.status is OperationStatus.ACTION_REQUIRED:
        snapshot = await read_and_record(flow, snapshot, operation)
    else:
        snapshot = await carry_out_or_wait(flow, snapshot, found)
    return _answer(snapshot, snapshot.operation(operation.id))


def _attempt(
    flow: Flow,
    working: WorkingCopy,
    call: Call,
    command: AuthorizePaymentSession,
    session: PaymentSession,
) -> Prepared | None:
    """Return the attempt that a call without a bound key joins, or a new one.

    None: the session was opened for the browser to act first, and the call only reads its state.
    """
    if session.is_opening:
        raise InProgress("The session is still being opened.")
    if session.status is SessionStatus.CANCELED:
        raise InvalidState("This session is canceled; open another one.")
    if session.attempt_id is not None and session.status is not SessionStatus.ERROR:
        return Prepared(working.operation(session.attempt_id))
    guards.require_not_canceled(working)
    data = command.data or {}
    provider = guards.usable_provider(flow, working, call, session.provider_id, path=None)
    guards.require_provider_data(provider, call, data, besides=session.data)
    guards.require_authorizable(working, session.amount_minor, besides=session, path=None)
    holder_reference = method_reference = None
    is_browsers = session.status is SessionStatus.REQUIRES_MORE and not data
    if is_browsers and command.payment_method_id is None:
        return None
    guards.require_same_holder(working, session)
    if command.payment_method_id is not None:
        _require_one_method(provider, data)
        holder, method = guards.saved_method(working, session, command.payment_method_id)
        method_reference = method.reference
        if session.account_holder_id is None:
            holder_reference = holder.reference
    guards.require_attempts_left(working, call)
    operation = replace(
        _new_attempt(working, call, session),
        data=data,
        holder_reference=holder_reference,
        method_reference=method_reference,
    )
    return prepared(begin(flow, working, operation))


def authorize_at_once(
    flow: Flow, working: WorkingCopy, call: Call, session: PaymentSession
) -> None:
    """Authorize a session within the transaction, at a provider that decides there."""
    begin(flow, working, _new_attempt(working, call, session))


def _require_one_method(provider: Provider, data: JsonObject) -> None:
    key = provider.method_key if isinstance(provider, SavesMethods) else None
    if key is not None and key in data:
        raise InvalidInput(
            "Give a saved method's id or a payment method, and not both.", path=("data", key)
        )


def _new_attempt(working: WorkingCopy, call: Call, session: PaymentSession) -> Operation:
    operation = working.new_operation(
        OperationKind.AUTHORIZE,
        session,
        amount_minor=session.amount_minor,
        request_id=call.request_id,
    )
    working.put_session(replace(session, attempt_id=operation.id))
    return operation


async def _read_opening(
    flow: Flow, call: Call, command: AuthorizePaymentSession, snapshot: Snapshot
) -> AuthorizeAnswer:
    """Read the state of a session that the browser acts on, and record the result as its attempt."""
    session = snapshot.session(SessionId(command.id))
    assert session.opening_id is not None
    opening = await flow.store.read(partial(stored_operation, id=session.opening_id))
    with timed("look up", call.request_id) as facts:
        facts["collection_id"] = snapshot.collection.id
        # Whatever the outcome of a change meanwhile: the session's object is read.
        ask = replace(ask_of(session, opening), kind=OperationKind.OPEN)
        outcome = await read_outcome(flow, session, ask)
        facts["outcome"] = type(outcome).__name__
    if isinstance(outcome, Opened) and outcome.action not in (None, session.opening_action):
        snapshot = await _shown(flow, call, command, outcome.action)
        session = snapshot.session(session.id)
    if not isinstance(outcome, Authorized | Processing | Declined):
        return MoreNeeded(snapshot, session, session.opening_action)
    found = outcome

    def work(tx: Transaction) -> tuple[Snapshot, OperationId]:
        working, session = guards.locked_session(tx, call, command.id)
        if session.attempt_id is None:
            attempt = working.put_operation(_new_attempt(working, call, session))
            apply_outcome(working, attempt, found, flow.schedule)
            bind_key(tx, call, command, attempt.id)
        else:
            attempt = working.operation(session.attempt_id)
        return working.finish(), attempt.id

    snapshot, attempt_id = await flow.change_with_result("record", call.request_id, work)
    return _answer(snapshot, snapshot.operation(attempt_id))


async def _shown(
    flow: Flow, call: Call, command: AuthorizePaymentSession, action: CustomerAction | None
) -> Snapshot:
    """Keep what the customer is shown now, so that it is there after a reload."""

    def work(tx: Transaction) -> Snapshot:
        working, session = guards.locked_session(tx, call, command.id)
        if action is not None:
            show_action(working, session, action)
        return working.finish()

    return await flow.change("record", call.request_id, work)


def _again(
    flow: Flow, working: WorkingCopy, call: Call, session: PaymentSession, attempt: Operation
) -> Prepared:
    """Continue the attempt that a call's key is bound to; one that was not reached is requested once more."""
    is_newest = session.attempt_id == attempt.id
    if attempt.status is OperationStatus.ACTION_REQUIRED and session.canceled_at is not None:
        raise InvalidState("This session is canceled; open another one.")
    if attempt.status is not OperationStatus.NOT_REACHED:
        return Prepared(attempt)
    if not is_newest and session.attempt_id is not None:
        newest = working.operation(session.attempt_id)
        if newest.status is not OperationStatus.NOT_REACHED:
            return Prepared(newest)
        attempt = newest
    guards.require_not_canceled(working)
    if session.status is SessionStatus.CANCELED:
        raise InvalidState("This session is canceled; open another one.")
    guards.usable_provider(flow, working, call, session.provider_id, path=None)
    guards.require_attempts_left(working, call)
    guards.require_authorizable(working, session.amount_minor, besides=session, path=None)
    return prepared(begin(flow, working, replace(attempt, amount_minor=session.amount_minor)))


def _answer(snapshot: Snapshot, operation: Operation) -> AuthorizeAnswer:
    session = snapshot.session(operation.session_id)
    match operation.status:
        case OperationStatus.SUCCEEDED:
            payment = snapshot.payment_of(session.id)
            assert payment is not None
            if operation.failure is not None:
                return NotAuthorized(snapshot, session, operation.failure)
            return Paid(snapshot, payment)
        case OperationStatus.ACTION_REQUIRED:
            if session.canceled_at is not None:
                raise InvalidState("This session was canceled meanwhile.", snapshot=snapshot)
            return MoreNeeded(snapshot, session, operation.action)
        case OperationStatus.UNKNOWN | OperationStatus.PROCESSING:
            return MoreNeeded(snapshot, session, None, operation)
        case OperationStatus.ASKING:
            raise InProgress("The current attempt has not finished yet.", snapshot=snapshot)
        case OperationStatus.DECLINED | OperationStatus.NOT_REACHED:
            assert operation.failure is not None
            return NotAuthorized(snapshot, session, operation.failure)
        case OperationStatus.REVERSED:
            raise AssertionError("An authorization is never reversed")
    assert_never(operation.status)
