"""Stripe's objects, each with every key of its published examples."""

from collections.abc import Sequence
from typing import Any

from tools.fake_stripe.cards import Card
from tools.fake_stripe.store import Body, now

CAPTURE_SECONDS = 7 * 86_400
"""How long an authorization of a card can be captured."""

DESCRIPTOR_PREFIX = "TILLGRAPH"
"""The prefix before a charge's own suffix on a card statement."""

CHARGED_BACK = frozenset(
    {"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"}
)
"""Statuses of a dispute that has taken the money: its payment can't be refunded. An inquiry (`warning_…`) has not.

Source: https://docs.stripe.com/disputes (inquiries: "the payment it relates to can still be refunded").
"""

EMPTY_IN_A_CHARGE = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "calculated_statement_descriptor",
    "failure_balance_transaction",
    "on_behalf_of",
    "outcome",
    "receipt_number",
    "receipt_url",
    "refunds",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)
"""The keys of a charge that nothing here gives a value."""


def account(id: str) -> Body:
    """Return a key's account, as far as it is read here."""
    cards = {"statement_descriptor_prefix": DESCRIPTOR_PREFIX}
    settings = {"card_payments": cards}
    return {
        "id": id,
        "object": "account",
        "type": "standard",
        "country": "US",
        "settings": settings,
    }


def payment_intent(id: str, params: Body, types: Sequence[str] = ("card",)) -> Body:
    """Return a new intent with the parameters of its creation, for the types that it can be paid with."""
    automatic = params.get("automatic_payment_methods")
    return {
        "id": id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{id}_secret_test",
        "confirmation_method": "automatic",
        "created": now(),
        "currency": params["currency"],
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": params.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": list(types),
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(
    id: str,
    intent: Body,
    card: Card,
    method: str,
    *,
    failure: Body | None = None,
    generated: str | None = None,
) -> Body:
    """Return the charge of an intent's confirmation; `generated` is the method that it leaves for later."""
    is_held = intent["capture_method"] == "manual"
    captured = 0 if is_held or failure else intent["amount"]
    return {
        **dict.fromkeys(EMPTY_IN_A_CHARGE),
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": captured,
        "amount_refunded": 0,
        "billing_details": {
            "address": None,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "captured": captured > 0,
        "created": now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": failure["code"] if failure else None,
        "failure_message": failure["message"] if failure else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "paid": failure is None,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": _details(card, intent, generated, is_held=is_held),
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": "failed" if failure else "succeeded",
    }


def _details(card: Card, intent: Body, generated: str | None, *, is_held: bool) -> Body:
    if card.type in ("ideal", "bancontact"):
        account = {"bic": "INGBNL2A", "iban_last4": card.last4, "generated_sepa_debit": generated}
        return {"type": card.type, card.type: account}
    if card.type != "card":
        return {"type": card.type, card.type: {"last4": card.last4}}
    details: dict[str, Any] = {
        "amount_authorized": intent["amount"],
        "brand": card.brand,
        "country": "US",
        "exp_month": 8,
        "exp_year": 2030,
        "fingerprint": f"finger{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "multicapture": {"status": "available" if _is_for_parts(card, intent) else "unavailable"},
        "network": card.brand,
    }
    if is_held:
        details["capture_before"] = now() + CAPTURE_SECONDS
    return {"type": "card", "card": details}


def _is_for_parts(card: Card, intent: Body) -> bool:
    """Return whether an authorization can be captured in parts: it must be requested, and not every card allows it."""
    options = intent["payment_method_options"].get("card", {})
    return card.has_multicapture and options.get("request_multicapture") == "if_available"


def has_multicapture(charge: Body) -> bool:
    """Return whether a charge can be captured in parts."""
    card = charge["payment_method_details"].get("card", {})
    return bool(card.get("multicapture", {}).get("status") == "available")


def refund(id: str, intent: Body, params: Body, amount: int, status: str) -> Body:
    """Return a new refund."""
    return {
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": intent["latest_charge"],
        "created": now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": params.get("metadata", {}),
        "payment_intent": intent["id"],
        "payment_method": None,
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }


def dispute(id: str, charge: Body, reason: str, status: str) -> Body:
    """Return a new dispute of a charge."""
    return {
        "id": id,
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": now() + CAPTURE_SECONDS,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status not in CHARGED_BACK,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None,
        "reason": reason,
        "status": status,
    }


def customer(id: str, params: Body) -> Body:
    """Return a new customer."""
    return {
        "id": id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": params.get("email") or None,
        "invoice_prefix": "7FE1103",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "name": params.get("name") or None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(id: str, card: Card, token: str, customer: str | None) -> Body:
    """Return a payment method made of one of Stripe's for tests; its fingerprint decides its later behaviour."""
    return {
        **_method(id, "card", customer),
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "display_brand": card.brand,
            "exp_month": 8,
            "exp_year": 2030,
            "fingerprint": token,
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": None,
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
    }


def other_method(id: str, card: Card, customer: str | None) -> Body:
    """Return a new payment method that is not a card."""
    return {**_method(id, card.type, customer), card.type: {"last4": card.last4}}


def _method(id: str, type: str, customer: str | None) -> Body:
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": {
                "city": None,
                "country": None,
                "line1": None,
                "line2": None,
                "postal_code": None,
                "state": None,
            },
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "created": now(),
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": type,
    }


def setup_intent(id: str, params: Body) -> Body:
    """Return a new setup intent with the parameters of its creation."""
    return {
        "id": id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": params.get("automatic_payment_methods"),
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_test",
        "created": now(),
        "customer": params.get("customer"),
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": params.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": params.get("payment_method"),
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }


def event(id: str, type: str, about: Body, api_version: str, key: str | None) -> Body:
    """Return the event of an object as it is now."""
    return {
        "id": id,
        "object": "event",
        "api_version": api_version,
        "created": now(),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": f"req_{id}", "idempotency_key": key},
        "type": type,
    }


def listed(found: list[Body], url: str, *, has_more: bool = False) -> Body:
    """Return a page of a list."""
    return {"object": "list", "data": found, "has_more": has_more, "url": url}


def found(found: list[Body], url: str) -> Body:
    """Return all of a search's results."""
    return {
        "object": "search_result",
        "data": found,
        "has_more": False,
        "next_page": None,
        "url": url,
    }
