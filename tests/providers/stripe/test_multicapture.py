"""Captures in parts: what each leaves, what becomes of the rest, and which capture the intent shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.stripe import captures
from tests.providers.stripe.site import Site, site, waiting_reports
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    refund,
    unsettled,
)
from tests.support.program.running import Json
from tests.support.stores.records import days_ago, lapse, operation_in
from tests.support.waiting import until

pytestmark = pytest.mark.once

JCB = "pm_card_jcb"
"""A card that is captured once, at the fake."""


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose account captures in parts."""
    folder = tmp_path_factory.mktemp("in_parts")
    with site(folder, TILLGRAPH_STRIPE_MULTICAPTURE="true") as made:
        yield made


@pytest.mark.both
def test_captured_in_parts(in_parts: Site) -> None:
    """By setting: each capture leaves the rest authorized until one is final."""
    payment = in_parts.paid()
    for amount in ("10.00", "20.00"):
        assert capture(in_parts.server, payment["id"], amount=amount)["__typename"] == "Payment"
    found = in_parts.payment(payment["id"])
    assert (found["capturedAmount"], found["capturableAmount"]) == ("30.00", "70.00")
    assert (
        capture(in_parts.server, payment["id"], amount="5.00", isFinal=True)["__typename"]
        == "Payment"
    )
    found = in_parts.payment(payment["id"])
    assert (found["status"], found["capturedAmount"], found["releasedAmount"]) == (
        "CAPTURED",
        "35.00",
        "65.00",
    )
    reference = reference_of(found["paymentSession"])
    assert in_parts.stripe.ledger(reference)[1:] == [
        ("capture", 1_000),
        ("capture", 2_000),
        ("capture", 500),
    ]


@pytest.mark.both
def test_captured_in_part_and_canceled(in_parts: Site) -> None:
    """Canceling gives the rest back; what was captured stands."""
    payment = in_parts.paid()
    capture(in_parts.server, payment["id"], amount="40.00")
    answer = in_parts.server.change("cancelPayment", {"paymentId": payment["id"]})
    assert answer["__typename"] == "Payment"
    found = in_parts.payment(payment["id"])
    assert (found["status"], found["releasedAmount"]) == ("CAPTURED", "60.00")


def reference_of_payment(shop: Site, payment: Json) -> str:
    """Return Stripe's name of a payment's intent."""
    return reference_of(shop.payment(payment["id"])["paymentSession"])


def captured_in_part(shop: Site, *amounts: str) -> Json:
    """Authorize 100.00 and capture some of it, in parts; return the payment."""
    payment = shop.paid()
    for amount in amounts:
        assert capture(shop.server, payment["id"], amount=amount)["__typename"] == "Payment"
    return payment


def sums_of(shop: Site, payment: Json) -> tuple[str, str, str, str]:
    """Read a payment's status, and what of it is captured, released and left to capture."""
    found = shop.payment(payment["id"])
    names = ("status", "capturedAmount", "releasedAmount", "capturableAmount")
    status, captured, released, left = (str(found[name]) for name in names)
    return status, captured, released, left


def events_of(shop: Site, payment: Json) -> list[str]:
    """Return the types of the events of a payment's collection, oldest first."""
    id = shop.payment(payment["id"])["paymentCollection"]["id"]
    return event_types(collection_of(shop.server, id))


def is_left_to_nobody(shop: Site, payment: Json) -> bool:
    """Return whether nothing of a payment waits for recovery or an operator."""
    return not unsettled(shop.server, shop.payment(payment["id"])["paymentSession"]["id"])


