"""Capturing: in parts, finally, several times, and what is refused."""

import pytest

from db.tables.payments import operations
from tests.rules.copies import copy_row
from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    amounts_of,
    effect_facts,
    events_of,
    payment_ids,
    payment_of,
    session_status,
    status_of,
    sums_of,
    unmoved,
)
from tests.support.flow.shop import authorize, capture, new_key, open_collection, open_session, pay
from tests.support.program.running import Json, RunningServer

CAPTURE = """
mutation ($input: CapturePaymentInput!) {
  capturePayment(input: $input) { __typename ... on CaptureFailed { code } }
}
"""
REFUND = """
mutation ($input: RefundPaymentInput!) {
  refundPayment(input: $input) { __typename ... on RefundFailed { code } }
}
"""
"""The refund of a payment with a thousand movements: the answer does not list them all."""

MOST = 1_000
"""Captures of a payment, and as many refunds."""


def assert_capture_failed(
    answer: Json, code: str, *, maximum: str | None = None, path: list[str] | None = None
) -> None:
    """Assert that an answer is CaptureFailed with exactly these values."""
    names = ("__typename", "code", "maximumAmount", "path", "declineCode")
    found = tuple(answer[name] for name in names)
    assert found == ("CaptureFailed", code, maximum, path, None)


@pytest.mark.parametrize("more", [{}, {"amount": "100.00"}, {"isFinal": True}])
def test_capturing_all(server: RunningServer, more: Json) -> None:
    """All is captured where no amount is given or all of it: payment and session CAPTURED, collection COMPLETED."""
    id, session, collection = payment_ids(pay(server))
    captured = capture(server, id, **more)
    assert (captured["__typename"], captured["status"]) == ("Payment", "CAPTURED")
    assert amounts_of(server, id) == ("CAPTURED", "100.00", "0.00", "0.00", "0.00", "100.00")
    assert (session_status(server, session), status_of(server, collection)) == (
        "CAPTURED",
        "COMPLETED",
    )
    assert effect_facts(server, session)[1:] == [("capture", "100.00", "approved", "100.00")]


def test_a_capture_is_logged(server: RunningServer) -> None:
    """The log says that it was requested and that it happened."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id)
    assert events_of(server, collection, after=4) == [
        ("PAYMENT_CAPTURE_PENDING", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CAPTURED", "100.00", "COMPLETED", "CAPTURED", "CAPTURED"),
    ]


def test_a_system_capture_is_logged(server: RunningServer) -> None:
    """The system provider's capture was never pending: one event."""
    id, _, collection = payment_ids(pay(server, provider="system"))
    capture(server, id)
    assert events_of(server, collection, after=3) == [
        ("PAYMENT_CAPTURED", "100.00", "COMPLETED", "CAPTURED", "CAPTURED"),
    ]


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_capturing_in_parts(server: RunningServer, provider: str) -> None:
    """Each part adds up; a last capture without an amount takes what is left."""
    id, session, collection = payment_ids(pay(server, provider=provider))
    capture(server, id, amount="30.00")
    assert amounts_of(server, id) == (
        "PARTIALLY_CAPTURED",
        "30.00",
        "0.00",
        "0.00",
        "70.00",
        "30.00",
    )
    assert (session_status(server, session), status_of(server, collection)) == (
        "AUTHORIZED",
        "PARTIALLY_CAPTURED",
    )
    capture(server, id, amount="20.00")
    capture(server, id)
    assert amounts_of(server, id) == ("CAPTURED", "100.00", "0.00", "0.00", "0.00", "100.00")
    found = [(one["amount"], one["status"]) for one in payment_of(server, id)["captures"]]
    assert found == [("30.00", "SUCCEEDED"), ("20.00", "SUCCEEDED"), ("50.00", "SUCCEEDED")]


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_a_final_capture(server: RunningServer, provider: str) -> None:
    """It gives back what it leaves: the payment is CAPTURED, and the rest is outstanding again."""
    id, session, collection = payment_ids(pay(server, provider=provider))
    capture(server, id, amount="60.00", isFinal=True)
    assert amounts_of(server, id) == ("CAPTURED", "60.00", "0.00", "40.00", "0.00", "60.00")
    assert sums_of(server, collection) == ("60.00", "60.00", "0.00", "40.00")
    assert (session_status(server, session), status_of(server, collection)) == (
        "CAPTURED",
        "PARTIALLY_CAPTURED",
    )


