"""Amounts are given back once, and decisions stand, whatever a gateway says."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.reporting import settle_and_wait
from tests.support.callers.calling import all_at_once
from tests.support.flow.looking import answer_challenge
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    open_collection,
    open_session,
    settle_by_hand,
    unsettled,
)
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import effects, open_operations
from tests.support.waiting import until


def approved_challenge(server: RunningServer, collection_id: str) -> str:
    """Open a session whose challenge the customer has approved; nobody has authorized it since."""
    session = open_session(server, collection_id, "challenge")
    authorize(server, session["id"])
    answer_challenge(server, session["id"], "approve")
    return str(session["id"])


def quiet(server: RunningServer, collection_id: str) -> Json:
    """Wait until nothing of a collection is in flight, and return it."""
    until(lambda: not any(row[5] in ids(server, collection_id) for row in open_operations(server)))
    return collection_of(server, collection_id)


def ids(server: RunningServer, collection_id: str) -> set[str]:
    """Return the ids of a collection's sessions."""
    return {s["id"] for s in collection_of(server, collection_id)["paymentSessions"]}


def given_back_once(server: RunningServer, session_id: str) -> None:
    """Assert that the gateway authorized a session once and gave all of it back by one effect."""
    found = [(e["kind"], e["result"], e["moved"]) for e in effects(server, session_id)]
    assert found == [("authorize", "approved", "100.00"), ("cancel", "approved", "100.00")]


def _is_a_persons(server: RunningServer, session_id: str) -> bool:
    found = unsettled(server, session_id)
    return [(one["nextAttemptAt"], one["declineCode"]) for one in found] == [
        (None, "card_declined")
    ]


def test_two_approved_challenges_at_once(reported_server: RunningServer, rounds: int) -> None:
    """Of two customers' approved challenges one pays, and the other is given back once, here and at the gateway."""
    server = reported_server  # Recovery would find the first before the second is there.
    for _ in range(rounds):
        collection = open_collection(server)
        sessions = [approved_challenge(server, collection["id"]) for _ in range(2)]
        all_at_once(server, [("authorizePaymentSession", {"id": id}) for id in sessions])
        found = quiet(server, collection["id"])
        assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
        assert "PAYMENT_CANCEL_FAILED" not in event_types(found)
        (lost,) = [s["id"] for s in found["paymentSessions"] if s["status"] == "CANCELED"]
        given_back_once(server, lost)
        (won,) = set(sessions) - {lost}
        assert [e["kind"] for e in effects(server, won)] == ["authorize"]


def test_an_authorization_against_the_closing_of_its_session(
    reported_server: RunningServer, rounds: int
) -> None:
    """Authorized and closed at the same time, a session pays or is given back once; never something between."""
    server = reported_server  # Recovery would find it before it is authorized.
    for number in range(rounds):
        collection = open_collection(server)
        session_id = approved_challenge(server, collection["id"])
        with ThreadPoolExecutor(max_workers=1) as pool:
            asking = pool.submit(authorize, server, session_id)
            time.sleep(0.002 * (number % 5))  # Any instant will do.
            server.change("cancelPaymentSession", {"id": session_id})
            asking.result()
        found = quiet(server, collection["id"])
        assert "PAYMENT_CANCEL_FAILED" not in event_types(found)
        (session,) = found["paymentSessions"]
        if session["status"] == "CANCELED":
            given_back_once(server, session_id)
            assert found["authorizedAmount"] == "0.00"
        else:
            assert session["status"] == "AUTHORIZED"
            assert [e["kind"] for e in effects(server, session_id)] == ["authorize"]


def test_a_canceled_collection_captures_nothing(server: RunningServer) -> None:
    """Canceled while its payment's own cancellation is pending, a collection takes nothing even if that is declined."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "approve,cancel=pending")
    payment = authorize(server, session["id"])
    pending = server.change("cancelPayment", {"paymentId": payment["id"]})
    assert pending["__typename"] == "CancelPending"
    canceled = server.change("cancelPaymentCollection", {"id": collection["id"]})
    assert canceled["status"] == "CANCELED"
    settle_and_wait(server, session["id"], "fail", "cancel")
    (left,) = until(lambda: unsettled(server, session["id"]))
    assert (left["kind"], left["nextAttemptAt"], left["declineCode"]) == (
        "cancel",
        None,
        "card_declined",
    )
    answer = capture(server, payment["id"])
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "INVALID_STATE")
    assert effects(server, session["id"], "capture") == []
    assert server.run("back_end/06_show_payment", id=payment["id"])["capturableAmount"] == "0.00"
    settle_by_hand(server, left["id"], "DECLINED")
    assert event_types(collection_of(server, collection["id"]))[-1] == "PAYMENT_CANCEL_FAILED"
    answer = capture(server, payment["id"])
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "INVALID_STATE")


def test_a_surplus_stays_one(server: RunningServer) -> None:
    """A surplus whose return the gateway declined counts in no sum, also where its collection is canceled later."""
    collection = open_collection(server)
    first = open_session(server, collection["id"], "challenge")
    authorize(server, first["id"])
    late = open_session(server, collection["id"], "pending,cancel=decline")
    authorize(server, late["id"])
    answer_challenge(server, first["id"], "approve")
    assert authorize(server, first["id"])["__typename"] == "Payment"
    settle_and_wait(server, late["id"], "approve")
    until(lambda: _is_a_persons(server, late["id"]))
    assert collection_of(server, collection["id"])["authorizedAmount"] == "100.00"
    server.change("cancelPaymentCollection", {"id": collection["id"]})
    (left,) = unsettled(server, late["id"])
    settle_by_hand(server, left["id"], "DECLINED")
    found = collection_of(server, collection["id"])
    assert (found["status"], found["authorizedAmount"]) == ("CANCELED", "0.00")
    reasons = {
        server.run("back_end/06_show_payment", id=payment["id"])["cancellationReason"]
        for payment in found["payments"]
    }
    assert reasons == {"REQUESTED", "SURPLUS"}
