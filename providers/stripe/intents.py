"""A PaymentIntent's state as the domain's outcomes."""

import hashlib
from collections.abc import Mapping
from typing import Final

import stripe

from payments.model.failures import FailureCode
from payments.model.instants import SECOND, Instant
from payments.model.money import Money
from payments.model.outcomes import (
    ActionRequired,
    Authorized,
    ConfirmWithSdk,
    CustomerAction,
    Declined,
    DisplayInstructions,
    JsonObject,
    Moved,
    Outcome,
    PaidWith,
    Processing,
    RedirectToUrl,
    Unknown,
)
from providers.stripe.amounts import from_stripe
from providers.stripe.errors import declined
from providers.stripe.methods import LEAVING_SEPA_DEBITS, sepa_debit_left_by

SESSION_KEY: Final = "tillgraph_session"
PROVIDER_KEY: Final = "tillgraph_provider"
OPERATION_KEY: Final = "tillgraph_operation"
CUSTOMER_KEY: Final = "tillgraph_customer"
HOLDER_KEY: Final = "tillgraph_account_holder"
SEEN_KEY: Final = "tillgraph_seen_failure"
"""The failure that was already answered, so that the next attempt is not told of it again."""

AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The customer is absent but needed: they confirm the same intent in their browser."""

WAITING: Final = frozenset({"requires_payment_method", "requires_confirmation"})
"""Nothing is under way; the customer may pay."""

CANCELABLE: Final = WAITING | {"requires_action", "requires_capture"}
"""And, "in rare cases", processing. Source: https://docs.stripe.com/api/payment_intents/cancel."""

EXPIRED_REASONS: Final = frozenset({"automatic", "expired"})
"""Reasons for which Stripe cancels by itself: https://docs.stripe.com/api/payment_intents/object#payment_intent_object-cancellation_reason."""

MULTICAPTURE: Final = "multicapture"
"""The key in a payment's record: whether its card can be captured in parts."""

Metadata = Mapping[str, str]
Described = stripe.PaymentIntent | stripe.Refund | stripe.SetupIntent | stripe.Customer


def money_of(intent: stripe.PaymentIntent, amount: int) -> Money:
    """Return one of an intent's amounts; raises ValueError."""
    return from_stripe(amount, intent.currency)


def rest_of(intent: stripe.PaymentIntent) -> Money:
    """Return an intent's uncaptured amount; raises ValueError."""
    return money_of(intent, intent.amount - intent.amount_received)


def metadata_of(found: Described) -> Metadata:
    """Return an object's metadata."""
    return dict(found.metadata.to_dict()) if found.metadata else {}


def failed_method(intent: stripe.PaymentIntent | None) -> str | None:
    """Return the payment method of the failure that an intent shows last."""
    error = None if intent is None else intent.last_payment_error
    found = getattr(getattr(error, "payment_method", None), "id", None)
    return found if isinstance(found, str) else None


def failure_mark(intent: stripe.PaymentIntent) -> str | None:
    """Return a name for the failure that an intent shows last, the same for the same one; None without a failure."""
    error = intent.last_payment_error
    if error is None:
        return None
    method = getattr(error, "payment_method", None)
    method_id = getattr(method, "id", None)
    charge = getattr(error, "charge", None)
    parts = (error.code, getattr(error, "decline_code", None), method_id, charge)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def authorization_of(intent: stripe.PaymentIntent, publishable_key: str | None) -> Outcome:
    """Return an intent's authorization outcome, for each status that it can have.

    Source: https://docs.stripe.com/payments/paymentintents/lifecycle.
    """
    match intent.status:
        case waiting if waiting in WAITING:
            error = intent.last_payment_error
            if error is not None and error.code == AUTHENTICATION_REQUIRED:
                return ActionRequired(confirm(intent, publishable_key), reference=intent.id)
            if error is not None and metadata_of(intent).get(SEEN_KEY) != failure_mark(intent):
                return declined(error.code, getattr(error, "decline_code", None))
            return ActionRequired(confirm(intent, publishable_key), reference=intent.id)
        case "requires_action":
            action = next_action(intent, publishable_key)
            return ActionRequired(action, reference=intent.id)
        case "processing":
            return Processing(intent.id)
        case "requires_capture" | "succeeded":
            return _authorized(intent)
        case "canceled":
            expired = intent.cancellation_reason in EXPIRED_REASONS
            code = FailureCode.EXPIRED if expired else FailureCode.DECLINED
            return Declined(f"canceled_{intent.cancellation_reason or 'at_stripe'}", code)
        case _:
            return Unknown()


def confirm(
    intent: stripe.PaymentIntent | stripe.SetupIntent, publishable_key: str | None
) -> ConfirmWithSdk:
    """Return the action that hands an intent to Stripe's library in the browser."""
    return ConfirmWithSdk(intent.client_secret or "", publishable_key)


def next_action(
    intent: stripe.PaymentIntent | stripe.SetupIntent, publishable_key: str | None
) -> CustomerAction:
    """Return the customer's next action; what only Stripe's library can do is handed to it."""
    action = intent.next_action
    if action is None:
        return confirm(intent, publishable_key)
    details = getattr(action, action.type, None)
    url = getattr(details, "url", None)
    if action.type == "redirect_to_url" and isinstance(url, str):
        return RedirectToUrl(url)
    is_shown = action.type.endswith(("_display_details", "_display_qr_code", "_instructions"))
    if is_shown and details is not None:
        facts: JsonObject = details.to_dict()
        expires = facts.get("expires_after") or facts.get("expires_at")
        expires_at = Instant(expires * SECOND) if isinstance(expires, int) else None
        return DisplayInstructions({"type": action.type, **facts}, expires_at)
    return confirm(intent, publishable_key)


