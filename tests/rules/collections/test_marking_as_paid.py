"""Settling what is outstanding outside of any gateway."""

from functools import partial

import pytest

from tests.support.flow.meanwhile import at_once, patiently
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    new_key,
    open_collection,
    open_session,
    refund,
)
from tests.support.program.running import Json, RunningServer


def mark(server: RunningServer, id: str, **more: Json) -> Json:
    """Mark a collection as paid, with a fresh key where none is given."""
    values = {"id": id, "idempotencyKey": new_key(), **more}
    return server.run("back_end/30_mark_payment_collection_as_paid", input=values)


def mark_often(server: RunningServer, id: str, keys: list[str]) -> list[Json]:
    """Mark a collection as paid with each of these keys at the same time."""
    name = "markPaymentCollectionAsPaid"
    inputs = [{"id": id, "idempotencyKey": key} for key in keys]
    return at_once([partial(patiently, server, name, input) for input in inputs])


def test_all_that_is_outstanding_is_paid(server: RunningServer) -> None:
    """A system payment, authorized and captured, with its events; who did it stands on the capture."""
    collection = open_collection(server, "49.90")
    marked = mark(server, collection["id"], createdBy="till 3")
    assert (marked["status"], marked["capturedAmount"], marked["outstandingAmount"]) == (
        "COMPLETED",
        "49.90",
        "0.00",
    )
    (payment,) = marked["payments"]
    assert (payment["status"], payment["provider"]["id"]) == ("CAPTURED", "system")
    assert payment["captures"][0]["createdBy"] == "till 3"
    assert event_types(collection_of(server, collection["id"])) == [
        "COLLECTION_CREATED",
        "SESSION_CREATED",
        "SESSION_AUTHORIZED",
        "PAYMENT_CAPTURED",
    ]


def test_what_is_paid_already_counts(server: RunningServer) -> None:
    """Only the rest is marked, and open sessions are closed with it."""
    collection = open_collection(server, "100.00")
    first = open_session(server, collection["id"], amount="60.00")
    payment = authorize(server, first["id"])
    waiting = open_session(server, collection["id"], amount="40.00")
    marked = mark(server, collection["id"])
    assert marked["status"] == "PARTIALLY_CAPTURED"
    assert [(one["amount"], one["provider"]["id"]) for one in marked["payments"]] == [
        ("60.00", "sandbox"),
        ("40.00", "system"),
    ]
    found = collection_of(server, collection["id"])
    (closed,) = [one for one in found["paymentSessions"] if one["id"] == waiting["id"]]
    assert closed["status"] == "CANCELED"
    capture(server, payment["id"])
    assert collection_of(server, collection["id"])["status"] == "COMPLETED"


def test_a_marked_payment_is_refunded(server: RunningServer) -> None:
    """As any other."""
    collection = open_collection(server, "10.00")
    mark(server, collection["id"])
    (payment,) = collection_of(server, collection["id"])["payments"]
    assert refund(server, payment["id"], amount="4.00")["refundedAmount"] == "4.00"


def test_the_same_key_marks_once(server: RunningServer) -> None:
    """Twenty at the same time and one later: one payment; with another input it is refused."""
    collection, key = open_collection(server, "10.00"), new_key()
    answers = mark_often(server, collection["id"], [key] * 20)
    answers.append(mark(server, collection["id"], idempotencyKey=key))
    assert {one["__typename"] for one in answers} == {"PaymentCollection"}
    assert len(collection_of(server, collection["id"])["payments"]) == 1
    refused = mark(server, collection["id"], idempotencyKey=key, createdBy="somebody")
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_different_keys_mark_once(server: RunningServer) -> None:
    """Of twenty people one does it; the others hear that nothing is outstanding."""
    collection = open_collection(server, "10.00")
    answers = mark_often(server, collection["id"], [new_key() for _ in range(20)])
    kinds = sorted(one.get("code", "done") for one in answers)
    assert kinds == [*["INVALID_STATE"] * 19, "done"]


@pytest.mark.parametrize("token", ["pending", "lost_reply"])
def test_nothing_is_marked_while_something_is_in_flight(server: RunningServer, token: str) -> None:
    """An authorization whose outcome is open decides what is left to pay."""
    collection = open_collection(server, "100.00")
    session = open_session(server, collection["id"], token, amount="10.00")
    authorize(server, session["id"])
    refused = mark(server, collection["id"])
    assert (refused["code"], refused["path"]) == ("INVALID_STATE", None)
    assert collection_of(server, collection["id"])["payments"] == []


def test_nothing_is_outstanding(server: RunningServer) -> None:
    """Paid already, or canceled: INVALID_STATE."""
    paid = open_collection(server, "10.00")
    mark(server, paid["id"])
    assert mark(server, paid["id"])["code"] == "INVALID_STATE"
    canceled = open_collection(server, "10.00")
    server.change("cancelPaymentCollection", {"id": canceled["id"]})
    assert mark(server, canceled["id"])["code"] == "INVALID_STATE"
