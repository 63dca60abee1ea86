"""The details of an event besides its type: who brought it, why something failed, and what it is about."""

from collections.abc import Callable

import pytest

from tests.support.flow.looking import answer_challenge, payment_ids, settle
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.program.running import Json, RunningServer

EVENTS = """
query ($id: ID!) {
  paymentCollection(id: $id) {
    events {
      edges {
        node {
          type source amount failureCode declineCode
          paymentSession { id } payment { id } capture { id } refund { id }
        }
      }
    }
  }
}
"""


def events(server: RunningServer, collection_id: str, type: str) -> list[Json]:
    """Return a collection's events of a type, oldest first."""
    found = server.execute(EVENTS, {"id": collection_id})["paymentCollection"]
    nodes = [edge["node"] for edge in found["events"]["edges"]]
    return [node for node in nodes if node["type"] == type]


@pytest.mark.parametrize(
    ("token", "source"),
    [("approve", "API"), ("lost_reply", "RECONCILIATION"), ("pending", "WEBHOOK")],
)
def test_who_brought_an_authorization(server: RunningServer, token: str, source: str) -> None:
    """An authorization comes by the API, by recovery, or by the gateway's report."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, token)["id"]
    authorize(server, session)
    if token == "pending":
        settle(server, session, "approve")
    elif token == "lost_reply":
        recover(server, session)
    until_event(server, collection, "SESSION_AUTHORIZED")
    (event,) = events(server, collection, "SESSION_AUTHORIZED")
    assert event["source"] == source


def test_a_challenge_s_outcome_comes_by_the_api(server: RunningServer) -> None:
    """An outcome that a returning call finds out has the source API."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "challenge")["id"]
    authorize(server, session)
    answer_challenge(server, session, "approve")
    authorize(server, session)
    (event,) = events(server, collection, "SESSION_AUTHORIZED")
    assert event["source"] == "API"


@pytest.mark.parametrize(
    ("token", "code", "decline"),
    [
        ("decline:insufficient_funds", "DECLINED", "insufficient_funds"),
        ("unavailable", "PROVIDER_UNAVAILABLE", None),
    ],
)
def test_why_an_attempt_failed(
    server: RunningServer, token: str, code: str, decline: str | None
) -> None:
    """SESSION_FAILED says why."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, token)["id"]
    authorize(server, session)
    (event,) = events(server, collection, "SESSION_FAILED")
    assert (event["failureCode"], event["declineCode"]) == (code, decline)
    assert (event["paymentSession"], event["payment"]) == ({"id": session}, None)


@pytest.mark.parametrize("result", ["approve", "fail"])
def test_why_a_session_is_canceled(server: RunningServer, result: str) -> None:
    """SESSION_CANCELED says why where an attempt was declined, and AUTHORIZATION_RETURNED names the payment."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "pending")["id"]
    authorize(server, session)
    server.change("cancelPaymentCollection", {"id": collection})
    settle(server, session, result)
    type = {"approve": "AUTHORIZATION_RETURNED", "fail": "SESSION_CANCELED"}[result]
    until_event(server, collection, type)
    (event,) = events(server, collection, type)
    expected = ("DECLINED", "card_declined") if result == "fail" else (None, None)
    assert (event["failureCode"], event["declineCode"]) == expected
    assert (event["payment"] is not None) is (result == "approve")
    assert (event["source"], event["paymentSession"]) == ("WEBHOOK", {"id": session})


Move = Callable[..., Json]


@pytest.mark.parametrize(("name", "move"), [("capture", capture), ("refund", refund)])
def test_a_movement_s_events_name_it(server: RunningServer, name: str, move: Move) -> None:
    """The events of a movement name the movement, its payment and its session, and nothing else."""
    payment = pay(server, token=f"approve,{name}=decline:not_today")
    if name == "refund":
        capture(server, payment["id"])
    id, session, collection = payment_ids(payment)
    answer = move(server, id, amount="40.00")
    assert answer["code"] == "DECLINED"
    movement = {"id": answer["affectedPayment"][f"{name}s"][0]["id"]}
    for end in ("PENDING", "FAILED"):
        (event,) = events(server, collection, f"PAYMENT_{name.upper()}_{end}")
        assert (event[name], event["amount"]) == (movement, "40.00")
        assert event["capture" if name == "refund" else "refund"] is None
        assert (event["payment"], event["paymentSession"]) == ({"id": id}, {"id": session})
        expected = ("DECLINED", "not_today") if end == "FAILED" else (None, None)
        assert (event["failureCode"], event["declineCode"]) == expected


def test_asking_again_says_nothing_of_the_failure_before(server: RunningServer) -> None:
    """The second PAYMENT_CAPTURE_PENDING of one capture has no failure; each failure has its own."""
    payment, key = pay(server, token="approve,capture=unavailable"), new_key()
    _, _, collection = payment_ids(payment)
    for _ in range(2):
        capture(server, payment["id"], idempotencyKey=key)
    pending = events(server, collection, "PAYMENT_CAPTURE_PENDING")
    failed = events(server, collection, "PAYMENT_CAPTURE_FAILED")
    assert [event["failureCode"] for event in pending] == [None, None]
    assert [event["failureCode"] for event in failed] == ["PROVIDER_UNAVAILABLE"] * 2
    assert len({event["capture"]["id"] for event in pending + failed}) == 1


@pytest.mark.parametrize(
    ("told", "source"), [("lost_reply", "RECONCILIATION"), ("pending", "WEBHOOK")]
)
def test_who_brought_a_cancellation(server: RunningServer, told: str, source: str) -> None:
    """A cancellation that was requested by the API ends by recovery or by a report."""
    id, session, collection = payment_ids(pay(server, token=f"approve,cancel={told}"))
    server.change("cancelPayment", {"paymentId": id})
    if told == "pending":
        settle(server, session, "approve", "cancel")
    else:
        recover(server, session)
    until_event(server, collection, "PAYMENT_CANCELED")
    (asked,) = events(server, collection, "PAYMENT_CANCEL_PENDING")
    (done,) = events(server, collection, "PAYMENT_CANCELED")
    assert (asked["source"], done["source"]) == ("API", source)
