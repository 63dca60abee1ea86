"""The outcomes of opening and changing sessions: waited for, returned to the caller, or left out."""

from functools import partial

from payments.flow.asking import read_again, stored_operation, wait_for_outcome
from payments.flow.follow_ups import CLOSABLE, close_session
from payments.flow.idempotency import bind_key, bound_key
from payments.flow.runtime import Flow
from payments.flow.working_copy import lock
from payments.model.commands import (
    Call,
    CreatePaymentSession,
    CreatePaymentSessions,
    UpdatePaymentSession,
)
from payments.model.entities import Snapshot
from payments.model.errors import (
    AmountTooLarge,
    AmountTooSmall,
    InProgress,
    ProviderDeclined,
    ProviderDisabled,
    ProviderUnavailable,
    Refused,
)
from payments.model.failures import FailureCode
from payments.model.ids import CollectionId, OperationId, SessionId
from payments.model.statuses import FAILED, EventSource, OperationKind, OperationStatus
from payments.ports.transactions import Transaction

Creation = CreatePaymentSession | CreatePaymentSessions

_NAMES_PROVIDER = {
    CreatePaymentSession: ("providerId",),
    CreatePaymentSessions: ("providerIds",),
    UpdatePaymentSession: ("amount",),
}
"""The field at fault where a provider does not offer its payment method for an amount and a currency."""

_NAMES_AMOUNT = {
    CreatePaymentSession: ("amount",),
    CreatePaymentSessions: None,
    UpdatePaymentSession: ("amount",),
}
"""The field at fault where a provider refuses an amount that it alone can judge."""


async def offered(
    flow: Flow,
    command: Creation,
    snapshot: Snapshot,
    ids: tuple[SessionId, ...],
) -> tuple[SessionId, ...]:
    """Return the sessions that were opened; raises the failure of the first that was not.

    If no provider was named, one whose account does not offer it, or that refuses the amount, is left out.
    """
    errors = [await failure_of(flow, command, snapshot.session(id).opening_id) for id in ids]
    opened = tuple(id for id, error in zip(ids, errors, strict=True) if error is None)
    for error in errors:
        if error is not None and not (opened and _can_be_left_out(command, error)):
            raise error
    return opened


def _can_be_left_out(command: Creation, error: Refused) -> bool:
    is_for_each = isinstance(command, CreatePaymentSessions) and command.provider_ids is None
    return is_for_each and isinstance(error, ProviderDisabled | AmountTooSmall | AmountTooLarge)


def keep_to(
    tx: Transaction,
    call: Call,
    command: Creation,
    ids: tuple[SessionId, ...],
    opened: tuple[SessionId, ...],
) -> None:
    """Bind a call's key to the sessions that it opened, if it was bound to others as well."""
    stored = bound_key(tx, call, command)
    if stored is None or stored.subject_ids == ids:
        tx.release_key(ids[0])
        bind_key(tx, call, command, *opened)


async def opened_by_another_call(
    flow: Flow,
    command: Creation,
    snapshot: Snapshot,
    ids: tuple[SessionId, ...],
) -> Snapshot:
    """Wait for openings of an earlier call with the same key; their failure is also this call's."""
    is_waiting = False
    for id in ids:
        session = snapshot.session(id)
        if session.opening_status is not OperationStatus.ASKING or session.opening_id is None:
            continue
        opening = await flow.store.read(partial(stored_operation, id=session.opening_id))
        if opening.kind is not OperationKind.OPEN:
            continue
        opening = await wait_for_outcome(flow, opening)
        if opening.status is OperationStatus.ASKING:
            raise InProgress("The session is still being opened; send the same key again.")
        error = await failure_of(flow, command, opening.id)
        if error is not None and not _can_be_left_out(command, error):
            raise error
        is_waiting = True
    return await read_again(flow, snapshot.collection.id) if is_waiting else snapshot


async def failure_of(
    flow: Flow,
    command: Creation | UpdatePaymentSession,
    id: OperationId | None,
) -> Refused | None:
    """Return why an opening or a change failed; None if it did not, or nothing was requested."""
    if id is None:
        return None
    operation = await flow.store.read(partial(stored_operation, id=id))
    failure = operation.failure
    is_change_of_it = isinstance(command, UpdatePaymentSession)
    is_asked_here = is_change_of_it or operation.kind is OperationKind.OPEN
    if operation.status not in FAILED or failure is None or not is_asked_here:
        return None
    if failure.code is FailureCode.PROVIDER_DISABLED:
        return ProviderDisabled(failure.message, path=_NAMES_PROVIDER[type(command)])
    if failure.code is FailureCode.AMOUNT_TOO_SMALL:
        least = "The provider takes no amount as small as this."
        return AmountTooSmall(least, path=_NAMES_AMOUNT[type(command)])
    if failure.code is FailureCode.AMOUNT_TOO_LARGE:
        most = "The provider takes no amount as large as this."
        return AmountTooLarge(most, path=_NAMES_AMOUNT[type(command)])
    declined = operation.status is OperationStatus.DECLINED
    kind = ProviderDeclined if declined else ProviderUnavailable
    return kind(failure.message, path=failure.path, decline_code=failure.decline_code)


async def close_all(
    flow: Flow, call: Call, collection_id: CollectionId, ids: tuple[SessionId, ...]
) -> None:
    """Cancel the sessions that were to be opened together, except those whose outcome is unknown."""

    def work(tx: Transaction) -> Snapshot:
        working = lock(tx, collection_id, EventSource.API)
        assert working is not None
        for id in ids:
            session = working.sessions[id]
            if session.status in CLOSABLE:
                close_session(working, session, request_id=call.request_id)
        tx.release_key(ids[0])
        return working.finish()

    await flow.change("close", call.request_id, work)
