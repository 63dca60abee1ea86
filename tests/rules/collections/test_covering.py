"""Covered in full, and surplus: what a payment closes, and what arrives beyond the collection's amount."""

import pytest

from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    answer_challenge,
    asked_keys,
    effect_facts,
    events_of,
    payment_of,
    session_status,
    settle,
    status_of,
    sums_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import authorize, collection_of, new_key, open_collection, open_session
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

COVERED = ("100.00", "0.00", "0.00", "0.00")


def challenged(server: RunningServer, collection_id: str, amount: str = "100.00") -> str:
    """Open a session and bring it to REQUIRES_MORE; return its id."""
    session = str(open_session(server, collection_id, "challenge", amount=amount)["id"])
    assert authorize(server, session)["__typename"] == "RequiresMoreAction"
    return session


def waiting(server: RunningServer, collection_id: str, token: str = "pending") -> str:
    """Open a session for all of a collection and bring it to PENDING_AUTHORIZATION; return its id."""
    session = str(open_session(server, collection_id, token)["id"])
    assert authorize(server, session)["action"]["kind"] == "WAIT"
    return session


def come_back(server: RunningServer, session_id: str) -> Json:
    """Approve a session's challenge and go on."""
    answer_challenge(server, session_id, "approve")
    return authorize(server, session_id)


def covered_with_one_in_flight(
    server: RunningServer, token: str = "pending"
) -> tuple[str, str, str]:
    """Cover a collection while another session is in flight: ids of the collection, the one paid and the other."""
    collection = open_collection(server)["id"]
    paid = challenged(server, collection)
    other = waiting(server, collection, token)
    assert come_back(server, paid)["__typename"] == "Payment"
    return collection, paid, other


def surplus_of(server: RunningServer, collection_id: str) -> Json:
    """Read the newest payment of a collection."""
    return payment_of(server, collection_of(server, collection_id)["payments"][-1]["id"])


@pytest.mark.parametrize("token", ["approve", "auto_capture"])
def test_covering_cancels_the_other_open_sessions(server: RunningServer, token: str) -> None:
    """A payment of all cancels the sessions in PENDING, ERROR and REQUIRES_MORE, with an event each."""
    collection = open_collection(server)["id"]
    pending = open_session(server, collection)["id"]
    failed = open_session(server, collection, "decline")["id"]
    authorize(server, failed)
    customer = challenged(server, collection)
    paying = open_session(server, collection, token)["id"]
    authorize(server, paying)
    found = [session_status(server, id) for id in (pending, failed, customer)]
    assert found == ["CANCELED", "CANCELED", "CANCELED"]
    assert types_of(server, collection)[-3:] == ["SESSION_CANCELED"] * 3


def test_covering_is_logged_in_order(server: RunningServer) -> None:
    """The payment's event comes first; the canceled session's event shows the collection AUTHORIZED."""
    collection = open_collection(server)["id"]
    open_session(server, collection)
    authorize(server, open_session(server, collection)["id"])
    assert events_of(server, collection, after=4) == [
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("SESSION_CANCELED", None, "AUTHORIZED", "CANCELED", None),
    ]


def test_covering_closes_a_challenge_at_the_gateway(server: RunningServer) -> None:
    """A challenge that nobody answered is closed at the gateway, and can't be answered any more."""
    collection = open_collection(server)["id"]
    customer = challenged(server, collection)
    authorize(server, open_session(server, collection)["id"])
    expected = [
        ("authorize", "100.00", "declined", "0.00"),
        ("cancel", "100.00", "approved", "0.00"),
    ]
    until(lambda: len(effect_facts(server, customer)) == 2)
    assert effect_facts(server, customer) == expected
    response = server.client.post(f"/sandbox/challenges/{customer}", json={"result": "approve"})
    assert response.status_code == 409


def test_two_challenges_approved(server: RunningServer) -> None:
    """Of two challenges that the customer approved, who comes back first wins; the other is given back."""
    collection = open_collection(server)["id"]
    first, second = challenged(server, collection), challenged(server, collection)
    answer_challenge(server, second, "approve")
    assert come_back(server, first)["__typename"] == "Payment"
    answer = authorize(server, second)
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", "INVALID_STATE")
    until(lambda: len(effect_facts(server, second)) == 2)
    assert effect_facts(server, second) == [
        ("authorize", "100.00", "approved", "100.00"),
        ("cancel", "100.00", "approved", "100.00"),
    ]
    assert (session_status(server, second), sums_of(server, collection)) == ("CANCELED", COVERED)


