"""The providers that Stripe has here: one for all that an account offers, and one for each way of paying alone.

Source: Stripe's page on each payment method (https://docs.stripe.com/payments/payment-methods/payment-method-support).
"""

from dataclasses import dataclass

from payments.ids import ProviderId

EURO = frozenset({"EUR"})


@dataclass(frozen=True, slots=True)
class Method:
    """One provider's way of paying."""

    id: ProviderId
    name: str
    type: str | None
    """Stripe's word for it; None: whatever the account's own settings offer."""
    currencies: frozenset[str] | None
    """None: whatever Stripe takes."""
    can_capture_later: bool
    """Whether it can be authorized first; what cannot is captured at once, whatever the setting says."""
    keeps_methods: bool = False
    """Whether what is paid with can be kept for the customer's next payment."""
    shows_instructions: bool = False
    """Whether the customer is shown a voucher or a code, instead of being sent to a page."""

    @property
    def allows_cards(self) -> bool:
        """Return whether a card may pay with it."""
        return self.type is None


def _method(
    type: str,
    name: str,
    *currencies: str,
    id: str | None = None,
    can_capture_later: bool = False,
    shows_instructions: bool = False,
) -> Method:
    return Method(
        ProviderId(f"stripe_{id or type}"),
        name,
        type,
        frozenset(currencies) or None,
        can_capture_later,
        shows_instructions=shows_instructions,
    )


METHODS = (
    Method(ProviderId("stripe"), "Stripe", None, None, can_capture_later=True, keeps_methods=True),
    _method("bancontact", "Bancontact", "EUR"),
    _method("blik", "BLIK", "PLN"),
    _method("giropay", "giropay", "EUR"),
    _method("ideal", "iDEAL", "EUR"),
    _method("p24", "Przelewy24", "EUR", "PLN", id="przelewy24"),
    _method("promptpay", "PromptPay", "THB", shows_instructions=True),
    _method("oxxo", "OXXO", "MXN", shows_instructions=True),
)