def test_the_rest_of_an_authorization_expires(in_parts: Site) -> None:
    """The intent succeeds at Stripe: the rest is released, is not offered any more, and nobody has to look."""
    payment = captured_in_part(in_parts, "10.00", "20.00")
    reference = reference_of_payment(in_parts, payment)
    in_parts.stripe.control("lapse", id=reference)
    over = ("CAPTURED", "30.00", "70.00", "0.00")
    until(lambda: sums_of(in_parts, payment) == over)
    assert events_of(in_parts, payment)[-3:] == [
        "PAYMENT_CAPTURE_PENDING",
        "PAYMENT_CAPTURED",
        "PAYMENT_EXPIRED",
    ]
    assert is_left_to_nobody(in_parts, payment)
    refused = capture(in_parts.server, payment["id"], amount="1.00")
    assert (refused["__typename"], refused["code"]) == ("CaptureFailed", "INVALID_STATE")
    # What is reported once more is no news.
    assert in_parts.stripe.deliver(in_parts.stripe.events(reference))
    until(lambda: not waiting_reports(in_parts.server))
    assert sums_of(in_parts, payment) == over


def test_the_rest_expires_unreported(in_parts: Site) -> None:
    """Stripe refuses to cancel what has succeeded: that the rest was not captured proves that it was given back."""
    payment = captured_in_part(in_parts, "10.00", "20.00")
    reference = reference_of_payment(in_parts, payment)
    with in_parts.stripe.silence():
        in_parts.stripe.control("lapse", id=reference)
        lapse(in_parts.server, payment["id"])
        over = ("CAPTURED", "30.00", "70.00", "0.00")
        until(lambda: sums_of(in_parts, payment) == over)
    assert is_left_to_nobody(in_parts, payment)
    assert events_of(in_parts, payment)[-1] == "PAYMENT_EXPIRED"


def test_all_of_an_authorization_expires(in_parts: Site) -> None:
    """Nothing was captured: the intent is canceled at Stripe, and the payment here."""
    payment = in_parts.paid()
    in_parts.stripe.control("lapse", id=reference_of_payment(in_parts, payment))
    until(lambda: sums_of(in_parts, payment) == ("CANCELED", "0.00", "100.00", "0.00"))
    assert in_parts.payment(payment["id"])["cancellationReason"] == "EXPIRED"
    assert events_of(in_parts, payment)[-1] == "PAYMENT_EXPIRED"


def test_the_rest_expires_while_a_capture_is_unknown(in_parts: Site) -> None:
    """The amount of an unknown capture stays held until its own outcome; all the rest is released."""
    payment = captured_in_part(in_parts, "10.00")
    reference = reference_of_payment(in_parts, payment)
    with in_parts.stripe.silence():
        in_parts.stripe.fault("DROP_BEFORE", "capture", times=200)
        answer = capture(in_parts.server, payment["id"], amount="20.00")
        assert answer["__typename"] == "CapturePending"
        in_parts.stripe.control("lapse", id=reference)
    event = in_parts.stripe.events(reference)[-1]
    assert in_parts.stripe.deliver([event]) == [204]
    until(lambda: sums_of(in_parts, payment)[2] == "70.00")
    in_parts.stripe.control("go_on")
    days_ago(in_parts.server, in_parts.payment(payment["id"])["paymentSession"]["id"])
    until(lambda: is_left_to_nobody(in_parts, payment))
    lapse(in_parts.server, payment["id"])
    until(lambda: sums_of(in_parts, payment) == ("CAPTURED", "10.00", "90.00", "0.00"))
    until(lambda: is_left_to_nobody(in_parts, payment))


def test_captured_for_the_last_time_in_the_dashboard(in_parts: Site) -> None:
    """Behind two captures of ours: it counts with source PROVIDER, and the rest is released."""
    payment = captured_in_part(in_parts, "10.00", "20.00")
    reference = reference_of_payment(in_parts, payment)
    in_parts.stripe.call("POST", f"payment_intents/{reference}/capture", amount_to_capture="500")
    until(lambda: sums_of(in_parts, payment) == ("CAPTURED", "35.00", "65.00", "0.00"))
    assert [one["source"] for one in in_parts.payment(payment["id"])["captures"]] == [
        "API",
        "API",
        "PROVIDER",
    ]


