"""Opening, changing and closing payment sessions."""

from collections.abc import Callable
from dataclasses import dataclass

from payments.flow import guards
from payments.flow.asking import ask_of, begin, carry_out_all
from payments.flow.follow_ups import CLOSABLE, close_session
from payments.flow.idempotency import bind_key, lock_and_read_key, subject
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy
from payments.model.commands import (
    UNCHANGED,
    Call,
    CreatePaymentSession,
    CreatePaymentSessions,
    UpdatePaymentSession,
)
from payments.model.copies import replace
from payments.model.entities import Operation, PaymentSession, Snapshot
from payments.model.errors import CurrencyMismatch, InProgress, InvalidInput, InvalidState, Refused
from payments.model.ids import SESSION, OperationId, SessionId, new_id
from payments.model.limits import SESSIONS_A_COLLECTION
from payments.model.outcomes import Opened
from payments.model.session_changes import SessionChange
from payments.model.statuses import EventType, OperationKind, SessionStatus
from payments.ports.provider import Provider
from payments.ports.store import Subject
from payments.ports.transactions import Transaction
from payments.use_cases.openings import (
    Creation,
    close_all,
    failure_of,
    keep_to,
    offered,
    opened_by_another_call,
)


async def create(
    flow: Flow, call: Call, command: CreatePaymentSession
) -> tuple[Snapshot, SessionId]:
    """Open one session; raises ProviderDeclined or ProviderUnavailable where its gateway did not."""
    snapshot, ids = await _open(
        flow, call, command, lambda working: [_one_session(flow, working, call, command)]
    )
    return snapshot, ids[0]


async def create_each(
    flow: Flow, call: Call, command: CreatePaymentSessions
) -> tuple[Snapshot, tuple[SessionId, ...]]:
    """Open a session with each provider, all or none."""
    return await _open(
        flow, call, command, lambda working: _each_session(flow, working, call, command)
    )


@dataclass(frozen=True, slots=True)
class _Sessions:
    """The sessions of a call, in the order in which they were requested."""

    ids: tuple[SessionId, ...]
    is_replay: bool = False
    """Whether an earlier call with the same key opened them."""


async def _open(
    flow: Flow,
    call: Call,
    command: Creation,
    build: Callable[[WorkingCopy], list[SessionId]],
) -> tuple[Snapshot, tuple[SessionId, ...]]:
    def work(tx: Transaction) -> tuple[Snapshot, _Sessions]:
        id = command.collection_id
        path = ("paymentCollectionId",)
        stored, working = lock_and_read_key(
            tx, call, command, lambda: guards.locked_collection(tx, call, id, path=path)
        )
        if stored is not None:
            ids = tuple(SessionId(id) for id in stored.subject_ids)
            return working.snapshot(), _Sessions(ids, is_replay=True)
        require_openable(working)
        guards.require_attempts_left(working, call)
        if not call.caller.is_browser:
            working.put_collection(replace(working.collection, failed_attempts=0))
        ids = tuple(build(working))
        bind_key(tx, call, command, *ids)
        return working.finish(), _Sessions(ids)

    about_it = subject(call, command, command.collection_id)
    snapshot, sessions = await flow.change_with_result(
        "prepare", call.request_id, work, about=about_it
    )
    ids = sessions.ids
    if sessions.is_replay:
        snapshot = await opened_by_another_call(flow, command, snapshot, ids)
        return snapshot, await offered(flow, command, snapshot, ids)
    snapshot = await carry_out_all(flow, snapshot)
    try:
        opened = await offered(flow, command, snapshot, ids)
    except Refused:
        await close_all(flow, call, snapshot.collection.id, ids)
        raise
    if opened != ids:
        await flow.store.transact(lambda tx: keep_to(tx, call, command, ids, opened))
    return snapshot, opened


def require_openable(working: WorkingCopy) -> None:
    """Raise InvalidState where there is nothing to pay for, or where there are too many sessions."""
    guards.require_not_canceled(working)
    if working.collection.outstanding_minor == 0:
        raise InvalidState("Nothing is outstanding on this payment collection.")
    if len(working.sessions) >= SESSIONS_A_COLLECTION:
        raise InvalidState(f"A payment collection has at most {SESSIONS_A_COLLECTION} sessions.")


