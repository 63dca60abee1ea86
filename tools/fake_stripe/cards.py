"""Stripe's test payment methods, and the outcome of a payment with each. Source: https://docs.stripe.com/testing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """A payment method of Stripe's, and its behaviour."""

    brand: str = "visa"
    last4: str = "4242"
    code: str | None = None
    """The error's code if it is declined."""
    decline_code: str | None = None
    demands_action: bool = False
    """The customer has to authenticate, always."""
    demands_customer: bool = False
    """The customer has to authenticate if they are absent."""
    refund: str = "succeeded"
    """The first status of a refund: succeeded, pending, or failed, which it becomes after it has succeeded."""
    has_multicapture: bool = True
    """An authorization of it can be captured in parts, if that was requested."""
    type: str = "card"
    status: str | None = None
    """The status that an intent gets instead: processing."""


def _declined(decline_code: str, last4: str, code: str = "card_declined") -> Card:
    return Card(last4=last4, code=code, decline_code=decline_code)


CARDS = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "8431"),
    # Only in the United States. Source: https://docs.stripe.com/payments/multicapture, availability.
    "pm_card_jcb": Card("jcb", "0505", has_multicapture=False),
    "pm_card_chargeDeclined": _declined("generic_decline", "0002"),
    "pm_card_visa_chargeDeclined": _declined("generic_decline", "0002"),
    "pm_card_chargeDeclinedInsufficientFunds": _declined("insufficient_funds", "9995"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declined("insufficient_funds", "9995"),
    "pm_card_visa_chargeDeclinedLostCard": _declined("lost_card", "9987"),
    "pm_card_visa_chargeDeclinedStolenCard": _declined("stolen_card", "9979"),
    "pm_card_chargeDeclinedFraudulent": _declined("fraudulent", "0019"),
    "pm_card_chargeDeclinedExpiredCard": _declined("expired_card", "0069", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": _declined("incorrect_cvc", "0127", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": _declined(
        "processing_error", "0119", "processing_error"
    ),
    "pm_card_threeDSecure2Required": Card(last4="3220", demands_action=True),
    "pm_card_threeDSecureRequired": Card(last4="3063", demands_action=True),
    "pm_card_authenticationRequired": Card(
        last4="3184", demands_action=True, demands_customer=True
    ),
    "pm_card_refundFail": Card(last4="5126", refund="failed"),
    "pm_card_pendingRefund": Card(last4="7726", refund="pending"),
    "pm_usBankAccount": Card(brand="", last4="6789", type="us_bank_account", status="processing"),
}
