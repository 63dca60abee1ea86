"""The flow at Stripe: opened for the browser, confirmed there or on the server, captured, refunded, canceled."""

import json

import pytest

from tests.providers.stripe.site import PUBLISHABLE_KEY, THREE_D_SECURE, VISA, VISA_DETAILS, Site
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    open_collection,
    open_session,
    refund,
)
from tests.support.program.running import Json
from tests.support.stores.records import put_off
from tests.support.waiting import until

BACK = "http://localhost:3000/back"


def reference_of(session: Json) -> str:
    """Return Stripe's name of a session's intent."""
    return str(session["data"]["paymentIntent"])


@pytest.mark.once
def test_a_session_opens_an_intent_for_the_browser(shop: Site) -> None:
    """It is REQUIRES_MORE with what Stripe's library needs; the intent has the amount, our names and nothing else."""
    session = shop.opened("49.90")
    assert session["status"] == "REQUIRES_MORE"
    action = session["requiredAction"]
    assert (action["__typename"], action["publishableKey"]) == ("ConfirmWithSdk", PUBLISHABLE_KEY)
    intent = shop.stripe.intent(reference_of(session))
    assert action["clientSecret"] == intent["client_secret"]
    assert (intent["amount"], intent["currency"], intent["capture_method"]) == (
        4_990,
        "usd",
        "manual",
    )
    assert intent["metadata"]["tillgraph_session"] == session["id"]
    assert intent["automatic_payment_methods"] == {"enabled": True, "allow_redirects": "never"}


@pytest.mark.once
def test_documented_keys_reach_the_intent(shop: Site) -> None:
    """The keys of `data` reach the intent, which allows redirects if there is a return address."""
    session = shop.opened(
        data={
            "setupFutureUsage": "off_session",
            "statementDescriptorSuffix": "ORDER 7",
            "receiptEmail": "ada@example.com",
            "description": "Order 7",
        },
        returnUrl=BACK,
    )
    intent = shop.stripe.intent(reference_of(session))
    assert intent["setup_future_usage"] == "off_session"
    assert intent["statement_descriptor_suffix"] == "ORDER 7"
    assert intent["receipt_email"] == "ada@example.com"
    assert intent["description"] == "Order 7"
    assert intent["automatic_payment_methods"]["allow_redirects"] == "always"


@pytest.mark.parametrize("given", [{"paymentMethod": THREE_D_SECURE}, {}, None])
def test_a_browser_s_data_leaves_a_back_end_s_alone(shop: Site, given: Json) -> None:
    """It replaces what a browser may send, and what it may not send stays; a back end replaces all of it."""
    collection = open_collection(shop.server)
    data = {"offSession": True, "paymentMethod": VISA}
    session = open_session(shop.server, collection["id"], provider="stripe", data=data)
    changed = {"id": session["id"], "data": given}

    def update(bearer: str | None) -> Json:
        answer = shop.server.change("updatePaymentSession", changed, bearer=bearer)
        assert answer["__typename"] == "PaymentSession", answer
        ((stored,),) = shop.server.rows(
            "SELECT data FROM payment_sessions WHERE id = ?", session["id"]
        )
        return json.loads(stored)

    assert update(collection["clientSecret"]) == {"offSession": True, **(given or {})}
    assert update(None) == (given or {})


@pytest.mark.once
@pytest.mark.parametrize(
    ("key", "value"),
    [("receiptEmail", "ada"), ("description", "paid with 4242 4242 4242 4242")],
)
def test_data_that_stripe_does_not_take(shop: Site, key: str, value: Json) -> None:
    """It is INVALID_INPUT with the key's path, and Stripe is not asked."""
    collection = open_collection(shop.server)
    before = shop.stripe.keys()
    made = shop.server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection["id"], "providerId": "stripe", "data": {key: value}},
    )
    assert (made["code"], made["path"]) == ("INVALID_INPUT", ["data", key])
    assert shop.stripe.keys() == before


def test_confirmed_on_the_server(shop: Site) -> None:
    """A payment method's id authorizes at once; the payment says what it was paid with and until when it is held."""
    session = shop.opened()
    payment = authorize(shop.server, session["id"], data={"paymentMethod": VISA})
    assert payment["__typename"] == "Payment"
    found = shop.payment(payment["id"])
    assert found["status"] == "AUTHORIZED"
    assert found["paidWith"] == VISA_DETAILS
    assert found["captureBefore"] is not None
    assert found["data"]["paymentIntent"] == reference_of(session)
    assert shop.stripe.ledger(reference_of(session)) == [("authorize", 10_000)]


