"""Stripe's reports: verified, stored once, and read back, so that order and number make no difference."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence

import httpx2
import orjson
import pytest
import stripe

from tests.providers.stripe.site import VISA, WEBHOOK_SECRET, Site, waiting_reports
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    open_collection,
    open_session,
    refund,
)
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

BACK = "https://shop.example/back"


def sources_of(shop: Site, session: Json) -> list[tuple[str, str]]:
    """Return the types and sources of the events of a session's collection, oldest first."""
    collection = collection_of(shop.server, session["paymentCollection"]["id"])
    return [
        (edge["node"]["type"], edge["node"]["source"]) for edge in collection["events"]["edges"]
    ]


def test_a_customer_who_closed_the_tab_has_paid(shop: Site) -> None:
    """Confirmed in the browser and never authorized here: Stripe's report authorizes the session, once."""
    session = shop.opened()
    assert shop.stripe.in_browser(session, VISA)["status"] == "requires_capture"
    until(lambda: shop.session(session["id"])["status"] == "AUTHORIZED")
    assert sources_of(shop, session)[-1] == ("SESSION_AUTHORIZED", "WEBHOOK")
    payment = authorize(shop.server, session["id"])
    assert payment["__typename"] == "Payment"
    assert capture(shop.server, payment["id"])["status"] == "CAPTURED"
    assert shop.stripe.ledger(reference_of(session)) == [("authorize", 10_000), ("capture", 10_000)]


def test_a_card_that_fails_in_the_browser_first(shop: Site) -> None:
    """Nothing was attempted here: a failure in the browser changes nothing, and the next card pays."""
    session = shop.opened()
    shop.stripe.in_browser(session, "pm_card_chargeDeclined")
    shop.stripe.in_browser(session, VISA)
    until(lambda: shop.session(session["id"])["status"] == "AUTHORIZED")
    assert "SESSION_FAILED" not in [type for type, _ in sources_of(shop, session)]


def test_captured_in_stripes_dashboard(shop: Site) -> None:
    """It counts, with source PROVIDER; what the capture left is given back."""
    payment = shop.paid()
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    shop.stripe.call("POST", f"payment_intents/{reference}/capture", amount_to_capture="6000")
    found = until(lambda: _with(shop, payment, capturedAmount="60.00"))
    assert (found["releasedAmount"], found["capturableAmount"]) == ("40.00", "0.00")
    assert [(one["source"], one["status"]) for one in found["captures"]] == [
        ("PROVIDER", "SUCCEEDED")
    ]


