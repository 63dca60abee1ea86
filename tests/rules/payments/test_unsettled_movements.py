"""Captures and refunds that are pending, declined, not reached, slow, or whose answer is lost."""

import pytest

from tests.rules.payments.movements import KIND, KINDS, Kind, done
from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    amounts_of,
    asked_times,
    events_of,
    payment_of,
    settle,
    status_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import capture, pay, refund
from tests.support.program.running import RunningServer


@KIND
def test_a_decline(server: RunningServer, kind: Kind) -> None:
    """It says DECLINED with the code; the movement stays as FAILED and counts in no sum."""
    id, session, collection = kind.begun(server, "decline:not_today")
    before = amounts_of(server, id)
    answer = kind.move(server, id, amount="40.00")
    assert answer["__typename"] == f"{kind.name.title()}Failed"
    assert (answer["code"], answer["declineCode"]) == ("DECLINED", "not_today")
    assert (answer["retryable"], answer["affectedPayment"]["id"]) == (False, id)
    assert (amounts_of(server, id), kind.all(server, id)) == (before, [("40.00", "FAILED")])
    assert types_of(server, collection)[-2:] == [f"{kind.event}_PENDING", f"{kind.event}_FAILED"]
    assert kind.effects(server, session) == [(kind.name, "40.00", "declined", "0.00")]


@KIND
def test_a_failed_movement_says_why(server: RunningServer, kind: Kind) -> None:
    """A failed movement shows its failure."""
    id, _, _ = kind.begun(server, "decline:not_today")
    kind.move(server, id, amount="40.00")
    (found,) = payment_of(server, id)[f"{kind.name}s"]
    assert found["failure"] == {"code": "DECLINED", "declineCode": "not_today"}


@KIND
def test_a_failed_movement_is_followed_by_another(server: RunningServer, kind: Kind) -> None:
    """A failed movement stays, and with another key a further one is made."""
    id, _, _ = kind.begun(server, "decline")
    kind.move(server, id, amount="40.00")
    kind.move(server, id)
    assert kind.all(server, id) == [("40.00", "FAILED"), ("100.00", "FAILED")]