def _one_session(
    flow: Flow, working: WorkingCopy, call: Call, command: CreatePaymentSession
) -> SessionId:
    if command.currency not in (None, working.collection.currency):
        raise CurrencyMismatch(
            f"This payment collection is in {working.collection.currency}.", path=("currencyCode",)
        )
    provider = guards.usable_provider(
        flow, working, call, command.provider_id, path=("providerId",)
    )
    data = command.data or {}
    guards.require_provider_data(provider, call, data)
    guards.require_return_url(flow, command.return_url)
    holder = None
    if command.account_holder_id is not None:
        holder = guards.session_holder(working, provider, command.account_holder_id)
    outstanding = working.collection.outstanding_minor
    amount_minor = outstanding
    if command.amount is not None:
        amount_minor = guards.amount_of(command.amount, working.collection.currency)
    guards.require_authorizable(working, amount_minor)
    _require_split_allowed(working, call, amount_minor)
    guards.require_provider_amount(provider, amount_minor, working.collection.currency)
    session = new_session(working, provider, amount_minor)
    session = replace(
        session,
        data=data,
        metadata=command.metadata or {},
        return_url=command.return_url,
        account_holder_id=None if holder is None else holder.id,
        holder_reference=None if holder is None else holder.reference,
    )
    return add(flow, working, call, session)


def _each_session(
    flow: Flow, working: WorkingCopy, call: Call, command: CreatePaymentSessions
) -> list[SessionId]:
    guards.require_return_url(flow, command.return_url)
    if command.provider_ids is None:
        providers = guards.usable_providers(flow, working, call)
    else:
        named = dict.fromkeys(command.provider_ids)
        providers = [
            guards.usable_provider(flow, working, call, id, path=("providerIds",)) for id in named
        ]
    if not providers:
        raise InvalidInput("Name at least one provider.", path=("providerIds",))
    if len(working.sessions) + len(providers) > SESSIONS_A_COLLECTION:
        raise InvalidState(f"A payment collection has at most {SESSIONS_A_COLLECTION} sessions.")
    outstanding = working.collection.outstanding_minor
    guards.require_authorizable(working, outstanding, path=None)
    taking = [one for one in providers if _takes(one, outstanding, working.collection.currency)]
    if len(taking) < len(providers) and (command.provider_ids is not None or not taking):
        for provider in providers:
            guards.require_provider_amount(
                provider, outstanding, working.collection.currency, path=None
            )
    ids = []
    for provider in taking:
        session = new_session(working, provider, outstanding)
        ids.append(add(flow, working, call, replace(session, return_url=command.return_url)))
    return ids


def _takes(provider: Provider, amount_minor: int, currency: str) -> bool:
    """Return whether a provider accepts an amount; if none was named, one that does not is left out."""
    try:
        guards.require_provider_amount(provider, amount_minor, currency, path=None)
    except Refused:
        return False
    return True


def _require_split_allowed(working: WorkingCopy, call: Call, amount_minor: int) -> None:
    collection = working.collection
    is_part = amount_minor != collection.outstanding_minor
    if call.caller.is_browser and is_part and not collection.allows_split_payment:
        outstanding = collection.money(collection.outstanding_minor)
        raise InvalidInput(
            f"This payment collection is paid in one: leave the amount out or give {outstanding}.",
            path=("amount",),
        )


def new_session(working: WorkingCopy, provider: Provider, amount_minor: int) -> PaymentSession:
    """Return a session that is not part of the collection yet."""
    return PaymentSession(
        id=SessionId(new_id(SESSION)),
        collection_id=working.collection.id,
        provider_id=provider.id,
        currency=working.collection.currency,
        amount_minor=amount_minor,
        created_at=working.now,
        updated_at=working.now,
    )


def add(flow: Flow, working: WorkingCopy, call: Call, session: PaymentSession) -> SessionId:
    """Add a session: open at once if its provider has nothing to open, otherwise to be opened."""
    opening = _operation_on(working, session, OperationKind.OPEN, call)
    outcome = flow.providers[session.provider_id].decide(ask_of(session, opening))
    if isinstance(outcome, Opened):
        session = working.put_session(
            replace(
                session,
                client_data=outcome.client_data,
                reference=outcome.reference,
                opening_action=outcome.action,
            )
        )
        working.emit(EventType.SESSION_CREATED, session=session, amount_minor=session.amount_minor)
        return session.id
    working.put_session(replace(session, opening_id=opening.id))
    # Shown as being opened before any outcome, even an immediate refusal.
    working.put_operation(opening)
    working.emit(EventType.SESSION_CREATED, session=session, amount_minor=session.amount_minor)
    begin(flow, working, opening)
    return session.id