def test_refunded_in_stripes_dashboard(shop: Site) -> None:
    """It counts, with source PROVIDER, beside our own refunds."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    refund(shop.server, payment["id"], amount="10.00")
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    shop.stripe.call("POST", "refunds", payment_intent=reference, amount="2500")
    found = until(lambda: _with(shop, payment, refundedAmount="35.00"))
    assert [one["source"] for one in found["refunds"]] == ["API", "PROVIDER"]
    assert refund(shop.server, payment["id"], amount="65.01")["code"] == "AMOUNT_TOO_LARGE"


@pytest.mark.parametrize(
    ("reason", "said"), [("requested_by_customer", "PROVIDER"), ("automatic", "EXPIRED")]
)
def test_canceled_at_stripe(shop: Site, reason: str, said: str) -> None:
    """By an operator in the dashboard, or by Stripe because it expired: the payment is canceled and says which."""
    payment = shop.paid()
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    shop.stripe.control("cancel", id=reference, reason=reason)
    found = until(lambda: _with(shop, payment, status="CANCELED"))
    assert (found["cancellationReason"], found["releasedAmount"]) == (said, "100.00")


def test_an_open_session_canceled_at_stripe(shop: Site) -> None:
    """It is closed here too."""
    session = shop.opened()
    shop.stripe.control("cancel", id=reference_of(session), reason="abandoned")
    until(lambda: shop.session(session["id"])["status"] == "CANCELED")


def _with(shop: Site, payment: Json, **values: str) -> Json:
    found = shop.payment(payment["id"])
    return found if all(found[name] == value for name, value in values.items()) else None


def everything_at_stripe(shop: Site) -> Json:
    """Let a customer pay in the browser, and somebody capture and refund in the dashboard; nothing is reported."""
    session = shop.opened()
    shop.stripe.in_browser(session, VISA)
    reference = reference_of(session)
    shop.stripe.call("POST", f"payment_intents/{reference}/capture", amount_to_capture="8000")
    shop.stripe.call("POST", "refunds", payment_intent=reference, amount="3000")
    return session


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_reports_in_any_order_and_number(deaf: Site, order: Sequence[int]) -> None:
    """Every permutation of a payment's reports, each three times: the same payment, and every movement once."""
    session = everything_at_stripe(deaf)
    reported = deaf.stripe.events(reference_of(session))
    # Each of what is told a second time of the charge would make the orders five times as many.
    twice = ("payment_intent.created", "charge.captured", "charge.refunded")
    events = [event for event in reported if event["type"] not in twice]
    assert len(events) == len(order)
    for number in order:
        assert deaf.stripe.deliver([events[number]] * 3) == [204] * 3
    found = until(lambda: _paid(deaf, session))
    assert (found["capturedAmount"], found["refundedAmount"]) == ("80.00", "30.00")
    assert deaf.stripe.deliver(reported) == [204] * len(reported)
    types = event_types(collection_of(deaf.server, session["paymentCollection"]["id"]))
    assert types.count("SESSION_AUTHORIZED") == 1
    assert types.count("PAYMENT_CAPTURED") == 1
    assert types.count("PAYMENT_REFUNDED") == 1


def _paid(shop: Site, session: Json) -> Json:
    payment = shop.session(session["id"])["payment"]
    found = None if payment is None else shop.payment(payment["id"])
    return found if found is not None and found["refundedAmount"] == "30.00" else None


def test_reports_while_it_happens(deaf: Site) -> None:
    """A report that is late tells of what was: it changes nothing, whatever has happened since."""
    session = deaf.opened()
    authorize(deaf.server, session["id"], data={"paymentMethod": "pm_card_chargeDeclined"})
    deaf.stripe.in_browser(session, VISA)
    payment = authorize(deaf.server, session["id"])
    assert payment["__typename"] == "Payment"
    captured = capture(deaf.server, payment["id"], amount="70.00")
    assert captured["capturedAmount"] == "70.00"
    events = deaf.stripe.events(reference_of(session))
    before = collection_of(deaf.server, session["paymentCollection"]["id"])
    assert deaf.stripe.deliver(events[::-1]) == [204] * len(events)
    until(lambda: not waiting_reports(deaf.server))
    assert collection_of(deaf.server, session["paymentCollection"]["id"]) == before


EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {"object": {"id": "pi_none_of_ours", "object": "payment_intent"}},
}


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float = 0) -> dict[str, str]:
    """Sign a body as Stripe does, some seconds from now."""
    text = body.decode("utf-8", "surrogateescape")
    timestamp = int(time.time() + at)
    if not text.isascii():
        text = ""
    header = stripe.WebhookSignature.generate_signature_header(text, secret, timestamp)
    return {"stripe-signature": header, "content-type": "application/json"}


def post(server: RunningServer, body: bytes, headers: Mapping[str, str | bytes]) -> int:
    """Post a report; return the status."""
    address = f"{server.url}/webhooks/stripe"
    raw = {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in headers.items()
    }
    return httpx2.post(
        address, content=body, headers=raw, trust_env=False, verify=False
    ).status_code


def report(**values: Json) -> bytes:
    """Write the event with other values."""
    return orjson.dumps({**EVENT, **values})