def test_confirmed_in_the_browser(deaf: Site) -> None:
    """Stripe's library confirms with the client secret; authorizing then reads the state and makes the payment."""
    session = deaf.opened()
    assert deaf.stripe.in_browser(session, VISA)["status"] == "requires_capture"
    payment = authorize(deaf.server, session["id"])
    assert payment["__typename"] == "Payment"
    assert authorize(deaf.server, session["id"])["id"] == payment["id"]
    assert deaf.stripe.ledger(reference_of(session)) == [("authorize", 10_000)]


def test_not_confirmed_yet(deaf: Site) -> None:
    """Authorizing without data asks how it stands: the browser has to act first."""
    session = deaf.opened()
    answer = authorize(deaf.server, session["id"])
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == "ConfirmWithSdk"
    assert deaf.session(session["id"])["status"] == "REQUIRES_MORE"


@pytest.mark.parametrize("back", [None, BACK])
@pytest.mark.parametrize("succeeds", [True, False])
def test_a_customer_who_has_to_authenticate(deaf: Site, back: str | None, succeeds: bool) -> None:
    """By a redirect where there is an address to come back to, else by Stripe's library; then paid, or ERROR."""
    more = {} if back is None else {"returnUrl": back}
    session = deaf.opened(**more)
    answer = authorize(deaf.server, session["id"], data={"paymentMethod": THREE_D_SECURE})
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == ("ConfirmWithSdk" if back is None else "RedirectToUrl")
    assert authorize(deaf.server, session["id"])["__typename"] == "RequiresMoreAction"
    put_off(deaf.server, session["id"])
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=succeeds)
    answer = authorize(deaf.server, session["id"])
    if succeeds:
        assert answer["__typename"] == "Payment"
        return
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", "ACTION_FAILED")
    assert deaf.session(session["id"])["status"] == "ERROR"
    again = authorize(deaf.server, session["id"])
    assert (again["__typename"], again["action"]["__typename"]) == (
        "RequiresMoreAction",
        "ConfirmWithSdk",
    )
    assert authorize(deaf.server, session["id"])["__typename"] == "RequiresMoreAction"


DECLINES = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
}


@pytest.mark.parametrize("card", DECLINES)
def test_a_declined_card(shop: Site, card: str) -> None:
    """The session is ERROR with Stripe's code and our words; another card is a new attempt that goes through."""
    session = shop.opened()
    answer = authorize(shop.server, session["id"], data={"paymentMethod": card})
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", "DECLINED")
    assert answer["declineCode"] == DECLINES[card]
    assert answer["message"] == f"The provider or the issuer declined: {DECLINES[card]}."
    assert shop.session(session["id"])["status"] == "ERROR"
    again = authorize(shop.server, session["id"])
    assert again["__typename"] == "RequiresMoreAction"
    assert again["action"]["clientSecret"] == session["requiredAction"]["clientSecret"]
    paid = authorize(shop.server, session["id"], data={"paymentMethod": VISA})
    assert paid["__typename"] == "RequiresMoreAction"
    shop.stripe.in_browser(session, VISA)
    until(lambda: shop.session(session["id"])["status"] == "AUTHORIZED")
    assert shop.stripe.ledger(reference_of(session)) == [("authorize", 10_000)]


