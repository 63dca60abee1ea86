"""Every status, reached through the API; the tables that decide are in test_status_functions.py."""

from collections.abc import Callable

import pytest

from tests.support.flow.looking import answer_challenge, payment_of, session_status, status_of
from tests.support.flow.shop import (
    authorize,
    cancel_payment,
    capture,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.program.running import RunningServer

Step = tuple[str | None, str]
"""A session's token, None for one that is only opened, and its amount."""


def collection_with(server: RunningServer, steps: list[Step]) -> str:
    """Open a collection of 100.00 and go through its sessions; return its id."""
    collection = str(open_collection(server)["id"])
    made = [
        (token, open_session(server, collection, token, amount=amount)["id"])
        for token, amount in steps
    ]
    for token, id in made:
        if token is not None:
            authorize(server, id)
    return collection


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], "NOT_PAID"),
        ([(None, "100.00")], "AWAITING"),
        ([("decline", "100.00"), ("challenge", "100.00")], "AWAITING"),
        ([("unavailable", "100.00")], "FAILED"),
        ([("decline", "100.00"), ("decline", "50.00")], "FAILED"),
        ([("approve", "99.99")], "PARTIALLY_AUTHORIZED"),
        ([("approve", "0.01"), ("pending", "50.00")], "PARTIALLY_AUTHORIZED"),
        ([("approve", "50.00"), ("approve", "50.00")], "AUTHORIZED"),
        ([("auto_capture", "0.01"), ("approve", "99.99")], "PARTIALLY_CAPTURED"),
        ([("auto_capture", "0.01"), ("decline", "50.00")], "PARTIALLY_CAPTURED"),
        ([("auto_capture", "50.00"), ("auto_capture", "50.00")], "COMPLETED"),
    ],
)
def test_a_collection_s_status(server: RunningServer, steps: list[Step], expected: str) -> None:
    """A collection's status follows from what its sessions came to."""
    assert status_of(server, collection_with(server, steps)) == expected


@pytest.mark.parametrize(
    "steps",
    [[], [("decline", "100.00")], [("approve", "100.00")], [("pending", "100.00")]],
)
def test_canceled_stands_above_all(server: RunningServer, steps: list[Step]) -> None:
    """A canceled collection is CANCELED, whatever its sessions came to."""
    collection = collection_with(server, steps)
    server.change("cancelPaymentCollection", {"id": collection})
    assert status_of(server, collection) == "CANCELED"


def test_canceled_sessions_do_not_count(server: RunningServer) -> None:
    """With a canceled session beside a failed one a collection is FAILED, with only canceled ones NOT_PAID."""
    collection = open_collection(server)["id"]
    first, second = (open_session(server, collection, "decline")["id"] for _ in range(2))
    authorize(server, first)
    server.change("cancelPaymentSession", {"id": second})
    assert status_of(server, collection) == "FAILED"
    server.change("cancelPaymentSession", {"id": first})
    assert status_of(server, collection) == "NOT_PAID"


def test_a_canceled_payment_leaves_what_the_others_came_to(server: RunningServer) -> None:
    """With the only payment canceled a collection is what its other sessions make it."""
    collection = open_collection(server)["id"]
    paying = open_session(server, collection, amount="60.00")["id"]
    failing = open_session(server, collection, "decline", amount="40.00")["id"]
    payment = authorize(server, paying)
    authorize(server, failing)
    assert status_of(server, collection) == "PARTIALLY_AUTHORIZED"
    cancel_payment(server, payment["id"])
    assert status_of(server, collection) == "FAILED"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, "PENDING"),
        ("decline", "ERROR"),
        ("unavailable", "ERROR"),
        ("challenge", "REQUIRES_MORE"),
        ("pending", "PENDING_AUTHORIZATION"),
        ("approve", "AUTHORIZED"),
        ("auto_capture", "CAPTURED"),
    ],
)
def test_a_session_s_status(server: RunningServer, token: str | None, expected: str) -> None:
    """A session's status follows from its newest attempt and its payment."""
    session = open_session(server, open_collection(server)["id"], token)["id"]
    if token is not None:
        authorize(server, session)
    assert session_status(server, session) == expected


def test_the_newest_attempt_decides(server: RunningServer) -> None:
    """A session in ERROR becomes REQUIRES_MORE by its next attempt, and ERROR again by its failure."""
    session = open_session(server, open_collection(server)["id"], "decline")["id"]
    authorize(server, session)
    authorize(server, session, data={"token": "challenge"})
    assert session_status(server, session) == "REQUIRES_MORE"
    answer_challenge(server, session, "fail")
    authorize(server, session)
    assert session_status(server, session) == "ERROR"


Work = Callable[[RunningServer, str], object]


def part(server: RunningServer, id: str) -> object:
    """Capture 60.00."""
    return capture(server, id, amount="60.00")


def final(server: RunningServer, id: str) -> object:
    """Capture 60.00 and give the rest back."""
    return capture(server, id, amount="60.00", isFinal=True)


def cent_back(server: RunningServer, id: str) -> object:
    """Refund a cent."""
    return refund(server, id, amount="0.01")


@pytest.mark.parametrize(
    ("work", "payment", "session"),
    [
        ([], "AUTHORIZED", "AUTHORIZED"),
        ([cancel_payment], "CANCELED", "CANCELED"),
        ([part], "PARTIALLY_CAPTURED", "AUTHORIZED"),
        ([capture], "CAPTURED", "CAPTURED"),
        ([part, capture], "CAPTURED", "CAPTURED"),
        ([final], "CAPTURED", "CAPTURED"),
        ([part, cancel_payment], "CAPTURED", "CAPTURED"),
        ([part, cent_back], "PARTIALLY_REFUNDED", "AUTHORIZED"),
        ([part, refund], "PARTIALLY_REFUNDED", "AUTHORIZED"),
        ([capture, cent_back], "PARTIALLY_REFUNDED", "CAPTURED"),
        ([final, cent_back], "PARTIALLY_REFUNDED", "CAPTURED"),
        ([part, refund, capture], "PARTIALLY_REFUNDED", "CAPTURED"),
        ([capture, refund], "REFUNDED", "CAPTURED"),
        ([final, refund], "REFUNDED", "CAPTURED"),
        ([part, refund, cancel_payment], "REFUNDED", "CAPTURED"),
    ],
)
def test_a_payment_s_status(
    server: RunningServer, work: list[Work], payment: str, session: str
) -> None:
    """A payment's and its session's status follow from what was captured, released and refunded."""
    made = pay(server)
    for step in work:
        step(server, made["id"])
    found = (
        payment_of(server, made["id"])["status"],
        session_status(server, made["paymentSession"]["id"]),
    )
    assert found == (payment, session)
