"""What Stripe reports: verified, stored once, and read back, so that order and number make no difference."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence

import httpx2
import orjson
import pytest
import stripe

from tests.at_stripe.site import VISA, WEBHOOK_SECRET, Site, site, waiting_reports
from tests.at_stripe.test_flow import reference_of
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    open_collection,
    open_session,
    refund,
)
from tests.support.waiting import until

BACK = "https://shop.example/back"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose Stripe reports only when it is told to."""
    with site(tmp_path_factory.mktemp("held")) as made:
        made.stripe.control("hold", holds=True)
        yield made


def sources_of(shop: Site, session: Json) -> list[tuple[str, str]]:
    """List the types and sources of the events of a session's collection, oldest first."""
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
    """By a person in the dashboard, or by Stripe because the time was over: the payment is canceled and says which."""
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
def test_reports_in_any_order_and_number(held: Site, order: Sequence[int]) -> None:
    """Every permutation of a payment's reports, each three times: the same payment, and every movement once."""
    session = everything_at_stripe(held)
    events = [
        event
        for event in held.stripe.events(reference_of(session))
        if event["type"] != "payment_intent.created"
    ]
    assert len(events) == len(order)
    for number in order:
        assert held.stripe.deliver([events[number]] * 3) == [204] * 3
    found = until(lambda: _paid(held, session))
    assert (found["capturedAmount"], found["refundedAmount"]) == ("80.00", "30.00")
    assert held.stripe.deliver(events) == [204] * 3
    types = event_types(collection_of(held.server, session["paymentCollection"]["id"]))
    assert types.count("SESSION_AUTHORIZED") == 1
    assert types.count("PAYMENT_CAPTURED") == 1
    assert types.count("PAYMENT_REFUNDED") == 1


def _paid(shop: Site, session: Json) -> Json:
    payment = shop.session(session["id"])["payment"]
    found = None if payment is None else shop.payment(payment["id"])
    return found if found is not None and found["refundedAmount"] == "30.00" else None


def test_reports_while_it_happens(held: Site) -> None:
    """A report that is late tells of what was: it changes nothing, whatever has happened since."""
    session = held.opened()
    authorize(held.server, session["id"], data={"paymentMethod": "pm_card_chargeDeclined"})
    held.stripe.in_browser(session, VISA)
    payment = authorize(held.server, session["id"])
    assert payment["__typename"] == "Payment"
    captured = capture(held.server, payment["id"], amount="70.00")
    assert captured["capturedAmount"] == "70.00"
    events = held.stripe.events(reference_of(session))
    before = collection_of(held.server, session["paymentCollection"]["id"])
    assert held.stripe.deliver(events[::-1]) == [204] * len(events)
    until(lambda: not waiting_reports(held.server))
    assert collection_of(held.server, session["paymentCollection"]["id"]) == before


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
    """Post a report; gives the status."""
    address = f"{server.url}/webhooks/stripe"
    raw = {
        name.encode(): value if isinstance(value, bytes) else value.encode()
        for name, value in headers.items()
    }
    return httpx2.post(
        address, content=body, headers=raw, trust_env=False, verify=False
    ).status_code


def changed(**values: Json) -> bytes:
    """Write the event with other values."""
    return orjson.dumps({**EVENT, **values})


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (changed(), {}),
        (changed(), {"stripe-signature": ""}),
        (changed(), {"stripe-signature": "t=1,v1=é".encode()}),
        (changed(), {"stripe-signature": "t=x,v1=y"}),
        (changed(), signed(changed(), secret="whsec_wrong")),
        (changed(), signed(changed(), at=-301)),
        (changed(), signed(changed(), at=86_400)),
        (changed(), signed(changed(id="evt_2"))),
        (b"\xff\xfe", signed(b"\xff\xfe")),
        *(
            (body, signed(body))
            for body in (
                b"[]",
                b"5",
                b"null",
                b"{}",
                b"",
                b"{",
                b"[" * 100_000,
                changed(id=None),
                changed(id="x" * 256),
                changed(type=None),
                changed(object="thing"),
                changed(livemode=True),
                changed(livemode=None),
                changed(account="acct_1"),
                changed(data=None),
                changed(data={"object": []}),
                changed(data={"object": {"id": 5, "object": "payment_intent"}}),
            )
        ),
    ],
)
def test_a_report_that_is_none(held: Site, body: bytes, headers: Mapping[str, str | bytes]) -> None:
    """Unsigned, of another time, mode or account, or malformed: 400, and nothing is stored."""
    before = held.server.rows("SELECT count(*) FROM provider_reports")
    assert post(held.server, body, headers) == 400
    assert held.server.rows("SELECT count(*) FROM provider_reports") == before


def test_a_report_that_is_too_large(held: Site) -> None:
    """Ten mebibytes are refused before they are read."""
    assert post(held.server, b" " * (10 * 1024 * 1024), {}) == 413


def test_both_secrets_are_taken(held: Site) -> None:
    """While secrets are rotated, what either signed is taken."""
    for number, secret in enumerate((WEBHOOK_SECRET, "whsec_of_another_time")):
        body = changed(id=f"evt_rotation_{number}")
        assert post(held.server, body, signed(body, secret=secret)) == 204


def test_what_is_about_nothing_of_ours(held: Site) -> None:
    """Events of other kinds, and of intents that another program made, are taken and come to nothing."""
    body = changed(id="evt_other_kind", type="customer.created", data={"object": {"id": "cus_1"}})
    before = held.server.rows("SELECT count(*) FROM provider_reports")
    assert post(held.server, body, signed(body)) == 204
    assert held.server.rows("SELECT count(*) FROM provider_reports") == before
    made = held.stripe.call("POST", "payment_intents", amount="700", currency="usd")
    body = changed(id="evt_other_program", data={"object": made})
    assert post(held.server, body, signed(body)) == 204
    until(lambda: not _waiting_for(held.server, made["id"]))


def _waiting_for(server: RunningServer, reference: str) -> bool:
    found = server.rows(
        "SELECT event_id FROM provider_reports WHERE applied_at IS NULL AND reference = ?",
        reference,
    )
    return bool(found)


def test_a_report_while_stripe_is_down(held: Site) -> None:
    """It is stored and answered; what it is about is read when Stripe is back."""
    session = held.opened()
    held.stripe.in_browser(session, VISA)
    (event,) = [
        event
        for event in held.stripe.events(reference_of(session))
        if event["type"] == "payment_intent.amount_capturable_updated"
    ]
    held.stripe.fault("HTML", "retrieve", times=2)
    assert held.stripe.deliver([event]) == [204]
    until(lambda: held.session(session["id"])["status"] == "AUTHORIZED")
    held.stripe.control("go_on")


def test_reading_holds_nobody_up(held: Site) -> None:
    """While Stripe takes its time to be read, what is unknown at another gateway is settled."""
    session = held.opened()
    held.stripe.in_browser(session, VISA)
    events = held.stripe.events(reference_of(session))
    held.stripe.fault("HOLD_BEFORE", "retrieve", times=50)
    assert set(held.stripe.deliver(events)) == {204}
    collection = open_collection(held.server)
    other = open_session(held.server, collection["id"], "lost_reply")
    assert authorize(held.server, other["id"])["__typename"] == "RequiresMoreAction"
    until(lambda: held.session(other["id"])["status"] == "AUTHORIZED", seconds=4)
    assert held.session(session["id"])["status"] == "REQUIRES_MORE"
    held.stripe.control("go_on")
    until(lambda: held.session(session["id"])["status"] == "AUTHORIZED")
