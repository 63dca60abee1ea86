"""Keeping payment methods at a provider for an account holder, and forgetting them."""

from dataclasses import dataclass, replace

from payments.commands import Call, SavePaymentMethod
from payments.errors import InvalidInput, NotFound, Refused
from payments.flow import Flow, timed
from payments.holders import held, known_as, known_provider, refusal_of, saving_provider
from payments.ids import PAYMENT_METHOD, SETUP, MethodId, SetupId, is_id, new_id
from payments.keys import behind_lock, bind_key
from payments.outcomes import ActionRequired, CustomerAction, Declined, PaidWith, Processing
from payments.ports import DataFault
from payments.private import check_data
from payments.saved import (
    AccountHolder,
    Changed,
    MethodSaved,
    MethodSetup,
    PaymentMethod,
    SavingAsk,
    SavingFound,
    SavingOutcome,
)
from payments.store_ports import Transaction
from payments.trying import looked, tried

HOLDER_PATH = ("accountHolderId",)


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer that a payment method is kept."""

    method: PaymentMethod


@dataclass(frozen=True, slots=True)
class SaveMoreNeeded:
    """The answer that the customer is next."""

    setup_id: SetupId
    action: CustomerAction


SaveAnswer = Saved | SaveMoreNeeded


async def save(flow: Flow, call: Call, command: SavePaymentMethod) -> SaveAnswer:
    """Save a payment method, or go on with a saving after the customer's action."""
    before: SaveAnswer | None = None

    def work(tx: Transaction) -> tuple[AccountHolder, MethodSetup]:
        nonlocal before
        before = None
        stored, holder = behind_lock(
            tx,
            call,
            command,
            lambda: held(tx, command.account_holder_id, path=HOLDER_PATH, may_lock=True),
        )
        if stored is not None:
            setup = _there(tx.setup(SetupId(stored.subject_ids[0])), holder)
        else:
            provider = saving_provider(flow, tx, holder.provider_id, path=HOLDER_PATH)
            _may_be_sent(command)
            if command.setup_id is not None:
                setup = _goes_on(tx, holder, command.setup_id)
            else:
                data = command.data or {}
                try:
                    provider.check_saving(data)
                except DataFault as fault:
                    raise InvalidInput(str(fault), path=("data", fault.key)) from None
                check_data(data, ("data",))
                setup = MethodSetup(
                    id=SetupId(new_id(SETUP)),
                    holder_id=holder.id,
                    data=data,
                    created_at=tx.now,
                    updated_at=tx.now,
                )
                tx.insert_setup(setup)
            bind_key(tx, call, command, setup.id)
        before = _known(tx, setup)
        return holder, setup

    holder, setup = await flow.store.transact(work)
    if before is not None:
        return before
    outcome = await _learn(flow, call, holder, setup)
    answer = await flow.store.transact(lambda tx: _record(tx, setup, outcome))
    if isinstance(answer, Refused):
        raise answer
    return answer


def _may_be_sent(command: SavePaymentMethod) -> None:
    if command.setup_id is not None and command.data:
        raise InvalidInput(
            "What is being saved is known from setupId: leave the data out.", path=("data",)
        )


def _goes_on(tx: Transaction, holder: AccountHolder, id: str) -> MethodSetup:
    setup = tx.setup(SetupId(id)) if is_id(id, SETUP) else None
    if setup is None or setup.holder_id != holder.id:
        raise NotFound("This account holder has no saving with this id.", path=("setupId",))
    return setup


def _there(setup: MethodSetup | None, holder: AccountHolder) -> MethodSetup:
    assert setup is not None, "it goes with its holder"
    assert setup.holder_id == holder.id, "the key's input names the holder"
    return setup


def _known(tx: Transaction, setup: MethodSetup) -> SaveAnswer | None:
    """Return the outcome of a saving that has one; raises where it failed or what was saved is deleted again."""
    if setup.failure_code is not None:
        failed = Declined(setup.decline_code, setup.failure_code)
        raise refusal_of(failed, holder_path=HOLDER_PATH)
    if setup.method_id is None:
        return None
    method = tx.method(setup.method_id)
    if method is None:
        raise NotFound("This payment method was deleted.")
    return Saved(method)


