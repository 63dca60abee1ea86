"""Stripe's disputes, on the payment and in the log."""

import orjson
import pytest

from tests.providers.stripe.site import VISA, Site, waiting_reports
from tests.providers.stripe.test_flow import reference_of
from tests.providers.stripe.test_reports import post, signed
from tests.support.flow.shop import capture, collection_of
from tests.support.program.running import Json
from tests.support.program.server_log import logged
from tests.support.waiting import until

pytestmark = pytest.mark.once

DISPUTES = """
query ($id: ID!) { payment(id: $id) {
  status capturedAmount refundedAmount
  disputes {
    id status amount currencyCode reason externalId respondBefore createdAt updatedAt
    payment { id }
  }
} }
"""

EVENTS = """
query ($id: ID!) { paymentCollection(id: $id) { events(first: 50) { edges { node {
  type source amount dispute { id status }
} } } } }
"""

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


def disputed(shop: Site, status: str = "needs_response") -> tuple[Json, Json]:
    """Let a customer object to a captured payment; return the payment and Stripe's dispute."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    found = shop.payment(payment["id"])
    reference = reference_of(found["paymentSession"])
    made = shop.stripe.control("dispute", id=reference, reason="fraudulent", status=status)
    return found, made


def disputes_of(shop: Site, payment: Json, **more: str) -> list[Json]:
    """Read a payment's disputes."""
    found = shop.server.execute(DISPUTES, {"id": payment["id"]}, **more)["payment"]
    assert (found["status"], found["refundedAmount"]) == ("CAPTURED", "0.00")
    return list(found["disputes"])


def stands(shop: Site, payment: Json, status: str) -> Json:
    """Wait until the payment's one dispute is in a status, and return it."""

    def look() -> Json:
        found = disputes_of(shop, payment)
        return found[0] if found and found[0]["status"] == status else None

    return until(look)


def told(shop: Site, payment: Json) -> list[tuple[str, str, str]]:
    """Return the events about disputes, oldest first: type, source and how it stands now."""
    found = shop.server.execute(EVENTS, {"id": payment["paymentCollection"]["id"]})
    return [
        (edge["node"]["type"], edge["node"]["source"], edge["node"]["dispute"]["status"])
        for edge in found["paymentCollection"]["events"]["edges"]
        if edge["node"]["type"].startswith("DISPUTE")
    ]


@pytest.mark.both
def test_a_dispute_is_shown_and_told(shop: Site) -> None:
    """Opened, changed and lost: on the payment as it stands, and an event for each; it moves no sum."""
    payment, made = disputed(shop)
    one = stands(shop, payment, "NEEDS_RESPONSE")
    assert (one["amount"], one["currencyCode"], one["reason"]) == ("100.00", "USD", "fraudulent")
    assert (one["externalId"], one["payment"]["id"]) == (made["id"], payment["id"])
    assert one["respondBefore"] is not None
    for at_stripe, status in (("under_review", "UNDER_REVIEW"), ("lost", "LOST")):
        shop.stripe.control("decide", id=made["id"], status=at_stripe)
        stands(shop, payment, status)
    assert told(shop, payment) == [
        ("DISPUTE_OPENED", "WEBHOOK", "LOST"),
        ("DISPUTE_UPDATED", "WEBHOOK", "LOST"),
        ("DISPUTE_CLOSED", "WEBHOOK", "LOST"),
    ]
    found = shop.server.execute(NODE, {"id": one["id"]})["node"]
    assert found == {"__typename": "Dispute", "id": one["id"]}


def test_a_dispute_that_was_prevented(shop: Site) -> None:
    """It was over before any response was requested, and is CLOSED."""
    payment, _ = disputed(shop, "prevented")
    stands(shop, payment, "CLOSED")


def test_a_lost_dispute_that_is_appealed(shop: Site) -> None:
    """It is open again by the appeal alone, and may be won."""
    payment, made = disputed(shop)
    stands(shop, payment, "NEEDS_RESPONSE")
    for at_stripe, status in (
        ("lost", "LOST"),
        ("appeal_needs_response", "NEEDS_RESPONSE"),
        ("appeal_under_review", "UNDER_REVIEW"),
        ("won", "WON"),
    ):
        shop.stripe.control("decide", id=made["id"], status=at_stripe)
        stands(shop, payment, status)
    assert [type for type, _, _ in told(shop, payment)] == [
        "DISPUTE_OPENED",
        "DISPUTE_CLOSED",
        "DISPUTE_UPDATED",
        "DISPUTE_UPDATED",
        "DISPUTE_CLOSED",
    ]


