"""The Stripe providers: one for everything that an account offers, and one for each payment method.

Source: Stripe's page on each payment method (https://docs.stripe.com/payments/payment-methods/payment-method-support).
"""

from dataclasses import dataclass

import stripe

from payments.model.ids import ProviderId
from payments.model.outcomes import PaidWith


@dataclass(frozen=True, slots=True)
class Method:
    """The payment method of one provider."""

    id: ProviderId
    name: str
    type: str | None
    """Stripe's name for it; None: whatever the account's settings offer."""
    currencies: frozenset[str] | None
    """None: whatever Stripe accepts."""
    can_capture_later: bool
    """Whether it can be authorized first; otherwise it is captured at once, whatever the setting."""
    keeps_methods: bool = False
    """Whether it can be saved for the customer's next payment."""
    shows_instructions: bool = False
    """Whether the customer is shown a voucher or a code, instead of being sent to a page."""
    is_retired: bool = False
    """Whether it is discontinued: its payments are read and refunded, and no session is opened."""

    @property
    def allows_cards(self) -> bool:
        """Return whether a card may pay with it."""
        return self.type is None


def _method(
    type: str,
    name: str,
    *currencies: str,
    id: str | None = None,
    shows_instructions: bool = False,
    is_retired: bool = False,
) -> Method:
    return Method(
        ProviderId(f"stripe_{id or type}"),
        name,
        type,
        frozenset(currencies) or None,
        can_capture_later=False,
        shows_instructions=shows_instructions,
        is_retired=is_retired,
    )


METHODS = (
    Method(ProviderId("stripe"), "Stripe", None, None, can_capture_later=True, keeps_methods=True),
    _method("bancontact", "Bancontact", "EUR"),
    _method("blik", "BLIK", "PLN"),
    # Nothing is paid with it after June 30, 2024: https://docs.stripe.com/payments/giropay.
    _method("giropay", "giropay", "EUR", is_retired=True),
    _method("ideal", "iDEAL", "EUR"),
    _method("p24", "Przelewy24", "EUR", "PLN", id="przelewy24"),
    _method("promptpay", "PromptPay", "THB", shows_instructions=True),
    _method("oxxo", "OXXO", "MXN", shows_instructions=True),
)


NOT_REFUNDABLE = {
    "oxxo": "OXXO takes cash and gives nothing back: refund the customer in another way."
}
"""Source: https://docs.stripe.com/payments/oxxo, "Refunds / Partial refunds: No / No"."""

NONE_LEFT = "No valid payment method types"
"""The start of Stripe's message that no payment method is left for an intent; there is no code for that."""


def has_none(error: stripe.StripeError) -> bool:
    """Return whether an error means that an account has no payment method for an amount and a currency."""
    is_refused = isinstance(error, stripe.InvalidRequestError)
    return is_refused and (error.user_message or "").startswith(NONE_LEFT)


LEAVING_SEPA_DEBITS = frozenset({"bancontact", "ideal", "sofort"})
"""For once themselves; what they leave to charge later is a SEPA direct debit.

Source: https://docs.stripe.com/payments/ideal/save-during-payment.
"""


def sepa_debit_left_by(details: object) -> tuple[str, PaidWith] | None:
    """Return the debit that a charge or a saving left, by its details: Stripe's id of it, and what may be shown."""
    way = getattr(details, str(getattr(details, "type", None)), None)
    found = getattr(way, "generated_sepa_debit", None)
    reference = getattr(found, "id", found)
    if not isinstance(reference, str):
        return None
    last_four = getattr(way, "iban_last4", None)
    label = f"SEPA debit ending in {last_four or '????'}"
    return reference, PaidWith("sepa_debit", label, last_four=last_four)
