"""The effect of savings' outcomes on an account holder's payment methods."""

from dataclasses import dataclass

from payments.model.account_holders import (
    AccountHolder,
    MethodSaved,
    MethodSetup,
    PaymentMethod,
    SavingFound,
    SavingOutcome,
)
from payments.model.copies import replace
from payments.model.errors import (
    ActionFailed,
    InProgress,
    NotFound,
    ProviderDeclined,
    ProviderUnavailable,
    Refused,
)
from payments.model.failures import (
    HOLDER_MISSING,
    METHOD_MISSING,
    METHOD_PATH,
    FailureCode,
    message_of,
)
from payments.model.ids import PAYMENT_METHOD, SETUP, MethodId, SetupId, is_id, new_id
from payments.model.outcomes import (
    ActionRequired,
    CustomerAction,
    Declined,
    NotReached,
    PaidWith,
    Processing,
)
from payments.ports.transactions import Transaction

HOLDER_PATH = ("accountHolderId",)


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer that a payment method is saved."""

    method: PaymentMethod


@dataclass(frozen=True, slots=True)
class SaveMoreNeeded:
    """The answer that the customer has to act next."""

    setup_id: SetupId
    action: CustomerAction


SaveAnswer = Saved | SaveMoreNeeded


def refusal_of(outcome: object, *, holder_path: tuple[str, ...] | None = None) -> Refused:
    """Return the refusal for an outcome without a saving; after an unknown one, the request may be repeated.

    `holder_path` is the field of an account holder that the provider does not have.
    """
    if isinstance(outcome, Declined):
        message = message_of(outcome.code, outcome.decline_code)
        is_customers = outcome.code is FailureCode.ACTION_FAILED
        kind = ActionFailed if is_customers else ProviderDeclined
        paths = {HOLDER_MISSING: holder_path, METHOD_MISSING: METHOD_PATH}
        path = paths.get(outcome.decline_code or "")
        return kind(message, path=path, decline_code=outcome.decline_code)
    if isinstance(outcome, NotReached):
        return ProviderUnavailable("The provider could not be reached and did nothing.")
    return InProgress("The provider's answer is not known; send the same request again.")


def known_answer(tx: Transaction, setup: MethodSetup) -> SaveAnswer | None:
    """Return the known outcome of a saving; raises where it failed or its payment method was deleted since."""
    if setup.failure_code is not None:
        failed = Declined(setup.decline_code, setup.failure_code)
        raise refusal_of(failed, holder_path=HOLDER_PATH)
    if setup.method_id is None:
        return None
    method = tx.method(setup.method_id)
    if method is None:
        raise NotFound("This payment method was deleted.")
    return Saved(method)


def record_saving(
    tx: Transaction, before: MethodSetup, outcome: SavingOutcome
) -> SaveAnswer | Refused:
    """Record a saving's outcome; a refusal becomes the answer and does not undo the record."""
    holder = tx.lock_holder(before.holder_id)
    setup = tx.setup(before.id)
    if holder is None or setup is None:
        raise NotFound("This account holder was deleted meanwhile.", path=HOLDER_PATH)
    known = known_answer(tx, setup)
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
            # The customer's browser can still succeed: only this request is over.
            failed = replace(setup, failure_code=outcome.code, decline_code=outcome.decline_code)
            tx.update_setup(failed)
        case _:
            pass
    return refusal_of(outcome, holder_path=HOLDER_PATH)


def record_found(tx: Transaction, found: SavingFound) -> bool:
    """Record the state of a saving that the browser did not come back to; return False for an unknown saving."""
    setup = tx.setup(found.key) if is_id(found.key, SETUP) else None
    holder = None if setup is None else tx.lock_holder(setup.holder_id)
    # It may have its outcome by now, unlike before the lock.
    setup = tx.setup(found.key) if holder is not None else None
    if holder is None or setup is None:
        return False
    is_open = setup.method_id is None and setup.failure_code is None
    if is_open and holder.reference == found.holder_reference:
        record_saving(tx, setup, found.outcome)
    return True


def keep(
    tx: Transaction, holder: AccountHolder, reference: str, details: PaidWith
) -> PaymentMethod:
    """Add a payment method of a locked holder, once."""
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
