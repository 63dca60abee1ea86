"""Vouchers and codes: OXXO's and PromptPay's are shown again, OXXO gives nothing back, and BLIK needs its code."""

import pytest

from payments.ports.provider import DataFault
from providers.stripe.data import check
from providers.stripe.methods import METHODS
from tests.providers.stripe.site import Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import authorize, collection_of, event_types, open_collection, refund
from tests.support.program.running import Json
from tests.support.waiting import until

pytestmark = pytest.mark.once

SHOWN = {
    "stripe_oxxo": ("oxxo", "MXN", "oxxo_display_details", "hosted_voucher_url"),
    "stripe_promptpay": ("promptpay", "THB", "promptpay_display_qr_code", "image_url_png"),
}
CODE = {"data": {"blikCode": "777123"}}


def instructions(shop: Site, session: Json) -> Json:
    """Read what a page that was loaded again shows; nothing but a session's client secret is left to it."""
    action = shop.session(session["id"])["requiredAction"]
    return action["instructions"] if action["__typename"] == "DisplayInstructions" else None


@pytest.mark.parametrize("provider", SHOWN)
def test_a_voucher_is_shown_after_a_reload(deaf: Site, provider: str) -> None:
    """Authorizing without data answers with it, and the session has it from then on; it is paid later."""
    type, currency, action_type, key = SHOWN[provider]
    session = deaf.opened("500.00", currency, provider=provider)
    deaf.stripe.in_browser(session, type)
    answer = authorize(deaf.server, session["id"])
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == "DisplayInstructions"
    expected = deaf.stripe.intent(reference_of(session))["next_action"][action_type]
    assert instructions(deaf, session) == {"type": action_type, **expected}
    assert key in expected
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    assert authorize(deaf.server, session["id"])["__typename"] == "Payment"
    assert deaf.session(session["id"])["status"] == "CAPTURED"


@pytest.mark.both
def test_stripe_reports_a_voucher(shop: Site) -> None:
    """A page that never comes back is not needed: the report that the customer has to act brings it, once."""
    session = shop.opened("500.00", "MXN", provider="stripe_oxxo")
    shop.stripe.in_browser(session, "oxxo")
    shown = until(lambda: instructions(shop, session))
    assert shown["type"] == "oxxo_display_details"
    answer = authorize(shop.server, session["id"])
    assert answer["action"]["instructions"] == shown
    collection = collection_of(shop.server, shop.session(session["id"])["paymentCollection"]["id"])
    assert event_types(collection).count("SESSION_UPDATED") == 1


def test_a_voucher_that_nobody_pays(deaf: Site) -> None:
    """The attempt fails, and the customer is handed to Stripe's library again."""
    session = deaf.opened("500.00", "MXN", provider="stripe_oxxo")
    deaf.stripe.in_browser(session, "oxxo")
    authorize(deaf.server, session["id"])
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=False)
    assert authorize(deaf.server, session["id"])["__typename"] == "AuthorizationFailed"
    again = authorize(deaf.server, session["id"])
    assert again["action"]["__typename"] == "ConfirmWithSdk"


def paid_by_oxxo(shop: Site) -> Json:
    """Let a customer pay a voucher; return the payment."""
    session = shop.opened("500.00", "MXN", provider="stripe_oxxo")
    shop.stripe.in_browser(session, "oxxo")
    shop.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    until(lambda: shop.session(session["id"])["status"] == "CAPTURED")
    return shop.payment(shop.session(session["id"])["payment"]["id"])


def test_oxxo_gives_nothing_back(shop: Site) -> None:
    """A refund is INVALID_STATE with a sentence; nothing is reserved, and Stripe is not asked."""
    payment = paid_by_oxxo(shop)
    assert payment["paidWith"]["type"] == "oxxo"
    before = shop.stripe.keys()
    refused = refund(shop.server, payment["id"], amount="10.00")
    assert refused["code"] == "INVALID_STATE"
    assert "OXXO" in refused["message"]
    assert shop.payment(payment["id"]) == payment
    assert shop.stripe.keys() == before


def test_oxxo_gives_nothing_back_among_other_ways(shop: Site) -> None:
    """A payment made by OXXO can't be refunded through the provider of all ways either."""
    payment = paid_by_oxxo(shop)
    shop.server.rows(
        "UPDATE payments SET provider_id = 'stripe' WHERE id = ?",
        payment["id"],
    )
    assert refund(shop.server, payment["id"], amount="10.00")["code"] == "INVALID_STATE"


# ── BLIK ───────────────────────────────────────────────────────────────────────


def test_blik_on_the_server(shop: Site) -> None:
    """The customer's browser sends the code of their bank's application; they approve it there, and it is paid."""
    collection = open_collection(shop.server, "50.00", "PLN")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe_blik"}
    session = shop.server.change("createPaymentSession", values)
    answer = shop.server.change(
        "authorizePaymentSession",
        {"id": session["id"], **CODE},
        bearer=collection["clientSecret"],
    )
    assert answer["__typename"] == "RequiresMoreAction", answer
    assert shop.stripe.intent(reference_of(session))["next_action"]["type"] == "blik_authorize"
    shop.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    until(lambda: shop.session(session["id"])["status"] == "CAPTURED")
    assert shop.stripe.ledger(reference_of(session)) == [("authorize", 5_000)]


def test_blik_in_the_browser(shop: Site) -> None:
    """Stripe's library sends the code with it."""
    session = shop.opened("50.00", "PLN", provider="stripe_blik")
    refused = shop.stripe.in_browser(session, "blik")
    assert refused["error"]["param"] == "payment_method_options[blik][code]"
    shop.stripe.in_browser(session, "blik", **{"payment_method_options[blik][code]": "777123"})
    shop.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    until(lambda: shop.session(session["id"])["status"] == "CAPTURED")


def test_blik_without_its_code(shop: Site) -> None:
    """It is refused before Stripe is asked, and the key is named."""
    session = shop.opened("50.00", "PLN", provider="stripe_blik")
    before = shop.stripe.keys()
    refused = authorize(shop.server, session["id"], data={"paymentMethod": "pm_1"})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["data", "blikCode"])
    assert shop.stripe.keys() == before


@pytest.mark.parametrize(
    ("provider", "code"),
    [("stripe_blik", "77712"), ("stripe_blik", 777123), ("stripe_ideal", "777123")],
)
def test_a_code_that_is_not_taken(provider: str, code: Json) -> None:
    """A BLIK code has six digits, and is BLIK's alone."""
    (method,) = (one for one in METHODS if one.id == provider)
    with pytest.raises(DataFault) as fault:
        check({"blikCode": code}, method)
    assert fault.value.key == "blikCode"


def test_a_500_after_a_code_that_was_declined(deaf: Site) -> None:
    """The intent still shows the first code's failure, which says nothing of the second one: that is asked again."""
    session = deaf.opened("50.00", "PLN", provider="stripe_blik")
    authorize(deaf.server, session["id"], **CODE)
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=False)
    assert authorize(deaf.server, session["id"])["__typename"] == "AuthorizationFailed"
    deaf.stripe.fault("FAIL_BEFORE", "confirm")
    answer = authorize(deaf.server, session["id"], **CODE)
    assert answer["__typename"] == "RequiresMoreAction", answer
    is_next = "blik_authorize"
    until(
        lambda: (
            (deaf.stripe.intent(reference_of(session))["next_action"] or {}).get("type") == is_next
        )
    )
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    assert authorize(deaf.server, session["id"])["__typename"] == "Payment"