@pytest.mark.once
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (report(), lambda _: {}),
        (report(), lambda _: {"stripe-signature": "t=1,v1=é".encode()}),
        (report(), lambda body: signed(body, at=-301)),
        (report(), lambda body: {"stripe-signature": f"{signed(body)['stripe-signature']},t=abc"}),
        (b"\xff\xfe", signed),
        (b"[" * 100_000, signed),
        (report(livemode=True), signed),
    ],
    ids=[
        "unsigned",
        "not ascii",
        "too old",
        "two times",
        "not utf-8",
        "nested",
        "of the other mode",
    ],
)
def test_a_report_that_is_none(
    deaf: Site, body: bytes, headers: Callable[[bytes], Mapping[str, str | bytes]]
) -> None:
    """Unsigned, or of what can not be read: 400, and nothing is stored."""
    before = deaf.server.rows("SELECT count(*) FROM provider_reports")
    assert post(deaf.server, body, headers(body)) == 400
    assert deaf.server.rows("SELECT count(*) FROM provider_reports") == before


@pytest.mark.once
def test_a_report_that_is_too_large(deaf: Site) -> None:
    """Ten mebibytes are refused before they are read."""
    assert post(deaf.server, b" " * (10 * 1024 * 1024), {}) == 413


@pytest.mark.once
def test_both_secrets_are_taken(deaf: Site) -> None:
    """While secrets are rotated, what either signed is taken."""
    for number, secret in enumerate((WEBHOOK_SECRET, "whsec_of_another_time")):
        body = report(id=f"evt_rotation_{number}")
        assert post(deaf.server, body, signed(body, secret=secret)) == 204


def test_what_is_about_nothing_of_ours(deaf: Site) -> None:
    """Events of other kinds, and of intents that another program made, are taken and come to nothing."""
    body = report(id="evt_other_kind", type="customer.created", data={"object": {"id": "cus_1"}})
    before = deaf.server.rows("SELECT count(*) FROM provider_reports")
    assert post(deaf.server, body, signed(body)) == 204
    assert deaf.server.rows("SELECT count(*) FROM provider_reports") == before
    made = deaf.stripe.call("POST", "payment_intents", amount="700", currency="usd")
    body = report(id="evt_other_program", data={"object": made})
    assert post(deaf.server, body, signed(body)) == 204
    until(lambda: not _waiting_for(deaf.server, made["id"]))


def _waiting_for(server: RunningServer, reference: str) -> bool:
    found = server.rows(
        "SELECT event_id FROM provider_reports WHERE applied_at IS NULL AND reference = ?",
        reference,
    )
    return bool(found)


def test_a_report_while_stripe_is_down(deaf: Site) -> None:
    """It is stored and answered; what it is about is read when Stripe is back."""
    session = deaf.opened()
    deaf.stripe.in_browser(session, VISA)
    (event,) = [
        event
        for event in deaf.stripe.events(reference_of(session))
        if event["type"] == "payment_intent.amount_capturable_updated"
    ]
    deaf.stripe.fault("HTML", "retrieve", times=2)
    assert deaf.stripe.deliver([event]) == [204]
    until(lambda: deaf.session(session["id"])["status"] == "AUTHORIZED")
    deaf.stripe.control("go_on")


def test_reading_holds_nobody_up(patient: Site) -> None:
    """While Stripe takes its time to be read, what is unknown at another gateway is settled."""
    session = patient.opened()
    patient.stripe.in_browser(session, VISA)
    events = patient.stripe.events(reference_of(session))
    patient.stripe.fault("HOLD_BEFORE", "retrieve", times=50)
    assert set(patient.stripe.deliver(events)) == {204}
    until(lambda: patient.stripe.held("retrieve"))
    collection = open_collection(patient.server)
    other = open_session(patient.server, collection["id"], "lost_reply")
    assert authorize(patient.server, other["id"])["__typename"] == "RequiresMoreAction"
    until(lambda: patient.session(other["id"])["status"] == "AUTHORIZED")
    assert patient.session(session["id"])["status"] == "REQUIRES_MORE"
    assert patient.stripe.held("retrieve") == 1
    patient.stripe.control("go_on")
    until(lambda: patient.session(session["id"])["status"] == "AUTHORIZED")
