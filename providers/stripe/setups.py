"""A SetupIntent's state as the saving of a payment method, requested or reported."""

import stripe

from payments.model.account_holders import MethodSaved, SavingFound, SavingOutcome
from payments.model.ids import SetupId
from payments.model.outcomes import ActionRequired, Declined, Processing, Unknown
from payments.ports.provider import RecordsUnreadable
from providers.stripe import intents
from providers.stripe.account import Account
from providers.stripe.connection import Connection
from providers.stripe.errors import declined, is_missing
from providers.stripe.methods import LEAVING_SEPA_DEBITS, sepa_debit_left_by

PREFIX = "seti_"


class ReadsSetups:
    """Reads of the savings that Stripe's reports name."""

    _connection: Connection
    account: Account

    def names_saving(self, reference: str) -> bool:
        """Return whether a reference is a saving's."""
        return reference.startswith(PREFIX)

    async def saving_found(self, reference: str) -> SavingFound | None:
        """Return the state of a saving; None where it is not ours. Raises RecordsUnreadable."""
        try:
            setup = await self._connection.setup(reference)
        except stripe.StripeError as error:
            if is_missing(error) and not await self.account.is_to_blame(error):
                return None
            raise RecordsUnreadable(f"Stripe's {reference}: {type(error).__name__}.") from None
        metadata = setup.metadata.to_dict() if setup.metadata else {}
        key, customer = metadata.get(intents.OPERATION_KEY), setup.customer
        if key is None or not isinstance(customer, str):
            return None
        return SavingFound(SetupId(key), customer, saving_of(setup, None))


def saving_of(setup: stripe.SetupIntent, publishable_key: str | None) -> SavingOutcome:
    """Return the saving for each status that it can have; another status proves nothing.

    Source: https://docs.stripe.com/payments/paymentintents/lifecycle, which is a SetupIntent's as well.
    """
    match setup.status:
        case "succeeded" if isinstance(setup.payment_method, stripe.PaymentMethod):
            method = setup.payment_method
            if method.type in LEAVING_SEPA_DEBITS:
                attempt = setup.latest_attempt
                left = sepa_debit_left_by(getattr(attempt, "payment_method_details", None))
                return Unknown() if left is None else MethodSaved(*left)
            card = method.card if method.type == "card" else None
            return MethodSaved(method.id, intents.way_of_paying(method.type, card))
        case "requires_payment_method" if (error := setup.last_setup_error) is not None:
            return declined(error.code, getattr(error, "decline_code", None))
        case "requires_payment_method" | "requires_confirmation":
            return ActionRequired(intents.confirm(setup, publishable_key), reference=setup.id)
        case "requires_action":
            return ActionRequired(intents.next_action(setup, publishable_key), reference=setup.id)
        case "processing":
            return Processing(setup.id)
        case "canceled":
            return Declined(f"canceled_{setup.cancellation_reason or 'at_stripe'}")
        case _:
            return Unknown()