def test_a_word_that_nobody_knows_blocks_no_money(own: Site) -> None:
    """A dispute with a status of a later day is under review; a refund beside it is recorded, and the records agree."""
    payment, reference = disputed_and_refunded(own, "settled_on_the_moon")
    report_all(own, reference)
    until(lambda: own.payment(payment["id"])["refundedAmount"] == "25.00")
    found = own.server.execute(DISPUTES, {"id": payment["id"]})["payment"]["disputes"]
    assert [one["status"] for one in found] == ["UNDER_REVIEW"]
    assert own.server.command("check", "--provider", "stripe") == (
        0,
        "Every invariant holds.\n1 sessions compared with stripe, 0 differences.\n",
    )


def test_disputes_that_can_not_be_read_hold_up_no_money(own: Site) -> None:
    """A refund is recorded meanwhile, and the disputes as soon as they can be read; the log tells what was not."""
    payment, reference = disputed_and_refunded(own, "needs_response")
    own.stripe.fault("FAIL_BEFORE", "disputes", times=1_000)
    report_all(own, reference)
    until(lambda: own.payment(payment["id"])["refundedAmount"] == "25.00")
    assert own.server.execute(DISPUTES, {"id": payment["id"]})["payment"]["disputes"] == []
    assert waiting_reports(own.server) > 0
    until(lambda: logged(own.server, "report not applied"))
    own.stripe.control("go_on")
    until(lambda: own.server.execute(DISPUTES, {"id": payment["id"]})["payment"]["disputes"])
    until(lambda: waiting_reports(own.server) == 0)
    not_applied = logged(own.server, "report not applied")
    session = own.opened()
    own.stripe.in_browser(session, VISA)
    report_all(own, reference_of(session))
    until(lambda: own.session(session["id"])["status"] == "AUTHORIZED")
    until(lambda: waiting_reports(own.server) == 0)
    assert logged(own.server, "report not applied") == not_applied


def disputed_and_refunded(shop: Site, status: str) -> tuple[Json, str]:
    """Capture a payment that is then refunded in part and disputed at Stripe; return it with its intent's name."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    reference = reference_of(shop.payment(payment["id"])["paymentSession"])
    shop.stripe.call("POST", "refunds", payment_intent=reference, amount="2500")
    shop.stripe.control("dispute", id=reference, reason="fraudulent", status=status)
    return payment, reference


def report_all(shop: Site, reference: str) -> None:
    """Report every event about an intent."""
    for event in shop.stripe.events(reference):
        body = orjson.dumps(event)
        assert post(shop.server, body, signed(body)) == 204


def test_a_dispute_told_of_again(shop: Site) -> None:
    """The same reports three times each, after the decision: one dispute, and nothing is told twice."""
    payment, made = disputed(shop)
    stands(shop, payment, "NEEDS_RESPONSE")
    shop.stripe.control("decide", id=made["id"], status="won")
    stands(shop, payment, "WON")
    before = collection_of(shop.server, payment["paymentCollection"]["id"])
    events = shop.stripe.events(reference_of(payment["paymentSession"]))
    assert set(shop.stripe.deliver(events * 3)) == {204}
    until(lambda: not waiting_reports(shop.server))
    assert collection_of(shop.server, payment["paymentCollection"]["id"]) == before


def test_a_browser_sees_no_dispute(shop: Site) -> None:
    """It is the shop's matter: none on the payment, none in the log, none by its id."""
    payment, _ = disputed(shop)
    one = stands(shop, payment, "NEEDS_RESPONSE")
    collection = collection_of(shop.server, payment["paymentCollection"]["id"])
    secret = collection["clientSecret"]
    assert disputes_of(shop, payment, bearer=secret) == []
    assert shop.server.execute(NODE, {"id": one["id"]}, bearer=secret)["node"] is None
    found = shop.server.execute(EVENTS, {"id": collection["id"]}, bearer=secret)
    nodes = [edge["node"] for edge in found["paymentCollection"]["events"]["edges"]]
    assert [node["dispute"] for node in nodes if node["type"] == "DISPUTE_OPENED"] == [None]
