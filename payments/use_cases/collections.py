"""Payment collections: opened, changed, marked as paid and canceled; and the providers that they may use."""

from payments.flow.asking import carry_out_all
from payments.flow.follow_ups import CLOSABLE, close_session, close_what_no_longer_fits
from payments.flow.guards import amount_of, locked_collection, require_not_canceled, usable_provider
from payments.flow.idempotency import bind_key, bound_key, lock_and_read_key, subject
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy, lock
from payments.model.commands import (
    UNCHANGED,
    Call,
    CapturePayment,
    CreatePaymentCollection,
    MarkPaymentCollectionAsPaid,
    UpdatePaymentCollection,
)
from payments.model.copies import replace
from payments.model.entities import PaymentCollection, Snapshot
from payments.model.errors import AmountTooSmall, InProgress, InvalidState, NotFound
from payments.model.ids import COLLECTION, CollectionId, ProviderId, new_id
from payments.model.instants import after
from payments.model.statuses import CancellationReason, EventSource, EventType
from payments.ports.provider import manual_provider
from payments.ports.store import Subject
from payments.ports.transactions import Transaction
from payments.use_cases import authorizations, captures_and_refunds, sessions
from payments.use_cases.account_holders import each_held
from payments.use_cases.cancellations import begin_cancellation


async def create(flow: Flow, call: Call, command: CreatePaymentCollection) -> Snapshot:
    """Open a collection; the same idempotency key again returns the existing one."""

    def work(tx: Transaction) -> Snapshot:
        # Read before the key: if the same request has just taken the reference elsewhere, it has bound the key as well.
        taken = _taken(flow, tx, command.reference)
        stored = bound_key(tx, call, command)
        if stored is not None:
            working = lock(tx, CollectionId(stored.subject_ids[0]), EventSource.API)
            assert working is not None
            return working.snapshot()
        amount_minor = amount_of(command.amount, command.currency)
        collection = PaymentCollection(
            id=CollectionId(new_id(COLLECTION)),
            currency=command.currency,
            amount_minor=amount_minor,
            reference=command.reference,
            claims_reference=_claims(flow, command.reference, taken),
            region_id=command.region_id,
            account_holder_ids=each_held(tx, command.account_holder_ids),
            allows_split_payment=command.allows_split_payment,
            metadata=command.metadata or {},
            secret_ends_at=after(tx.now, flow.settings.client_secret_hours * 3_600),
            created_at=tx.now,
            updated_at=tx.now,
        )
        working = WorkingCopy(tx, EventSource.API, collection, is_new=True)
        working.emit(EventType.COLLECTION_CREATED, amount_minor=amount_minor)
        bind_key(tx, call, command, collection.id)
        return working.finish()

    return await flow.change("prepare", call.request_id, work, about=subject(call, command, None))


async def update(flow: Flow, call: Call, command: UpdatePaymentCollection) -> Snapshot:
    """Change a collection; its amount may not go below what is authorized and in flight."""

    def work(tx: Transaction) -> Snapshot:
        working = locked_collection(tx, call, command.id)
        require_not_canceled(working)
        values: dict[str, object] = {}
        if command.amount is not UNCHANGED:
            amount_minor = amount_of(command.amount, working.collection.currency)
            _require_at_least_bound(working, amount_minor)
            values["amount_minor"] = amount_minor
        for name in ("reference", "region_id", "metadata", "allows_split_payment"):
            value = getattr(command, name)
            if value is not UNCHANGED:
                values[name] = value
        if command.reference not in (UNCHANGED, working.collection.reference):
            taken = _taken(flow, tx, command.reference)
            values["claims_reference"] = _claims(flow, command.reference, taken)
        if command.account_holder_ids is not UNCHANGED:
            values["account_holder_ids"] = each_held(tx, command.account_holder_ids)
        changed = replace(working.collection, **values)  # type: ignore[arg-type]  # built from the command's own types
        if changed == working.collection:
            return working.snapshot()
        working.put_collection(changed)
        working.emit(EventType.COLLECTION_UPDATED, amount_minor=working.collection.amount_minor)
        if "amount_minor" in values:
            close_what_no_longer_fits(working, request_id=call.request_id)
        return working.finish()

    return await flow.change("prepare", call.request_id, work, about=Subject(command.id))


def _taken(flow: Flow, tx: Transaction, reference: str | None) -> CollectionId | None:
    """Return the collection that already has a reference, where only one may have it."""
    if reference is None or not flow.settings.has_unique_references:
        return None
    return tx.collection_named(reference)


def _claims(flow: Flow, reference: str | None, taken: CollectionId | None) -> bool:
    """Return whether a collection claims its reference; raises InvalidState where another one has it."""
    if taken is not None:
        raise InvalidState(f"{taken} has this reference and is not canceled.", path=("reference",))
    return reference is not None and flow.settings.has_unique_references