def _operation_on(
    working: WorkingCopy, session: PaymentSession, kind: OperationKind, call: Call
) -> Operation:
    return working.new_operation(
        kind, session, amount_minor=session.amount_minor, request_id=call.request_id
    )


async def update(
    flow: Flow, call: Call, command: UpdatePaymentSession
) -> tuple[Snapshot, SessionId]:
    """Change an open session; if its provider has to agree, the old values stay until it has."""

    def work(tx: Transaction) -> tuple[Snapshot, OperationId | None]:
        working, session = guards.locked_session(tx, call, command.id)
        _require_changeable(working, session)
        change = _change_of(flow, working, call, command, session)
        if change.is_empty:
            return working.snapshot(), None
        changed = change.applied_to(session)
        operation = _operation_on(working, changed, OperationKind.UPDATE, call)
        operation = replace(operation, data=change.as_json())
        outcome = flow.providers[session.provider_id].decide(ask_of(changed, operation))
        if isinstance(outcome, Opened):
            session = working.put_session(changed)
            working.emit(
                EventType.SESSION_UPDATED, session=session, amount_minor=session.amount_minor
            )
            return working.finish(), None
        working.put_session(replace(session, opening_id=operation.id))
        working.put_operation(operation)
        working.emit(EventType.SESSION_UPDATED, session=session)
        begin(flow, working, operation)
        return working.finish(), operation.id

    snapshot, asked = await flow.change_with_result(
        "prepare", call.request_id, work, about=Subject(command.id)
    )
    snapshot = await carry_out_all(flow, snapshot)
    session = snapshot.session(SessionId(command.id))
    error = await failure_of(flow, command, asked)
    if error is not None:
        raise error
    if session.is_opening:
        raise InProgress("The provider's answer is not known yet; the old values stay meanwhile.")
    return snapshot, session.id


def _require_changeable(working: WorkingCopy, session: PaymentSession) -> None:
    guards.require_not_canceled(working)
    if session.is_opening or session.is_in_flight:
        raise InProgress("The provider's answer about this session is not known yet.")
    is_open = session.status in (SessionStatus.PENDING, SessionStatus.ERROR)
    is_untouched = session.status is SessionStatus.REQUIRES_MORE and session.attempt_id is None
    if not is_open and not is_untouched:
        raise InvalidState(f"A session that is {session.status.value} can't be changed.")


def _change_of(
    flow: Flow,
    working: WorkingCopy,
    call: Call,
    command: UpdatePaymentSession,
    session: PaymentSession,
) -> SessionChange:
    change = SessionChange()
    if command.amount is not UNCHANGED:
        amount_minor = guards.amount_of(command.amount, session.currency)
        guards.require_authorizable(working, amount_minor)
        _require_split_allowed(working, call, amount_minor)
        provider = flow.providers[session.provider_id]
        guards.require_provider_amount(provider, amount_minor, session.currency)
        change = replace(change, amount_minor=amount_minor)
    if command.data is not UNCHANGED:
        provider = flow.providers[session.provider_id]
        kept = guards.data_out_of_reach(provider, call, session.data)
        guards.require_provider_data(provider, call, command.data, besides=kept)
        change = replace(change, data={**kept, **command.data})
    if command.metadata is not UNCHANGED:
        change = replace(change, metadata=command.metadata)
    if command.return_url is not UNCHANGED:
        guards.require_return_url(flow, command.return_url)
        change = replace(change, return_url=command.return_url)
    return change


async def cancel(flow: Flow, call: Call, id: str) -> tuple[Snapshot, SessionId]:
    """Close a session that is not authorized: decided at once, finished at its provider by recovery."""

    def work(tx: Transaction) -> Snapshot:
        working, session = guards.locked_session(tx, call, id)
        if session.status is SessionStatus.CANCELED:
            return working.snapshot()
        if session.is_opening or session.is_in_flight:
            raise InProgress("The provider's answer about this session is not known yet.")
        if session.status not in CLOSABLE:
            raise InvalidState("This session is authorized; cancel its payment instead.")
        close_session(working, session, request_id=call.request_id)
        return working.finish()

    snapshot = await flow.change("prepare", call.request_id, work, about=Subject(id))
    return snapshot, SessionId(id)