async def _learn(
    flow: Flow, call: Call, holder: AccountHolder, setup: MethodSetup
) -> SavingOutcome:
    provider = known_provider(flow, holder.provider_id)
    ask = SavingAsk(setup.id, known_as(holder), setup.data, setup.reference)
    with timed("save method", call.request_id) as facts:
        if setup.reference is None:
            outcome = await tried(flow.rig, holder.provider_id, lambda: provider.save_method(ask))
        else:
            outcome = await looked(flow.rig, holder.provider_id, provider.look_up_saving(ask))
        facts["outcome"] = type(outcome).__name__
    return outcome


def _record(tx: Transaction, before: MethodSetup, outcome: SavingOutcome) -> SaveAnswer | Refused:
    """Write what became of a saving; a refusal is the answer behind it and not a reason to undo that."""
    holder = tx.lock_holder(before.holder_id)
    setup = tx.setup(before.id)
    if holder is None or setup is None:
        raise NotFound("This account holder was deleted meanwhile.", path=HOLDER_PATH)
    known = _known(tx, setup)
    if known is not None:
        return known
    setup = replace(setup, updated_at=tx.now)
    match outcome:
        case MethodSaved():
            method = keep(tx, holder, outcome.reference, outcome.details)
            tx.update_setup(replace(setup, method_id=method.id))
            return Saved(method)
        case ActionRequired():
            tx.update_setup(replace(setup, reference=outcome.reference))
            return SaveMoreNeeded(setup.id, outcome.action)
        case Processing():
            tx.update_setup(replace(setup, reference=outcome.reference or setup.reference))
        case Declined() if setup.reference is None:
            # What the customer's browser was given can still succeed: only what was asked here is over.
            failed = replace(setup, failure_code=outcome.code, decline_code=outcome.decline_code)
            tx.update_setup(failed)
        case _:
            pass
    return refusal_of(outcome, holder_path=HOLDER_PATH)


def record_found(tx: Transaction, found: SavingFound) -> bool:
    """Record how a saving stands that nobody came back to; False where it is of none that is known here."""
    setup = tx.setup(found.key) if is_id(found.key, SETUP) else None
    holder = None if setup is None else tx.lock_holder(setup.holder_id)
    # What it was before the lock may be settled by now.
    setup = tx.setup(found.key) if holder is not None else None
    if holder is None or setup is None:
        return False
    is_open = setup.method_id is None and setup.failure_code is None
    if is_open and holder.reference == found.holder_reference:
        _record(tx, setup, found.outcome)
    return True


def keep(
    tx: Transaction, holder: AccountHolder, reference: str, details: PaidWith
) -> PaymentMethod:
    """Write down a payment method of a locked holder, once."""
    found = tx.method_at(holder.id, reference)
    if found is None:
        found = PaymentMethod(
            id=MethodId(new_id(PAYMENT_METHOD)),
            holder_id=holder.id,
            provider_id=holder.provider_id,
            reference=reference,
            details=details,
            created_at=tx.now,
        )
        tx.insert_method(found)
    return found


async def delete(flow: Flow, call: Call, id: str) -> None:
    """Forget a payment method, at its provider first."""
    method = await flow.store.read(lambda tx: _kept(tx, id))
    provider = known_provider(flow, method.provider_id)
    with timed("delete method", call.request_id) as facts:
        outcome = await tried(
            flow.rig, method.provider_id, lambda: provider.delete_method(method.reference)
        )
        facts["outcome"] = type(outcome).__name__
    if not isinstance(outcome, Changed):
        raise refusal_of(outcome)
    await flow.store.transact(lambda tx: tx.delete_method(method.id))


def _kept(tx: Transaction, id: str) -> PaymentMethod:
    method = tx.method(MethodId(id)) if is_id(id, PAYMENT_METHOD) else None
    if method is None:
        raise NotFound("No payment method has this id.", path=("id",))
    return method