def test_captured_for_the_last_time_after_a_capture_in_the_dashboard(in_parts: Site) -> None:
    """Our only capture took its own amount, and not all that Stripe has received."""
    payment = in_parts.paid()
    reference = reference_of(in_parts.payment(payment["id"])["paymentSession"])
    path, values = f"payment_intents/{reference}/capture", {"amount_to_capture": "3000"}
    in_parts.stripe.call("POST", path, **values, final_capture="false")
    until(lambda: in_parts.payment(payment["id"])["capturedAmount"] == "30.00")
    last = capture(in_parts.server, payment["id"], amount="20.00", isFinal=True)
    assert last["capturedAmount"] == "50.00"
    until(lambda: not waiting_reports(in_parts.server))
    found = in_parts.payment(payment["id"])
    assert (found["capturedAmount"], found["releasedAmount"]) == ("50.00", "50.00")
    assert refund(in_parts.server, payment["id"])["refundedAmount"] == "50.00"


def test_the_books_of_what_was_captured_in_parts(tmp_path: Path) -> None:
    """Two captures, and the rest released by a last one, by a cancellation or by time: no difference."""
    with site(tmp_path, hears_reports=False, TILLGRAPH_STRIPE_MULTICAPTURE="true") as own:
        by_capture = captured_in_part(own, "10.00", "20.00")
        capture(own.server, by_capture["id"], amount="5.00", isFinal=True)
        by_cancellation = captured_in_part(own, "10.00", "20.00")
        own.server.change("cancelPayment", {"paymentId": by_cancellation["id"]})
        by_time = captured_in_part(own, "10.00")
        captured_in_part(own, "10.00", "90.00")
        own.stripe.control("lapse", id=reference_of_payment(own, by_time))
        code, printed = own.server.command("recover", "--since", "2020-01-01T00:00:00Z")
        # Four authorizations, three captures, twice two and one, and three releases, of which one is news.
        assert (code, printed) == (0, "15 effects read, 1 recorded.\n")
        assert own.server.command("check", "--provider", "stripe") == (
            0,
            "Every invariant holds.\n4 sessions compared with stripe, 0 differences.\n",
        )


def test_a_card_that_is_captured_once(in_parts: Site) -> None:
    """A capture that would leave the rest is INVALID_STATE before Stripe is asked; a final one, and a whole one, go."""
    session = in_parts.opened()
    payment = authorize(in_parts.server, session["id"], data={"paymentMethod": JCB})
    assert in_parts.payment(payment["id"])["data"]["multicapture"] == "unavailable"
    asked = in_parts.stripe.keys()
    refused = capture(in_parts.server, payment["id"], amount="10.00")
    assert (refused["__typename"], refused["code"], refused["path"]) == (
        "CaptureFailed",
        "INVALID_STATE",
        ["amount"],
    )
    assert refused["message"] == (
        "Stripe captures this card once: with isFinal, what is left is given back."
    )
    assert in_parts.stripe.keys() == asked
    assert in_parts.payment(payment["id"])["captures"] == []
    capture(in_parts.server, payment["id"], amount="10.00", isFinal=True)
    assert sums_of(in_parts, payment) == ("CAPTURED", "10.00", "90.00", "0.00")
    whole = in_parts.paid(card=JCB)
    assert capture(in_parts.server, whole["id"])["status"] == "CAPTURED"


def test_as_many_captures_as_metadata_can_note(in_parts: Site) -> None:
    """45 captures leave the rest; the next one would be the last that can be noted, and has to be final."""
    payment = in_parts.paid()
    # 44 captures, their notes, and the last one of the keys that an intent has of ours.
    notes = {f"metadata[note_{number}]": "100" for number in range(44)}
    notes["metadata[tillgraph_seen_failure]"] = "none"
    reference = reference_of_payment(in_parts, payment)
    in_parts.stripe.call("POST", f"payment_intents/{reference}", **notes)
    in_parts.server.rows("UPDATE payments SET capture_count = 44 WHERE id = ?", payment["id"])
    assert capture(in_parts.server, payment["id"], amount="1.00")["__typename"] == "Payment"
    refused = capture(in_parts.server, payment["id"], amount="1.00")
    assert (refused["code"], refused["message"]) == (
        "INVALID_STATE",
        "Stripe notes 46 captures of a payment: the last one has to be final.",
    )
    assert sums_of(in_parts, payment) == ("PARTIALLY_CAPTURED", "1.00", "0.00", "99.00")
    capture(in_parts.server, payment["id"], amount="1.00", isFinal=True)
    assert sums_of(in_parts, payment) == ("CAPTURED", "2.00", "98.00", "0.00")
    assert len(in_parts.stripe.intent(reference)["metadata"]) == 50