def test_a_changed_amount_changes_the_intent(shop: Site) -> None:
    """Updating the session updates the intent; it is authorized for the new amount."""
    collection = open_collection(shop.server, "80.00")
    session = shop.server.change(
        "createPaymentSession", {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    )
    changed = shop.server.change("updatePaymentSession", {"id": session["id"], "amount": "60.00"})
    assert changed["amount"] == "60.00"
    assert shop.stripe.intent(reference_of(session))["amount"] == 6_000
    payment = authorize(shop.server, session["id"], data={"paymentMethod": VISA})
    assert payment["amount"] == "60.00"


@pytest.mark.parametrize("what", ["session", "collection"])
def test_closing_cancels_the_intent(shop: Site, what: str) -> None:
    """A canceled session or collection leaves nothing open at Stripe."""
    session = shop.opened()
    if what == "session":
        shop.server.change("cancelPaymentSession", {"id": session["id"]})
    else:
        shop.server.change("cancelPaymentCollection", {"id": session["paymentCollection"]["id"]})
    until(lambda: shop.stripe.intent(reference_of(session))["status"] == "canceled")
    assert shop.session(session["id"])["status"] == "CANCELED"
    assert shop.stripe.ledger(reference_of(session)) == []


def test_captured_once_the_rest_is_given_back(shop: Site) -> None:
    """An ordinary intent is captured once: nothing can be captured any more, and the log says what was given back."""
    payment = shop.paid()
    captured = capture(shop.server, payment["id"], amount="60.00")
    assert captured["__typename"] == "Payment"
    found = shop.payment(payment["id"])
    assert (found["status"], found["capturedAmount"]) == ("CAPTURED", "60.00")
    assert (found["releasedAmount"], found["capturableAmount"]) == ("40.00", "0.00")
    events = event_types(collection_of(shop.server, found["paymentCollection"]["id"]))
    assert events[-2:] == ["PAYMENT_CAPTURED", "PAYMENT_RELEASED"]
    reference = reference_of(found["paymentSession"])
    assert shop.stripe.ledger(reference) == [("authorize", 10_000), ("capture", 6_000)]
    assert capture(shop.server, payment["id"], amount="1.00")["code"] == "INVALID_STATE"


def test_refunded_in_parts(shop: Site) -> None:
    """Each refund is one of Stripe's with our key; what passes the captured amount is refused here."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    for _ in range(2):
        assert refund(shop.server, payment["id"], amount="30.00")["__typename"] == "Payment"
    found = shop.payment(payment["id"])
    assert (found["refundedAmount"], found["refundableAmount"]) == ("60.00", "40.00")
    assert refund(shop.server, payment["id"], amount="40.01")["code"] == "AMOUNT_TOO_LARGE"
    reference = reference_of(found["paymentSession"])
    assert shop.stripe.ledger(reference)[2:] == [("refund", 3_000)] * 2


def test_canceled(shop: Site) -> None:
    """The authorization is given back."""
    payment = shop.paid()
    assert shop.server.change("cancelPayment", {"paymentId": payment["id"]})["status"] == "CANCELED"
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    assert shop.stripe.ledger(reference) == [("authorize", 10_000), ("cancel", 10_000)]


def test_a_refund_that_stripe_takes_its_time_for(shop: Site) -> None:
    """Pending at Stripe it is pending here, and succeeds with Stripe's report."""
    payment = shop.paid(card="pm_card_pendingRefund")
    capture(shop.server, payment["id"])
    answer = refund(shop.server, payment["id"], amount="30.00")
    assert answer["__typename"] == "RefundPending"
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    (at_stripe,) = shop.stripe.call("GET", "refunds", payment_intent=reference)["data"]
    shop.stripe.control("settle", id=at_stripe["id"], succeeds=True)
    until(lambda: shop.payment(payment["id"])["refundedAmount"] == "30.00")


def test_a_refund_that_fails_after_it_succeeded(shop: Site) -> None:
    """Read back from Stripe it is REVERSED, and can be refunded again."""
    payment = shop.paid(card="pm_card_refundFail")
    capture(shop.server, payment["id"])
    assert refund(shop.server, payment["id"], amount="30.00")["__typename"] == "Payment"
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    (at_stripe,) = shop.stripe.call("GET", "refunds", payment_intent=reference)["data"]
    shop.stripe.control("settle", id=at_stripe["id"], succeeds=False)
    until(lambda: shop.payment(payment["id"])["refundedAmount"] == "0.00")
    found = shop.payment(payment["id"])
    assert (found["refunds"][0]["status"], found["refundableAmount"]) == ("REVERSED", "100.00")


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_payment_that_is_processing(shop: Site, succeeds: bool) -> None:
    """The customer can only wait; Stripe's report brings the outcome."""
    session = shop.opened()
    answer = authorize(shop.server, session["id"], data={"paymentMethod": "pm_usBankAccount"})
    assert (answer["__typename"], answer["action"]["__typename"]) == (
        "RequiresMoreAction",
        "AwaitProvider",
    )
    shop.stripe.control("settle", id=reference_of(session), succeeds=succeeds)
    wanted = "AUTHORIZED" if succeeds else "ERROR"
    until(lambda: shop.session(session["id"])["status"] == wanted)


@pytest.mark.once
@pytest.mark.parametrize(
    ("code", "reason"), [("duplicate", "duplicate"), ("damaged", None), (None, None)]
)
def test_a_refund_tells_its_reason(shop: Site, code: str | None, reason: str | None) -> None:
    """The code stands in the refund's metadata, and as Stripe's reason where it is one of Stripe's."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    reasons = {one["code"]: one["id"] for one in shop.server.run("back_end/26_list_refund_reasons")}
    given = {} if code is None else {"reasonId": reasons[code]}
    refund(shop.server, payment["id"], amount="10.00", **given)
    intent_id = shop.payment(payment["id"])["data"]["paymentIntent"]
    (made,) = shop.stripe.call("GET", "refunds", payment_intent=intent_id)["data"]
    assert (made["metadata"].get("tillgraph_reason"), made["reason"]) == (code, reason)
