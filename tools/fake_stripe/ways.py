"""The payment methods that an account has activated, the limits of each, and what each one asks of the customer.

Source: https://docs.stripe.com/payments/payment-methods/payment-method-support, and the page on each way of paying.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.fake_stripe.cards import Card
from tools.fake_stripe.refusals import invalid
from tools.fake_stripe.store import Body, now


@dataclass(frozen=True, slots=True)
class Way:
    """The limits of a payment method."""

    currencies: frozenset[str] | None
    least: int = 1
    most: int = 10**12
    can_capture_later: bool = False
    behaves: Card | None = None
    """The behaviour of a method that the customer brings as its type alone; None: cards are Stripe's own for tests."""


def _way(*currencies: str, least: int = 1, most: int = 10**12, **card: str | bool) -> Way:
    behaves = Card(brand="", demands_action=True, **card)  # type: ignore[arg-type]  # as there
    return Way(frozenset(currencies), least, most, behaves=behaves)


WAYS = {
    "card": Way(None, can_capture_later=True),
    "bancontact": _way("eur", type="bancontact", last4="7061"),
    "blik": _way("pln", type="blik", last4=""),
    "ideal": _way("eur", type="ideal", last4="9191"),
    "oxxo": _way("mxn", least=1_000, most=1_000_000, type="oxxo", last4=""),
    "p24": _way("eur", "pln", type="p24", last4=""),
    "promptpay": _way("thb", type="promptpay", last4=""),
}
"""giropay is discontinued: https://docs.stripe.com/payments/giropay."""

SEPA_DEBIT = Card(brand="", last4="", type="sepa_debit", status="processing")
"""The method that iDEAL and Bancontact leave to charge: https://docs.stripe.com/payments/ideal/save-during-payment."""

LEAVES_SEPA_DEBIT = ("bancontact", "ideal")

NOT_REFUNDABLE = ("oxxo",)
"""Source: https://docs.stripe.com/payments/oxxo, "Refunds / Partial refunds: No / No"."""


def behaviour_of(type: str) -> Card | None:
    """Return the behaviour of a payment method of a type that is not a card."""
    if type == "sepa_debit":
        return SEPA_DEBIT
    way = WAYS.get(type)
    return None if way is None else way.behaves


class Activated:
    """The payment methods that an account has activated in its dashboard."""

    def __init__(self) -> None:
        self._types = set(WAYS)

    def set(self, type: str, *, is_active: bool) -> None:
        """Activate a payment method, or deactivate it."""
        (self._types.add if is_active else self._types.discard)(type)

    def compatible(self, intent: Body, allowed: Sequence[str] | None) -> list[str]:
        """Return which of the allowed types an intent accepts; None stands for all activated ones.

        What is not compatible is left out silently:
        https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter.
        """
        is_held = intent.get("capture_method") == "manual"
        return [
            type
            for type, way in WAYS.items()
            if type in self._types
            and (allowed is None or type in allowed)
            and (way.currencies is None or intent["currency"] in way.currencies)
            and way.least <= intent["amount"] <= way.most
            and (way.can_capture_later or not is_held)
        ]


def next_action(intent: Body, card: Card, params: Body) -> Body:
    """Return the customer's next action: to see a voucher or a code, approve in their bank's app, or go to a page."""
    to = f"https://hooks.stripe.test/{intent['id']}"
    details: Body
    match card.type:
        case "oxxo":
            details = {"number": "12345678901234657890123456789012", "hosted_voucher_url": to}
            return _action("oxxo_display_details", {**details, "expires_after": now() + 5 * 86_400})
        case "promptpay":
            details = {"data": "00020101", "hosted_instructions_url": to}
            images = {"image_url_png": f"{to}.png", "image_url_svg": f"{to}.svg"}
            return _action("promptpay_display_qr_code", {**details, **images})
        case "blik":
            return _action("blik_authorize", {})
        case "card" if params.get("use_stripe_sdk") or "return_url" not in params:
            return _action("use_stripe_sdk", {"type": "three_d_secure_redirect"})
        case _:
            if "return_url" not in params:
                raise invalid("parameter_missing", param="return_url")
            return _action("redirect_to_url", {"url": to, "return_url": params["return_url"]})


def _action(type: str, details: Body) -> Body:
    return {"type": type, type: details}
