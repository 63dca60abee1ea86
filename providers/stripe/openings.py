"""The requests to Stripe for opening and changing a session."""

import stripe
from stripe.params import PaymentIntentCreateParams, PaymentIntentUpdateParams

from payments.model.outcomes import Ask
from providers.settings import StripeSettings
from providers.stripe import amounts, data, intents
from providers.stripe.methods import Method


def new_intent(ask: Ask, method: Method, settings: StripeSettings) -> PaymentIntentCreateParams:
    """Return the parameters of a session's intent."""
    captures_later = settings.captures_later and method.can_capture_later
    params: PaymentIntentCreateParams = {
        "amount": amounts.to_stripe(ask.amount),
        "currency": ask.amount.currency.lower(),
        "capture_method": "manual" if captures_later else "automatic",
        "metadata": {
            intents.SESSION_KEY: ask.session_id,
            intents.PROVIDER_KEY: method.id,
            intents.OPERATION_KEY: ask.key,
        },
    }
    if method.type is not None:
        params["allowed_payment_method_types"] = [method.type]
    else:
        # A customer without a return address can't be redirected.
        redirects = "always" if ask.return_url else "never"
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": redirects}
    if ask.holder_reference is not None:
        params["customer"] = ask.holder_reference
    if settings.has_multicapture and captures_later:
        params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
    return {**params, **data.intent_values(ask.data)}


def changed_intent(ask: Ask) -> PaymentIntentUpdateParams:
    """Return the parameters of an intent's change."""
    params: PaymentIntentUpdateParams = {
        "amount": amounts.to_stripe(ask.amount),
        "metadata": {intents.OPERATION_KEY: ask.key},
    }
    return {**params, **data.intent_values(ask.data)}


def taken_back(ask: Ask) -> PaymentIntentUpdateParams:
    """Return the parameters that restore an intent's amount before a change."""
    assert ask.amount_before is not None
    amount = amounts.to_stripe(ask.amount_before)
    return {"amount": amount, "metadata": {intents.OPERATION_KEY: ""}}


def is_left_out(intent: stripe.PaymentIntent, method: Method) -> bool:
    """Return whether an intent can't be paid with the one method that it was opened for.

    A method that the account has not activated, or not for the amount or the currency, is left out silently:
    https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter.
    """
    is_waiting = intent.status in intents.WAITING
    return method.type is not None and is_waiting and method.type not in intent.payment_method_types