def test_a_kept_500_of_a_capture_that_leaves_the_rest(in_parts: Site) -> None:
    """With a further key it could be done twice: it is read until it is proven absent, though it was noted."""
    payment = captured_in_part(in_parts, "10.00")
    session_id = in_parts.payment(payment["id"])["paymentSession"]["id"]
    in_parts.stripe.fault("FAIL_KEPT", "capture")
    assert capture(in_parts.server, payment["id"], amount="20.00")["__typename"] == "CapturePending"
    id = until(lambda: operation_in(in_parts.server, "UNKNOWN", "capture", session_id))

    note = {f"metadata[{id}]": "2000"}
    in_parts.stripe.call(
        "POST", f"payment_intents/{reference_of_payment(in_parts, payment)}", **note
    )

    def is_declined() -> str:
        days_ago(in_parts.server, session_id)
        return operation_in(in_parts.server, "DECLINED", "capture", session_id)

    assert until(is_declined) == id
    assert {key for key in dict(in_parts.stripe.keys()) if key.startswith(id)} == {id}
    assert sums_of(in_parts, payment) == ("PARTIALLY_CAPTURED", "10.00", "0.00", "90.00")
    # Beside a note of nothing, one of the same amount is known by Stripe's answer to it.
    assert capture(in_parts.server, payment["id"], amount="20.00")["__typename"] == "Payment"
    assert sums_of(in_parts, payment) == ("PARTIALLY_CAPTURED", "30.00", "0.00", "70.00")


@pytest.mark.parametrize(
    ("notes", "received", "is_made"),
    [
        ({"capt_1": 10, "capt_2": 20}, 30, True),
        ({"capt_1": 10, "capt_2": 20}, 35, True),
        ({"capt_1": 10, "capt_2": 20}, 10, False),
        ({"capt_1": 10, "capt_2": 20}, 20, True),
        ({"capt_1": 10, "capt_2": 10}, 10, None),
        ({"capt_1": 10, "capt_2": 20}, 15, None),
        ({"capt_1": 10, "capt_2": 20, "capt_3": 30}, 30, None),
        ({"capt_1": 10, "capt_2": 20, "capt_3": 30}, 40, False),
        ({"capt_2": 20}, 0, False),
        ({**{f"capt_{n}": 2**n for n in range(3, 40)}, "capt_2": 4}, 2**20, None),
    ],
    ids=str,
)
def test_which_capture_was_made(notes: dict[str, int], received: int, is_made: bool | None) -> None:
    """It is, or is not, where what was received can be made up in no other way; else nothing is proven."""
    assert captures.is_made(notes, received, "capt_2") is is_made


@pytest.mark.parametrize(
    ("record", "capture_count", "is_final"),
    [
        ({"multicapture": "available"}, 0, False),
        ({"multicapture": "available"}, 44, False),
        ({"multicapture": "available"}, 45, True),
        ({"multicapture": "unavailable"}, 0, True),
        ({"multicapture": "a word of tomorrow"}, 0, True),
        ({}, 0, False),
    ],
)
def test_which_capture_has_to_be_final(
    record: dict[str, str], capture_count: int, is_final: bool
) -> None:
    """One of a card that is captured once, and the last one that can be noted."""
    assert (captures.why_final({**record}, capture_count) is not None) is is_final