def _authorized(intent: stripe.PaymentIntent) -> Outcome:
    is_captured = intent.status == "succeeded" and intent.capture_method != "manual"
    charge = intent.latest_charge
    record: JsonObject = {"paymentIntent": intent.id}
    paid_with = capture_before = None
    saved_as, saved_details = _saved(intent)
    if isinstance(charge, stripe.Charge):
        record["charge"] = charge.id
        record |= {} if is_captured else multicapture_of(charge)
        paid_with = paid_with_of(charge)
        capture_before = capture_before_of(charge)
    return Authorized(
        money_of(intent, intent.amount_received if is_captured else intent.amount),
        is_captured=is_captured,
        reference=intent.id,
        paid_with=paid_with,
        provider_record=record,
        capture_before=None if is_captured else capture_before,
        saved_as=saved_as,
        saved_details=saved_details,
    )


def _saved(intent: stripe.PaymentIntent) -> tuple[str | None, PaidWith | None]:
    """Return Stripe's id of a saved method, with what may be shown of it if it isn't the one that paid.

    Source: https://docs.stripe.com/payments/save-during-payment.
    """
    method, charge = intent.payment_method, intent.latest_charge
    if intent.setup_future_usage is None or intent.customer is None:
        return None, None
    details = charge.payment_method_details if isinstance(charge, stripe.Charge) else None
    if details is not None and details.type in LEAVING_SEPA_DEBITS:
        return sepa_debit_left_by(details) or (None, None)
    return method if isinstance(method, str) else None, None


def capture_before_of(charge: stripe.Charge) -> Instant | None:
    """Return until when a card's authorization can be captured."""
    details = charge.payment_method_details
    card = details.card if details is not None and details.type == "card" else None
    # Missing if it was captured at once.
    seconds = getattr(card, "capture_before", None)
    return Instant(seconds * SECOND) if seconds is not None else None


def multicapture_of(charge: stripe.Charge) -> JsonObject:
    """Return whether an authorization can be captured in parts; empty where Stripe does not tell."""
    details = charge.payment_method_details
    card = details.card if details is not None and details.type == "card" else None
    status = getattr(getattr(card, "multicapture", None), "status", None)
    return {MULTICAPTURE: status} if isinstance(status, str) else {}


def paid_with_of(charge: stripe.Charge) -> PaidWith | None:
    """Return what may be shown of a charge's payment method."""
    details = charge.payment_method_details
    if details is None:
        return None
    return way_of_paying(details.type, details.card if details.type == "card" else None)


CardDetails = stripe.Charge.PaymentMethodDetails.Card | stripe.PaymentMethod.Card


def way_of_paying(type_: str, card: CardDetails | None) -> PaidWith:
    """Return what may be shown of a payment method."""
    if card is None:
        return PaidWith(type_, type_.replace("_", " ").capitalize())
    brand = card.brand or "card"
    return PaidWith(
        "card",
        f"{brand.replace('_', ' ').title()} ending in {card.last4 or '????'}",
        brand=brand,
        last_four=card.last4,
        expiry_month=card.exp_month,
        expiry_year=card.exp_year,
    )


def cancellation_of(intent: stripe.PaymentIntent, asked: Money) -> Outcome | None:
    """Return whether an intent is canceled, with what that gave back; None where it is not.

    A partly captured one succeeds when the rest is given back, by anyone.
    """
    match intent.status:
        case "canceled":
            return Moved(Money(given_back_minor(intent), intent.currency.upper()))
        case "succeeded" if _is_given_back(intent, asked):
            return Moved(asked)
        case "succeeded":
            return Declined("payment_intent_succeeded")
        case "processing":
            # Stripe accepts it later: the payment's outcome decides what is left to cancel.
            return Processing(intent.id)
        case status if status in CANCELABLE:
            return None
        case _:
            return Unknown()


def _is_given_back(intent: stripe.PaymentIntent, asked: Money) -> bool:
    rest = rest_of(intent)
    is_held = intent.capture_method == "manual" and intent.amount_received > 0
    return is_held and rest.currency == asked.currency and 0 < asked.minor <= rest.minor


def given_back_minor(intent: stripe.PaymentIntent) -> int:
    """Return the minor units that a cancellation gave back: zero where nothing had been authorized."""
    charge = intent.latest_charge
    was_authorized = isinstance(charge, stripe.Charge) and charge.status == "succeeded"
    return rest_of(intent).minor if was_authorized else 0


def refund_of(refund: stripe.Refund) -> Outcome:
    """Return a refund's outcome. Source: https://docs.stripe.com/refunds, failed refunds."""
    match refund.status:
        case "succeeded":
            return Moved(from_stripe(refund.amount, refund.currency))
        case "pending" | "requires_action":
            return Processing()
        case "failed" | "canceled":
            reason = getattr(refund, "failure_reason", None)
            return Declined(reason or f"refund_{refund.status}")
        case _:
            return Unknown()