def test_a_final_capture_is_logged(server: RunningServer) -> None:
    """The log says what was captured, and then what was released."""
    id, session, collection = payment_ids(pay(server))
    capture(server, id, amount="60.00", isFinal=True)
    assert events_of(server, collection, after=4) == [
        ("PAYMENT_CAPTURE_PENDING", "60.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CAPTURED", "60.00", "PARTIALLY_CAPTURED", "AUTHORIZED", "PARTIALLY_CAPTURED"),
        ("PAYMENT_RELEASED", "40.00", "PARTIALLY_CAPTURED", "CAPTURED", "CAPTURED"),
    ]
    assert effect_facts(server, session)[1:] == [("capture", "60.00", "approved", "60.00")]


def test_a_final_capture_after_a_part(server: RunningServer) -> None:
    """A final capture after a part releases what both leave."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id, amount="30.00")
    capture(server, id, amount="20.00", isFinal=True)
    assert amounts_of(server, id) == ("CAPTURED", "50.00", "0.00", "50.00", "0.00", "50.00")
    assert events_of(server, collection)[-1][:2] == ("PAYMENT_RELEASED", "50.00")


def test_a_capture_of_all_releases_nothing(server: RunningServer) -> None:
    """A final capture of all that is left releases nothing and logs no release."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id, amount="100.00", isFinal=True)
    assert types_of(server, collection, after=4) == ["PAYMENT_CAPTURE_PENDING", "PAYMENT_CAPTURED"]


def test_what_was_released_is_paid_by_another_session(server: RunningServer) -> None:
    """After a final capture, another session pays what is outstanding, and the collection is COMPLETED."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id, amount="60.00", isFinal=True)
    session = open_session(server, collection, "auto_capture")
    assert session["amount"] == "40.00"
    authorize(server, session["id"])
    assert (status_of(server, collection), sums_of(server, collection)) == (
        "COMPLETED",
        ("100.00", "100.00", "0.00", "0.00"),
    )


@pytest.mark.parametrize("provider", ["system", "sandbox"])
@pytest.mark.parametrize("is_final", [False, True])
@pytest.mark.parametrize(
    ("first", "amount", "maximum"), [(None, "100.01", "100.00"), ("30.00", "70.01", "70.00")]
)
def test_too_much(
    server: RunningServer,
    provider: str,
    first: str | None,
    amount: str,
    maximum: str,
    *,
    is_final: bool,
) -> None:
    """A cent too much is refused with the most that can be captured now, and nothing is clamped."""
    id, _, collection = payment_ids(pay(server, provider=provider))
    if first is not None:
        capture(server, id, amount=first)
    with unmoved(server, collection):
        answer = capture(server, id, amount=amount, isFinal=is_final)
    assert_capture_failed(answer, "AMOUNT_TOO_LARGE", maximum=maximum, path=["amount"])


@pytest.mark.once
@pytest.mark.parametrize("amount", ["0", "1.234"])
def test_an_amount_that_is_none(server: RunningServer, amount: str) -> None:
    """Zero and too many decimals are refused; zero is never all."""
    id, _, collection = payment_ids(pay(server))
    with unmoved(server, collection):
        answer = capture(server, id, amount=amount)
    assert_capture_failed(answer, "INVALID_INPUT", path=["amount"])


@pytest.mark.parametrize("amount", [None, "1.00"])
def test_nothing_left_to_capture(server: RunningServer, amount: str | None) -> None:
    """With all captured a further capture is INVALID_STATE, with and without an amount."""
    id, _, collection = payment_ids(pay(server, token="auto_capture"))
    with unmoved(server, collection):
        answer = capture(server, id, amount=amount)
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "INVALID_STATE")


def test_nothing_left_after_a_final_capture(server: RunningServer) -> None:
    """An amount that a final capture released can't be captured."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id, amount="60.00", isFinal=True)
    with unmoved(server, collection):
        answer = capture(server, id, amount="1.00")
    assert answer["code"] == "INVALID_STATE"


def test_a_canceled_payment_is_not_captured(server: RunningServer) -> None:
    """Capturing a canceled payment is INVALID_STATE."""
    id, _, collection = payment_ids(pay(server))
    server.change("cancelPayment", {"paymentId": id})
    with unmoved(server, collection):
        assert capture(server, id)["code"] == "INVALID_STATE"


