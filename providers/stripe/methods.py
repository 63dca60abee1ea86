"""The Stripe providers: one for everything that an account offers, and one for each payment method.

Source: Stripe's page on each payment method (https://docs.stripe.com/payments/payment-methods/payment-method-support).
"""

from dataclasses import dataclass

import stripe

from payments.model.ids import ProviderId


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