def test_a_part_cancels_no_session_that_still_fits(server: RunningServer) -> None:
    """A payment of a part leaves sessions alone, in REQUIRES_MORE those that still fit."""
    collection = open_collection(server)["id"]
    pending = open_session(server, collection)["id"]
    customer = challenged(server, collection, "40.00")
    authorize(server, open_session(server, collection, amount="60.00")["id"])
    assert session_status(server, pending) == "PENDING"
    assert session_status(server, customer) == "REQUIRES_MORE"
    assert types_of(server, collection)[-1] == "SESSION_AUTHORIZED"


def test_a_part_cancels_a_challenge_that_fits_no_more(server: RunningServer) -> None:
    """A payment that leaves a challenge with more than is outstanding cancels it, at the gateway too."""
    collection = open_collection(server)["id"]
    customer = challenged(server, collection, "40.01")
    authorize(server, open_session(server, collection, amount="60.00")["id"])
    assert session_status(server, customer) == "CANCELED"
    until(lambda: len(effect_facts(server, customer)) == 2)
    assert effect_facts(server, customer)[1] == ("cancel", "40.01", "approved", "0.00")


def test_a_pending_session_that_fits_no_more_stays(server: RunningServer) -> None:
    """A session in PENDING with more than is outstanding answers AMOUNT_TOO_LARGE until it is updated."""
    collection = open_collection(server)["id"]
    large = open_session(server, collection)["id"]
    authorize(server, open_session(server, collection, amount="60.00")["id"])
    with unmoved(server, collection):
        answer = authorize(server, large)
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "40.00")
    server.change("updatePaymentSession", {"id": large, "amount": "40.00"})
    assert authorize(server, large)["__typename"] == "Payment"


def test_a_session_in_flight_is_left_alone(server: RunningServer) -> None:
    """When the collection is covered, a session with an attempt in flight stays PENDING_AUTHORIZATION."""
    collection, _, other = covered_with_one_in_flight(server)
    assert session_status(server, other) == "PENDING_AUTHORIZATION"
    assert (status_of(server, collection), sums_of(server, collection)) == ("AUTHORIZED", COVERED)
    assert effect_facts(server, other) == [("authorize", "100.00", "pending", "0.00")]


def test_in_flight_and_then_declined(server: RunningServer) -> None:
    """Declined after the collection was covered, a session is CANCELED, not ERROR."""
    collection, _, other = covered_with_one_in_flight(server)
    settle(server, other, "fail")
    until_event(server, collection, "SESSION_CANCELED")
    assert session_status(server, other) == "CANCELED"
    expected = ("SESSION_CANCELED", None, "AUTHORIZED", "CANCELED", None)
    assert events_of(server, collection)[-1] == expected


def test_in_flight_and_then_declined_with_something_outstanding(server: RunningServer) -> None:
    """Declined while the collection is covered in part only, a session is ERROR and may go on."""
    collection = open_collection(server)["id"]
    customer = challenged(server, collection, "60.00")
    other = waiting(server, collection)
    come_back(server, customer)
    settle(server, other, "fail")
    until_event(server, collection, "SESSION_FAILED")
    assert session_status(server, other) == "ERROR"
    assert status_of(server, collection) == "PARTIALLY_AUTHORIZED"


def test_a_surplus_is_given_back(server: RunningServer) -> None:
    """An authorization beyond the amount becomes a SURPLUS payment that is canceled at the gateway."""
    collection, _, other = covered_with_one_in_flight(server)
    settle(server, other, "approve")
    until_event(server, collection, "PAYMENT_CANCELED")
    found = surplus_of(server, collection)
    assert (found["status"], found["cancellationReason"]) == ("CANCELED", "SURPLUS")
    assert (found["releasedAmount"], found["isCancellationPending"]) == ("100.00", False)
    assert effect_facts(server, other) == [
        ("authorize", "100.00", "approved", "100.00"),
        ("cancel", "100.00", "approved", "100.00"),
    ]


def test_a_surplus_counts_in_no_sum(server: RunningServer) -> None:
    """The collection's sums and status stay as they were without the SURPLUS payment; its session is CANCELED."""
    collection, _, other = covered_with_one_in_flight(server)
    settle(server, other, "approve")
    until_event(server, collection, "PAYMENT_CANCELED")
    assert (status_of(server, collection), sums_of(server, collection)) == ("AUTHORIZED", COVERED)
    assert session_status(server, other) == "CANCELED"


