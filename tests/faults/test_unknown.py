"""Outcomes that are unknown at first: they keep their reservation and end by evidence."""

import pytest

from tests.support.records import assert_books_agree, effects, open_operations, operation_in
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.waiting import until

SETTLED_SECONDS = 30.0
"""Recovery looks every half second here; the machine may do much else."""


def sources(collection: Json, type: str) -> list[str]:
    """List who brought the events of a type."""
    nodes = [edge["node"] for edge in collection["events"]["edges"]]
    return [node["source"] for node in nodes if node["type"] == type]


def test_an_authorization_whose_reply_is_lost(server: RunningServer) -> None:
    """It is answered with AwaitProvider, and recovery finds the payment: one effect, source RECONCILIATION."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    answer = authorize(server, session["id"])
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == "AwaitProvider"
    assert answer["paymentSession"]["status"] == "PENDING_AUTHORIZATION"
    until(
        lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]),
        seconds=SETTLED_SECONDS,
    )
    found = collection_of(server, collection["id"])
    assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
    assert sources(found, "SESSION_AUTHORIZED") == ["RECONCILIATION"]
    assert [effect["moved"] for effect in effects(server, session["id"])] == ["100.00"]


def test_an_unknown_authorization_keeps_its_reservation(reported_server: RunningServer) -> None:
    """While an outcome is unknown, another session that would cover the collection has no room."""
    collection = open_collection(reported_server)
    first, second = (
        open_session(reported_server, collection["id"], token)
        for token in ("lost_reply", "approve")
    )
    assert authorize(reported_server, first["id"])["__typename"] == "RequiresMoreAction"
    refused = authorize(reported_server, second["id"])
    assert (refused["code"], refused["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")
    assert effects(reported_server, second["id"]) == []


def test_a_capture_whose_reply_is_lost(server: RunningServer) -> None:
    """It is answered with CapturePending and its amount stays reserved; recovery brings it in once."""
    payment = pay(server, token="approve,capture=lost_reply")
    session_id = payment["paymentSession"]["id"]
    key = new_key()
    answer = capture(server, payment["id"], amount="60.00", idempotencyKey=key)
    assert answer["__typename"] == "CapturePending"
    assert (answer["payment"]["capturedAmount"], answer["payment"]["capturableAmount"]) == (
        "0.00",
        "40.00",
    )
    until(lambda: operation_in(server, "SUCCEEDED", "capture", session_id), seconds=SETTLED_SECONDS)
    again = capture(server, payment["id"], amount="60.00", idempotencyKey=key)
    assert (again["__typename"], again["capturedAmount"]) == ("Payment", "60.00")
    found = collection_of(server, payment["paymentCollection"]["id"])
    assert sources(found, "PAYMENT_CAPTURED") == ["RECONCILIATION"]
    assert [effect["moved"] for effect in effects(server, session_id, "capture")] == ["60.00"]


def test_a_refund_whose_reply_is_lost(server: RunningServer) -> None:
    """It is answered with RefundPending and its amount stays reserved; recovery brings it in once."""
    payment = pay(server, token="approve,refund=lost_reply")
    session_id = payment["paymentSession"]["id"]
    capture(server, payment["id"])
    answer = refund(server, payment["id"], amount="30.00")
    assert answer["__typename"] == "RefundPending"
    assert (answer["payment"]["refundedAmount"], answer["payment"]["refundableAmount"]) == (
        "0.00",
        "70.00",
    )
    until(lambda: operation_in(server, "SUCCEEDED", "refund", session_id), seconds=SETTLED_SECONDS)
    found = collection_of(server, payment["paymentCollection"]["id"])
    assert found["refundedAmount"] == "30.00"
    assert sources(found, "PAYMENT_REFUNDED") == ["RECONCILIATION"]
    assert [effect["moved"] for effect in effects(server, session_id, "refund")] == ["30.00"]


def test_a_cancellation_whose_reply_is_lost(server: RunningServer) -> None:
    """It is answered with CancelPending; recovery finds the payment canceled, once."""
    payment = pay(server, token="approve,cancel=lost_reply")
    session_id = payment["paymentSession"]["id"]
    answer = server.change("cancelPayment", {"paymentId": payment["id"]})
    assert answer["__typename"] == "CancelPending"
    until(lambda: operation_in(server, "SUCCEEDED", "cancel", session_id), seconds=SETTLED_SECONDS)
    found = collection_of(server, payment["paymentCollection"]["id"])
    assert found["payments"][0]["status"] == "CANCELED"
    assert sources(found, "PAYMENT_CANCELED") == ["RECONCILIATION"]
    assert [effect["moved"] for effect in effects(server, session_id, "cancel")] == ["100.00"]


@pytest.mark.parametrize("kind", ["capture", "refund"])
def test_a_gateway_that_is_not_reached(server: RunningServer, kind: str) -> None:
    """Not reached, nothing happened: PROVIDER_UNAVAILABLE, retryable, the reservation free, no effect."""
    payment = pay(server, token=f"approve,{kind}=unavailable")
    if kind == "capture":
        answer = capture(server, payment["id"])
        free = answer["affectedPayment"]["capturableAmount"]
    else:
        capture(server, payment["id"])
        answer = refund(server, payment["id"])
        free = answer["affectedPayment"]["refundableAmount"]
    assert (answer["code"], answer["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert free == "100.00"
    assert effects(server, payment["paymentSession"]["id"], kind) == []


def test_events_of_an_unknown_outcome(server: RunningServer) -> None:
    """An unknown outcome writes no event of its own: pending, then what the evidence says."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    authorize(server, session["id"])
    until(
        lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]),
        seconds=SETTLED_SECONDS,
    )
    assert event_types(collection_of(server, collection["id"])) == [
        "COLLECTION_CREATED",
        "SESSION_CREATED",
        "SESSION_PENDING",
        "SESSION_AUTHORIZED",
    ]


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """Once all is settled, every sum here is the gateway's."""
    until(lambda: not open_operations(server), seconds=SETTLED_SECONDS)
    assert_books_agree(server)