@KIND
def test_a_gateway_that_is_not_reached(server: RunningServer, kind: Kind) -> None:
    """It is PROVIDER_UNAVAILABLE, retryable; nothing is reserved any more and the gateway did nothing."""
    id, session, _ = kind.begun(server, "unavailable")
    answer = kind.move(server, id, amount="40.00")
    assert (answer["code"], answer["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert (kind.left(server, id), kind.all(server, id)) == ("100.00", [("40.00", "FAILED")])
    assert kind.effects(server, session) == []


@KIND
def test_pending(server: RunningServer, kind: Kind) -> None:
    """It is the pending member, and the amount is taken off what can be moved."""
    id, session, collection = kind.begun(server, "pending")
    answer = kind.move(server, id, amount="40.00")
    assert answer["__typename"] == f"{kind.name.title()}Pending"
    assert (answer[kind.name]["amount"], answer[kind.name]["status"]) == ("40.00", "PENDING")
    assert (kind.left(server, id), kind.moved(server, id)) == ("60.00", "0.00")
    assert types_of(server, collection)[-1] == f"{kind.event}_PENDING"
    assert kind.effects(server, session) == [(kind.name, "40.00", "pending", "0.00")]


@KIND
def test_pending_and_then_done(server: RunningServer, kind: Kind) -> None:
    """The gateway's report makes the movement SUCCEEDED, and it counts."""
    id, session, collection = kind.begun(server, "pending")
    movement = kind.move(server, id, amount="40.00")[kind.name]["id"]
    settle(server, session, "approve", movement)
    until_event(server, collection, done(kind), times=1)
    assert (kind.left(server, id), kind.moved(server, id)) == ("60.00", "40.00")
    assert kind.all(server, id) == [("40.00", "SUCCEEDED")]
    assert events_of(server, collection)[-1][:2] == (done(kind), "40.00")


@KIND
def test_pending_and_then_declined(server: RunningServer, kind: Kind) -> None:
    """The gateway's report makes the movement FAILED, and the amount is free again."""
    id, session, collection = kind.begun(server, "pending")
    movement = kind.move(server, id, amount="40.00")[kind.name]["id"]
    settle(server, session, "fail", movement)
    until_event(server, collection, f"{kind.event}_FAILED")
    assert (kind.left(server, id), kind.moved(server, id)) == ("100.00", "0.00")
    assert kind.all(server, id) == [("40.00", "FAILED")]


@KIND
def test_pending_amounts_add_up(server: RunningServer, kind: Kind) -> None:
    """Pending movements together may not pass what there is; the maximum is what they leave."""
    id, _, collection = kind.begun(server, "pending")
    kind.move(server, id, amount="60.00")
    with unmoved(server, collection):
        answer = kind.move(server, id, amount="40.01")
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "40.00")
    assert kind.move(server, id)["__typename"] == f"{kind.name.title()}Pending"
    assert kind.all(server, id) == [("60.00", "PENDING"), ("40.00", "PENDING")]


@KIND
def test_all_pending(server: RunningServer, kind: Kind) -> None:
    """With all in flight an explicit amount is too large, with the maximum zero."""
    id, _, collection = kind.begun(server, "pending")
    kind.move(server, id)
    with unmoved(server, collection):
        answer = kind.move(server, id, amount="0.01")
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")


@KIND
def test_a_lost_reply(server: RunningServer, kind: Kind) -> None:
    """It is the pending member until recovery finds the one effect by the same key."""
    id, session, collection = kind.begun(server, "lost_reply")
    answer = kind.move(server, id, amount="40.00")
    assert answer["__typename"] == f"{kind.name.title()}Pending"
    recover(server, session)
    until_event(server, collection, done(kind))
    assert kind.all(server, id) == [("40.00", "SUCCEEDED")]
    assert kind.effects(server, session) == [(kind.name, "40.00", "approved", "40.00")]
    assert asked_times(server, session, kind.name) == [2]


def test_statuses_while_a_capture_is_pending(server: RunningServer) -> None:
    """A pending capture changes no status: the payment and its session stay AUTHORIZED."""
    id, _, collection = KINDS[0].begun(server, "pending")
    capture(server, id)
    assert amounts_of(server, id) == ("AUTHORIZED", "0.00", "0.00", "0.00", "0.00", "0.00")
    expected = ("PAYMENT_CAPTURE_PENDING", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED")
    assert events_of(server, collection)[-1] == expected


def test_statuses_while_a_refund_is_pending(server: RunningServer) -> None:
    """A pending refund changes no status: the payment stays CAPTURED."""
    id, _, collection = KINDS[1].begun(server, "pending")
    refund(server, id)
    assert amounts_of(server, id) == ("CAPTURED", "100.00", "0.00", "0.00", "0.00", "0.00")
    expected = ("PAYMENT_REFUND_PENDING", "100.00", "COMPLETED", "CAPTURED", "CAPTURED")
    assert events_of(server, collection)[-1] == expected


def test_a_pending_final_capture_reserves_all(server: RunningServer) -> None:
    """A capture that will release the rest holds the whole remainder: capturableAmount is zero."""
    id, _, collection = KINDS[0].begun(server, "pending")
    assert capture(server, id, amount="60.00", isFinal=True)["__typename"] == "CapturePending"
    assert amounts_of(server, id) == ("AUTHORIZED", "0.00", "0.00", "0.00", "0.00", "0.00")
    with unmoved(server, collection):
        answer = capture(server, id, amount="0.01")
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")


def test_a_pending_final_capture_that_happens(server: RunningServer) -> None:
    """It captures its amount and releases the rest."""
    id, session, collection = KINDS[0].begun(server, "pending")
    pending = capture(server, id, amount="60.00", isFinal=True)["capture"]["id"]
    settle(server, session, "approve", pending)
    until_event(server, collection, "PAYMENT_RELEASED")
    assert amounts_of(server, id) == ("CAPTURED", "60.00", "0.00", "40.00", "0.00", "60.00")


def test_a_pending_final_capture_that_fails(server: RunningServer) -> None:
    """All that it held can be captured again."""
    id, session, collection = KINDS[0].begun(server, "pending")
    pending = capture(server, id, amount="60.00", isFinal=True)["capture"]["id"]
    settle(server, session, "fail", pending)
    until_event(server, collection, "PAYMENT_CAPTURE_FAILED")
    assert amounts_of(server, id) == ("AUTHORIZED", "0.00", "0.00", "0.00", "100.00", "0.00")


@pytest.mark.parametrize("amount", [None, "10.00"])
def test_no_final_capture_while_one_is_pending(server: RunningServer, amount: str | None) -> None:
    """While a capture is pending, another that releases the rest is refused with IN_PROGRESS."""
    id, _, collection = KINDS[0].begun(server, "pending")
    capture(server, id, amount="40.00")
    with unmoved(server, collection):
        answer = capture(server, id, amount=amount, isFinal=True)
    found = (answer["__typename"], answer["code"], answer["retryable"])
    assert found == ("CaptureFailed", "IN_PROGRESS", True)


def test_a_final_capture_whose_reply_is_lost(server: RunningServer) -> None:
    """Recovery brings what was captured and what was released."""
    id, session, collection = KINDS[0].begun(server, "lost_reply")
    capture(server, id, amount="60.00", isFinal=True)
    recover(server, session)
    until_event(server, collection, "PAYMENT_RELEASED")
    assert amounts_of(server, id) == ("CAPTURED", "60.00", "0.00", "40.00", "0.00", "60.00")
    assert status_of(server, collection) == "PARTIALLY_CAPTURED"


def test_two_pending_captures_settle_apart(server: RunningServer) -> None:
    """Of two pending captures one fails and one happens: only that one counts."""
    id, session, collection = KINDS[0].begun(server, "pending")
    first, second = (capture(server, id, amount="50.00")["capture"]["id"] for _ in range(2))
    settle(server, session, "fail", first)
    settle(server, session, "approve", second)
    until_event(server, collection, "PAYMENT_CAPTURE_FAILED")
    until_event(server, collection, "PAYMENT_CAPTURED")
    expected = ("PARTIALLY_CAPTURED", "50.00", "0.00", "0.00", "50.00", "50.00")
    assert amounts_of(server, id) == expected


def test_a_pending_capture_keeps_a_partly_captured_payment_open(server: RunningServer) -> None:
    """With the last part pending a payment is not CAPTURED, and all that was captured may be refunded."""
    payment = pay(server, token="approve,capture=pending,refund=pending")
    id, session = payment["id"], payment["paymentSession"]["id"]
    collection = payment["paymentCollection"]["id"]
    first = capture(server, id, amount="60.00")["capture"]["id"]
    capture(server, id, amount="40.00")
    settle(server, session, "approve", first)
    until_event(server, collection, "PAYMENT_CAPTURED")
    expected = ("PARTIALLY_CAPTURED", "60.00", "0.00", "0.00", "0.00", "60.00")
    assert amounts_of(server, id) == expected