def test_a_surplus_is_logged(server: RunningServer) -> None:
    """The log says AUTHORIZATION_RETURNED, then PAYMENT_CANCELED, and never SESSION_AUTHORIZED."""
    collection, _, other = covered_with_one_in_flight(server)
    before = len(types_of(server, collection))
    settle(server, other, "approve")
    until_event(server, collection, "PAYMENT_CANCELED")
    assert events_of(server, collection, after=before) == [
        ("AUTHORIZATION_RETURNED", "100.00", "AUTHORIZED", "CANCELED", "AUTHORIZED"),
        ("PAYMENT_CANCELED", "100.00", "AUTHORIZED", "CANCELED", "CANCELED"),
    ]


def test_a_surplus_takes_no_movement(server: RunningServer) -> None:
    """A SURPLUS payment is neither captured nor refunded, also while it is being given back."""
    collection, _, other = covered_with_one_in_flight(server, "pending,cancel=pending")
    settle(server, other, "approve")
    until_event(server, collection, "AUTHORIZATION_RETURNED")
    until(lambda: len(effect_facts(server, other)) == 2)
    surplus = surplus_of(server, collection)
    assert (surplus["capturableAmount"], surplus["refundableAmount"]) == ("0.00", "0.00")
    assert (surplus["isCancellationPending"], surplus["cancellationReason"]) == (True, "SURPLUS")
    with unmoved(server, collection):
        for name in ("capturePayment", "refundPayment"):
            values = {"paymentId": surplus["id"], "idempotencyKey": new_key()}
            assert server.change(name, values)["code"] == "INVALID_STATE"


@pytest.mark.parametrize("told", ["lost_reply", "slow:0.2"])
def test_a_surplus_is_given_back_by_a_poor_gateway(server: RunningServer, told: str) -> None:
    """Giving a surplus back is finished by recovery, with one effect."""
    collection, _, other = covered_with_one_in_flight(server, f"pending,cancel={told}")
    settle(server, other, "approve")
    if told == "lost_reply":
        recover(server, other)
    until_event(server, collection, "PAYMENT_CANCELED")
    assert effect_facts(server, other)[1:] == [("cancel", "100.00", "approved", "100.00")]


def test_a_surplus_with_an_unreachable_gateway_stays_pending(server: RunningServer) -> None:
    """If the gateway can't be reached, the return of a surplus stays pending and does not count as failed."""
    collection, _, other = covered_with_one_in_flight(server, "pending,cancel=unavailable")
    settle(server, other, "approve")
    until_event(server, collection, "AUTHORIZATION_RETURNED")
    until(lambda: asked_keys(server, collection, "cancel"))
    asked = "SELECT status FROM operations WHERE session_id = ? AND kind = 'cancel'"
    until(lambda: server.rows(asked, other) == [("UNKNOWN",)])
    found = surplus_of(server, collection)
    assert (found["status"], found["isCancellationPending"]) == ("AUTHORIZED", True)
    assert "PAYMENT_CANCEL_FAILED" not in types_of(server, collection)


def test_what_is_in_flight_does_not_count_for_an_arrival(server: RunningServer) -> None:
    """An authorization that arrives while all is in flight elsewhere fits: who finishes first wins."""
    collection = open_collection(server)["id"]
    customer = challenged(server, collection)
    waiting(server, collection)
    assert come_back(server, customer)["__typename"] == "Payment"
    assert sums_of(server, collection) == COVERED


def test_a_surplus_session_without_a_key(server: RunningServer) -> None:
    """Without a bound key the session's status decides: CANCELED, so INVALID_STATE."""
    collection, _, other = covered_with_one_in_flight(server)
    settle(server, other, "approve")
    until_event(server, collection, "PAYMENT_CANCELED")
    with unmoved(server, collection):
        assert authorize(server, other)["code"] == "INVALID_STATE"


def test_a_canceled_payment_makes_room_again(server: RunningServer) -> None:
    """After the covering payment is canceled all is outstanding, and another session pays it."""
    collection = open_collection(server)["id"]
    payment = authorize(server, open_session(server, collection)["id"])
    server.change("cancelPayment", {"paymentId": payment["id"]})
    assert sums_of(server, collection) == ("0.00", "0.00", "0.00", "100.00")
    assert status_of(server, collection) == "NOT_PAID"
    assert authorize(server, open_session(server, collection)["id"])["__typename"] == "Payment"


def test_a_session_of_a_canceled_payment_is_not_authorized_again(server: RunningServer) -> None:
    """A session makes at most one payment: with its payment canceled it is CANCELED for good."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection)["id"]
    payment = authorize(server, session)
    server.change("cancelPayment", {"paymentId": payment["id"]})
    with unmoved(server, collection):
        assert authorize(server, session)["code"] == "INVALID_STATE"