@pytest.mark.parametrize("name", ["capturePayment", "refundPayment"])
def test_an_unknown_payment(server: RunningServer, name: str) -> None:
    """An id that no payment has is NOT_FOUND without a payment."""
    values = {"paymentId": "pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", "idempotencyKey": new_key()}
    answer = server.change(name, values)
    assert (answer["code"], answer["path"]) == ("NOT_FOUND", ["paymentId"])
    assert answer["affectedPayment"] is None


def test_f48_an_authorization_that_lapsed(server: RunningServer) -> None:
    """After captureBefore nothing can be captured: EXPIRED, and the gateway is not asked. It can be given back."""
    id, _, collection = payment_ids(pay(server, token="approve,expires=0"))
    found = payment_of(server, id)
    assert (found["capturableAmount"], found["status"]) == ("0.00", "AUTHORIZED")
    assert found["captureBefore"] is not None
    with unmoved(server, collection):
        answer = capture(server, id)
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "EXPIRED")
    answer = server.change("cancelPayment", {"paymentId": id})
    assert (answer["__typename"], answer["status"]) == ("Payment", "CANCELED")


def test_an_authorization_with_time_left(server: RunningServer) -> None:
    """Before captureBefore all can be captured."""
    id, _, _ = payment_ids(pay(server, token="approve,expires=3600"))
    assert capture(server, id)["status"] == "CAPTURED"


def test_two_payments_of_one_collection(server: RunningServer) -> None:
    """Capturing one of two payments leaves the collection PARTIALLY_CAPTURED, the second completes it."""
    collection = open_collection(server)["id"]
    sessions = [open_session(server, collection, amount="50.00")["id"] for _ in range(2)]
    first, second = (authorize(server, id)["id"] for id in sessions)
    assert status_of(server, collection) == "AUTHORIZED"
    capture(server, first)
    assert status_of(server, collection) == "PARTIALLY_CAPTURED"
    capture(server, second)
    assert (status_of(server, collection), sums_of(server, collection)) == (
        "COMPLETED",
        ("100.00", "100.00", "0.00", "0.00"),
    )


def test_a_captured_session_says_so_when_authorized_again(server: RunningServer) -> None:
    """Authorizing a session whose payment is captured answers with that payment."""
    id, session, collection = payment_ids(pay(server, token="auto_capture"))
    with unmoved(server, collection):
        again = authorize(server, session)
    assert (again["id"], again["status"]) == (id, "CAPTURED")


def test_1000_captures_and_1000_refunds(server: RunningServer) -> None:
    """A payment has at most 1,000 captures and 1,000 refunds; the next of each is INVALID_STATE."""
    id, _, collection = payment_ids(pay(server, "20.00", provider="system"))

    def move_a_cent(document: str) -> Json:
        input = {"paymentId": id, "amount": "0.01", "idempotencyKey": new_key()}
        (answer,) = server.execute(document, {"input": input}).values()
        return answer

    happened = {"__typename": "Payment"}
    assert [move_a_cent(one) for one in (CAPTURE, REFUND)] == [happened, happened]
    counts = server.rows("SELECT capture_count, refund_count FROM payments WHERE id = ?", id)
    assert counts == [(1, 1)]
    for (movement,) in server.rows(
        "SELECT id FROM operations WHERE payment_id = ? AND kind IN ('capture', 'refund')", id
    ):
        copy_row(server, operations, movement, MOST - 2)
    server.rows(
        f"UPDATE payments SET capture_count = {MOST - 1}, refund_count = {MOST - 1},"  # noqa: S608
        f" captured_minor = {MOST - 1}, refunded_minor = {MOST - 1} WHERE id = ?",
        id,
    )
    server.rows(
        f"UPDATE payment_collections SET captured_minor = {MOST - 1}, refunded_minor = {MOST - 1}"  # noqa: S608
        " WHERE id = ?",
        collection,
    )
    assert [move_a_cent(one) for one in (CAPTURE, REFUND)] == [happened, happened]
    assert [move_a_cent(one) for one in (CAPTURE, REFUND)] == [
        {"__typename": "CaptureFailed", "code": "INVALID_STATE"},
        {"__typename": "RefundFailed", "code": "INVALID_STATE"},
    ]
    found = payment_of(server, id)
    assert (found["status"], found["capturedAmount"], found["refundedAmount"]) == (
        "PARTIALLY_REFUNDED",
        "10.00",
        "10.00",
    )
    assert (len(found["captures"]), len(found["refunds"])) == (MOST, MOST)