def _require_at_least_bound(working: WorkingCopy, amount_minor: int) -> None:
    in_flight = sum(s.amount_minor for s in working.sessions.values() if s.is_in_flight)
    bound = working.collection.authorized_minor + in_flight
    if amount_minor < bound:
        minimum = working.collection.money(bound)
        raise AmountTooSmall(
            f"{minimum} {minimum.currency} is authorized or in flight already.",
            path=("amount",),
            minimum=minimum,
        )


async def rotate_client_secret(flow: Flow, call: Call, id: str) -> Snapshot:
    """Replace a collection's client secret, wherever it is in use."""

    def work(tx: Transaction) -> Snapshot:
        working = locked_collection(tx, call, id, path=("paymentCollectionId",))
        working.put_collection(
            replace(
                working.collection,
                secret_version=working.collection.secret_version + 1,
                secret_ends_at=after(tx.now, flow.settings.client_secret_hours * 3_600),
            )
        )
        working.emit(EventType.COLLECTION_UPDATED, amount_minor=working.collection.amount_minor)
        return working.finish()

    return await flow.change("prepare", call.request_id, work, about=Subject(id))


async def cancel(flow: Flow, call: Call, id: str) -> Snapshot:
    """Cancel a collection with its open sessions and payments; final at once, finished at gateways by recovery."""

    def work(tx: Transaction) -> Snapshot:
        working = locked_collection(tx, call, id)
        if working.collection.canceled_at is not None:
            return working.snapshot()
        _require_cancelable(working)
        working.put_collection(
            replace(working.collection, canceled_at=tx.now, claims_reference=False)
        )
        working.emit(EventType.COLLECTION_CANCELED)
        for session in list(working.sessions.values()):
            if session.status in CLOSABLE:
                close_session(working, session, request_id=call.request_id)
        for payment in list(working.payments.values()):
            if payment.is_surplus or payment.remainder_minor == 0:
                continue
            # Decided at once: whatever the gateway answers, nothing can be captured any more.
            reason = CancellationReason.REQUESTED
            decided = working.put_payment(replace(payment, cancellation_reason=reason))
            # A mismatched one is left to an operator, who sees its mark.
            if payment.cancellation_id is None and not payment.is_mismatched:
                begin_cancellation(flow, working, call, decided)
        return working.finish()

    return await carry_out_all(
        flow, await flow.change("prepare", call.request_id, work, about=Subject(id))
    )


def _require_cancelable(working: WorkingCopy) -> None:
    if working.collection.captured_minor > 0:
        raise InvalidState("Something is captured already; refund it instead.")
    if any(payment.capture_pending_minor > 0 for payment in working.payments.values()):
        raise InProgress("A capture is pending; its outcome decides whether this can be canceled.")


async def mark_as_paid(flow: Flow, call: Call, command: MarkPaymentCollectionAsPaid) -> Snapshot:
    """Add a payment of all that is outstanding, authorized and captured, in one transaction."""

    def work(tx: Transaction) -> Snapshot:
        stored, working = lock_and_read_key(
            tx, call, command, lambda: locked_collection(tx, call, command.id)
        )
        if stored is not None:
            return working.snapshot()
        _require_markable(working)
        provider = usable_provider(flow, working, call, manual_provider(flow.providers), path=None)
        session = sessions.new_session(working, provider, working.collection.outstanding_minor)
        id = sessions.add(flow, working, call, session)
        authorizations.authorize_at_once(flow, working, call, working.sessions[id])
        payment = working.payment_of(working.sessions[id])
        assert payment is not None, "a manual provider decides at once"
        capture = CapturePayment(
            payment_id=payment.id,
            created_by=command.created_by,
            idempotency_key=command.idempotency_key,
        )
        captures_and_refunds.capture_at_once(flow, working, call, capture, payment)
        bind_key(tx, call, command, working.collection.id)
        return working.finish()

    return await flow.change(
        "prepare", call.request_id, work, about=subject(call, command, command.id)
    )


def _require_markable(working: WorkingCopy) -> None:
    sessions.require_openable(working)
    if any(session.is_in_flight for session in working.sessions.values()):
        raise InvalidState(
            "An authorization is in flight; its outcome decides what is left to pay."
        )


async def set_provider_enabled(flow: Flow, id: ProviderId, *, is_enabled: bool) -> None:
    """Enable or disable a provider; raises NotFound."""
    if id not in flow.providers:
        raise NotFound("No provider has this id.", path=("id",))
    await flow.store.transact(lambda tx: tx.set_provider_enabled(id, is_enabled))
