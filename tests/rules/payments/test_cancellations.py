"""Canceling a payment: what is authorized and not captured is given back."""

import pytest

from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    amounts_of,
    asked_times,
    effect_facts,
    events_of,
    payment_ids,
    payment_of,
    session_status,
    settle,
    status_of,
    sums_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import cancel_payment, capture, pay, refund
from tests.support.program.running import Json, RunningServer

CANCELED = ("CANCELED", "0.00", "0.00", "100.00", "0.00", "0.00")
UNTOUCHED = ("AUTHORIZED", "0.00", "0.00", "0.00", "100.00", "0.00")


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_canceling_all(server: RunningServer, provider: str) -> None:
    """With nothing captured a payment is CANCELED as REQUESTED, its session too, and all is outstanding."""
    id, session, collection = payment_ids(pay(server, provider=provider))
    answer = cancel_payment(server, id)
    assert (answer["__typename"], answer["cancellationReason"]) == ("Payment", "REQUESTED")
    assert answer["canceledAt"] is not None
    assert amounts_of(server, id) == CANCELED
    found = (session_status(server, session), status_of(server, collection))
    assert found == ("CANCELED", "NOT_PAID")
    assert sums_of(server, collection) == ("0.00", "0.00", "0.00", "100.00")


def test_a_cancellation_is_logged(server: RunningServer) -> None:
    """The log says that it was requested and that it happened; the gateway did it once."""
    id, session, collection = payment_ids(pay(server))
    cancel_payment(server, id)
    assert events_of(server, collection, after=4) == [
        ("PAYMENT_CANCEL_PENDING", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CANCELED", "100.00", "NOT_PAID", "CANCELED", "CANCELED"),
    ]
    assert effect_facts(server, session)[1:] == [("cancel", "100.00", "approved", "100.00")]


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_canceling_a_partly_captured_payment(server: RunningServer, provider: str) -> None:
    """It gives the rest back: the payment is CAPTURED, and no cancellation reason is set."""
    id, session, collection = payment_ids(pay(server, provider=provider))
    capture(server, id, amount="60.00")
    answer = cancel_payment(server, id)
    assert (answer["cancellationReason"], answer["canceledAt"]) == (None, None)
    assert amounts_of(server, id) == ("CAPTURED", "60.00", "0.00", "40.00", "0.00", "60.00")
    assert sums_of(server, collection) == ("60.00", "60.00", "0.00", "40.00")
    assert session_status(server, session) == "CAPTURED"
    expected = ("PAYMENT_RELEASED", "40.00", "PARTIALLY_CAPTURED", "CAPTURED", "CAPTURED")
    assert events_of(server, collection)[-1] == expected


@pytest.mark.parametrize("is_refunded", [False, True])
def test_nothing_to_give_back(server: RunningServer, *, is_refunded: bool) -> None:
    """With all captured, refunded or not, canceling is INVALID_STATE."""
    id, _, collection = payment_ids(pay(server, token="auto_capture"))
    if is_refunded:
        refund(server, id)
    with unmoved(server, collection):
        answer = cancel_payment(server, id)
    assert (answer["__typename"], answer["code"]) == ("CancelFailed", "INVALID_STATE")


def test_nothing_to_give_back_after_a_final_capture(server: RunningServer) -> None:
    """An amount that a final capture released is not released again."""
    id, _, collection = payment_ids(pay(server))
    capture(server, id, amount="60.00", isFinal=True)
    with unmoved(server, collection):
        assert cancel_payment(server, id)["code"] == "INVALID_STATE"


def test_a_canceled_payment_answers_with_itself(server: RunningServer) -> None:
    """Canceling again answers with the payment, and nothing happens."""
    id, _, collection = payment_ids(pay(server))
    cancel_payment(server, id)
    with unmoved(server, collection):
        assert cancel_payment(server, id)["status"] == "CANCELED"


def test_an_unknown_payment(server: RunningServer) -> None:
    """An id that no payment has is NOT_FOUND without a payment."""
    answer = cancel_payment(server, "pay_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    found = (answer["__typename"], answer["code"], answer["affectedPayment"])
    assert found == ("CancelFailed", "NOT_FOUND", None)


@pytest.mark.parametrize(
    ("told", "code"), [("decline:too_late", "DECLINED"), ("unavailable", "PROVIDER_UNAVAILABLE")]
)
def test_a_cancellation_that_fails(server: RunningServer, told: str, code: str) -> None:
    """Declined or not reached, the payment is as it was, and the log says so."""
    id, session, collection = payment_ids(pay(server, token=f"approve,cancel={told}"))
    answer = cancel_payment(server, id)
    assert (answer["__typename"], answer["code"]) == ("CancelFailed", code)
    assert answer["retryable"] is (code == "PROVIDER_UNAVAILABLE")
    assert (amounts_of(server, id), session_status(server, session)) == (UNTOUCHED, "AUTHORIZED")
    assert events_of(server, collection, after=5) == [
        ("PAYMENT_CANCEL_FAILED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]
    assert capture(server, id)["status"] == "CAPTURED"


def test_a_failed_cancellation_is_tried_again(server: RunningServer) -> None:
    """A cancellation needs no key: after a decline a further call asks again."""
    id, session, _ = payment_ids(pay(server, token="approve,cancel=decline"))
    assert cancel_payment(server, id)["code"] == "DECLINED"
    assert cancel_payment(server, id)["code"] == "DECLINED"
    assert asked_times(server, session, "cancel") == [1, 1]


def test_a_pending_cancellation(server: RunningServer) -> None:
    """It is CancelPending; the payment says so and nothing can be captured meanwhile."""
    id, _, collection = payment_ids(pay(server, token="approve,cancel=pending"))
    answer = cancel_payment(server, id)
    assert (answer["__typename"], answer["payment"]["status"]) == ("CancelPending", "AUTHORIZED")
    found = payment_of(server, id)
    assert (found["isCancellationPending"], found["capturableAmount"]) == (True, "0.00")
    assert (found["cancellationReason"], found["releasedAmount"]) == (None, "0.00")
    assert types_of(server, collection, after=4) == ["PAYMENT_CANCEL_PENDING"]


@pytest.mark.parametrize("more", [{}, {"amount": "1.00"}, {"amount": "1.00", "isFinal": True}])
def test_no_capture_while_a_cancellation_is_pending(server: RunningServer, more: Json) -> None:
    """While a cancellation is pending, captures are refused with IN_PROGRESS."""
    id, _, collection = payment_ids(pay(server, token="approve,cancel=pending"))
    cancel_payment(server, id)
    with unmoved(server, collection):
        answer = capture(server, id, **more)
    found = (answer["__typename"], answer["code"], answer["retryable"])
    assert found == ("CaptureFailed", "IN_PROGRESS", True)


def test_a_refund_while_a_cancellation_is_pending(server: RunningServer) -> None:
    """A captured amount can be refunded while the cancellation of the rest is pending."""
    id, _, _ = payment_ids(pay(server, token="approve,cancel=pending"))
    capture(server, id, amount="60.00")
    cancel_payment(server, id)
    assert refund(server, id)["__typename"] == "Payment"
    expected = ("PARTIALLY_REFUNDED", "60.00", "60.00", "0.00", "0.00", "0.00")
    assert amounts_of(server, id) == expected


def test_canceling_again_while_pending(server: RunningServer) -> None:
    """A further call answers CancelPending, and no second cancellation is requested."""
    id, session, collection = payment_ids(pay(server, token="approve,cancel=pending"))
    cancel_payment(server, id)
    with unmoved(server, collection):
        assert cancel_payment(server, id)["__typename"] == "CancelPending"
    assert effect_facts(server, session)[1:] == [("cancel", "100.00", "pending", "0.00")]


def test_a_pending_cancellation_that_happens(server: RunningServer) -> None:
    """The gateway's report makes the payment CANCELED."""
    id, session, collection = payment_ids(pay(server, token="approve,cancel=pending"))
    cancel_payment(server, id)
    settle(server, session, "approve", "cancel")
    until_event(server, collection, "PAYMENT_CANCELED")
    assert amounts_of(server, id) == CANCELED
    found = payment_of(server, id)
    assert (found["isCancellationPending"], found["cancellationReason"]) == (False, "REQUESTED")


def test_a_pending_cancellation_that_fails(server: RunningServer) -> None:
    """The gateway's report leaves the payment as it was, and all can be captured again."""
    id, session, collection = payment_ids(pay(server, token="approve,cancel=pending"))
    cancel_payment(server, id)
    settle(server, session, "fail", "cancel")
    until_event(server, collection, "PAYMENT_CANCEL_FAILED")
    assert (amounts_of(server, id), session_status(server, session)) == (UNTOUCHED, "AUTHORIZED")
    assert payment_of(server, id)["isCancellationPending"] is False


def test_a_cancellation_whose_reply_is_lost(server: RunningServer) -> None:
    """It is CancelPending until recovery finds the one effect by the same key."""
    id, session, collection = payment_ids(pay(server, token="approve,cancel=lost_reply"))
    assert cancel_payment(server, id)["__typename"] == "CancelPending"
    recover(server, session)
    until_event(server, collection, "PAYMENT_CANCELED")
    assert amounts_of(server, id) == CANCELED
    assert asked_times(server, session, "cancel") == [2]


@pytest.mark.parametrize("is_final", [False, True])
def test_no_cancellation_while_a_capture_is_pending(
    server: RunningServer, *, is_final: bool
) -> None:
    """While a capture is pending, cancelPayment is refused with IN_PROGRESS."""
    id, _, collection = payment_ids(pay(server, token="approve,capture=pending"))
    capture(server, id, amount="10.00", isFinal=is_final)
    with unmoved(server, collection):
        answer = cancel_payment(server, id)
    found = (answer["__typename"], answer["code"], answer["retryable"])
    assert found == ("CancelFailed", "IN_PROGRESS", True)


def test_canceling_while_a_refund_is_pending(server: RunningServer) -> None:
    """A pending refund does not keep the rest from being given back."""
    id, _, _ = payment_ids(pay(server, token="approve,refund=pending"))
    capture(server, id, amount="60.00")
    refund(server, id, amount="10.00")
    assert cancel_payment(server, id)["__typename"] == "Payment"
    assert amounts_of(server, id) == ("CAPTURED", "60.00", "0.00", "40.00", "0.00", "50.00")
