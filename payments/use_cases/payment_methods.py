"""Saving payment methods at a provider for an account holder, and deleting them."""

from payments.flow.idempotency import bind_key, lock_and_read_key
from payments.flow.method_outcomes import (
    HOLDER_PATH,
    SaveAnswer,
    known_answer,
    record_saving,
    refusal_of,
)
from payments.flow.retries import looked, tried
from payments.flow.runtime import Flow, timed
from payments.model.account_holders import (
    AccountHolder,
    Changed,
    MethodSetup,
    PaymentMethod,
    SavingAsk,
    SavingOutcome,
)
from payments.model.card_numbers import check_data
from payments.model.commands import Call, SavePaymentMethod
from payments.model.errors import InvalidInput, NotFound, Refused
from payments.model.ids import PAYMENT_METHOD, SETUP, MethodId, SetupId, is_id, new_id
from payments.ports.provider import DataFault
from payments.ports.transactions import ReadTransaction, Transaction
from payments.use_cases.account_holders import (
    known_as,
    known_provider,
    locked_holder,
    saving_provider,
)


async def save(flow: Flow, call: Call, command: SavePaymentMethod) -> SaveAnswer:
    """Save a payment method, or continue a saving after the customer's action."""

    def work(tx: Transaction) -> tuple[AccountHolder, MethodSetup, SaveAnswer | None]:
        stored, holder = lock_and_read_key(
            tx,
            call,
            command,
            lambda: locked_holder(tx, command.account_holder_id, path=HOLDER_PATH),
        )
        if stored is not None:
            setup = _there(tx.setup(SetupId(stored.subject_ids[0])), holder)
        else:
            provider = saving_provider(flow, tx, holder.provider_id, path=HOLDER_PATH)
            _require_one_source(command)
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
        return holder, setup, known_answer(tx, setup)

    holder, setup, known = await flow.store.transact(work)
    if known is not None:
        return known
    outcome = await _learn(flow, call, holder, setup)
    answer = await flow.store.transact(lambda tx: record_saving(tx, setup, outcome))
    if isinstance(answer, Refused):
        raise answer
    return answer


def _require_one_source(command: SavePaymentMethod) -> None:
    if command.setup_id is not None and command.data:
        raise InvalidInput(
            "setupId already identifies what is being saved: leave the data out.", path=("data",)
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


async def _learn(
    flow: Flow, call: Call, holder: AccountHolder, setup: MethodSetup
) -> SavingOutcome:
    provider = known_provider(flow, holder.provider_id)
    ask = SavingAsk(setup.id, known_as(holder), setup.data, setup.reference)
    with timed("save method", call.request_id) as facts:
        if setup.reference is None:
            outcome = await tried(
                flow.faults, holder.provider_id, lambda: provider.save_method(ask)
            )
        else:
            outcome = await looked(flow.faults, holder.provider_id, provider.look_up_saving(ask))
        facts["outcome"] = type(outcome).__name__
    return outcome


async def delete(flow: Flow, call: Call, id: str) -> None:
    """Delete a payment method, at its provider first."""
    method = await flow.store.read(lambda tx: _kept(tx, id))
    provider = known_provider(flow, method.provider_id)
    with timed("delete method", call.request_id) as facts:
        outcome = await tried(
            flow.faults, method.provider_id, lambda: provider.delete_method(method.reference)
        )
        facts["outcome"] = type(outcome).__name__
    if not isinstance(outcome, Changed):
        raise refusal_of(outcome)
    await flow.store.transact(lambda tx: tx.delete_method(method.id))


def _kept(tx: ReadTransaction, id: str) -> PaymentMethod:
    method = tx.method(MethodId(id)) if is_id(id, PAYMENT_METHOD) else None
    if method is None:
        raise NotFound("No payment method has this id.", path=("id",))
    return method
