"""Authorizations past their time, and what was asked longer ago than a gateway remembers."""

from collections.abc import Callable

import pytest

from tests.faults.conftest import QUICKEST_RECOVERY
from tests.faults.reporting import settle_and_wait
from tests.support.flow.looking import payment_of
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    open_collection,
    open_session,
    pay,
    settle_by_hand,
    unsettled,
)
from tests.support.program.running import RunningServer
from tests.support.stores.records import assert_books_agree, days_ago, effects, lapse, lapsed
from tests.support.waiting import until

LASTING = "approve,expires=3600"
"""An authorization with an end that no test waits for."""


def last_event(server: RunningServer, collection_id: str) -> tuple[str, str, int]:
    """Return the type, the source and the amount of a collection's newest event."""
    (event,) = server.rows(
        "SELECT type, source, amount_minor FROM payment_events WHERE collection_id = ?"
        " ORDER BY sequence DESC LIMIT 1",
        collection_id,
    )
    return event


def test_f48_an_authorization_past_its_time_is_not_offered(reported_server: RunningServer) -> None:
    """Nothing can be captured any more: capturableAmount is zero, and a capture is EXPIRED and asks for nothing."""
    payment = pay(reported_server, token=LASTING)
    assert payment["captureBefore"] is not None
    assert payment["capturableAmount"] == "100.00"
    with lapsed(reported_server, payment["id"]):
        assert payment_of(reported_server, payment["id"])["capturableAmount"] == "0.00"
        refused = capture(reported_server, payment["id"])
    assert (refused["__typename"], refused["code"]) == ("CaptureFailed", "EXPIRED")
    assert effects(reported_server, payment["paymentSession"]["id"], "capture") == []


def test_f48_an_authorization_past_its_time_ends_by_the_gateway_s_word(
    server: RunningServer,
) -> None:
    """Recovery gives it back: the payment is CANCELED with reason EXPIRED, the log says PAYMENT_EXPIRED."""
    payment = pay(server, token=LASTING)
    lapse(server, payment["id"])
    collection_id = payment["paymentCollection"]["id"]
    found = until(
        lambda: (one := payment_of(server, payment["id"]))["status"] == "CANCELED" and one
    )
    assert (found["cancellationReason"], found["releasedAmount"]) == ("EXPIRED", "100.00")
    assert last_event(server, collection_id) == ("PAYMENT_EXPIRED", "RECONCILIATION", 10_000)
    (effect,) = effects(server, payment["paymentSession"]["id"], "cancel")
    assert (effect["result"], effect["moved"]) == ("approved", "100.00")
    assert collection_of(server, collection_id)["outstandingAmount"] == "100.00"


def test_f48_what_was_captured_before_stands(server: RunningServer) -> None:
    """Only what is left lapses: the payment is CAPTURED, and the log says what expired."""
    payment = pay(server, token=LASTING)
    capture(server, payment["id"], amount="60.00")
    lapse(server, payment["id"])
    found = until(
        lambda: (one := payment_of(server, payment["id"]))["releasedAmount"] != "0.00" and one
    )
    assert (found["status"], found["capturedAmount"], found["releasedAmount"]) == (
        "CAPTURED",
        "60.00",
        "40.00",
    )
    assert found["cancellationReason"] is None
    collection_id = payment["paymentCollection"]["id"]
    assert last_event(server, collection_id) == ("PAYMENT_EXPIRED", "RECONCILIATION", 4_000)


@pytest.mark.parametrize("token", ["unavailable", "pending"])
def test_f48_the_end_waits_for_evidence(
    make_server: Callable[..., RunningServer], token: str
) -> None:
    """While the gateway's word is not there, the payment is pending: neither captured nor ended by age."""
    server = make_server(**QUICKEST_RECOVERY).start()
    payment = pay(server, token=f"{LASTING},cancel={token}")
    lapse(server, payment["id"])
    session_id = payment["paymentSession"]["id"]
    until(lambda: payment_of(server, payment["id"])["isCancellationPending"])
    until(lambda: [one["attempts"] for one in unsettled(server, session_id)] == [2])
    found = payment_of(server, payment["id"])
    assert (found["status"], found["releasedAmount"], found["cancellationReason"]) == (
        "AUTHORIZED",
        "0.00",
        None,
    )
    (left,) = unsettled(server, session_id)
    # Refused while the gateway is just being asked.
    until(lambda: settle_by_hand(server, left["id"], "SUCCEEDED")["__typename"] == "Settled")
    assert payment_of(server, payment["id"])["cancellationReason"] == "EXPIRED"


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """Every sum here is the gateway's."""
    assert_books_agree(server)


# ── Longer ago than the gateway remembers ──────────────────────────────────────


def test_f44_a_key_that_may_be_forgotten_is_not_sent_again(reported_server: RunningServer) -> None:
    """Days after an unknown ask recovery only looks, and finds the one effect there was."""
    server = reported_server
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    assert authorize(server, session["id"])["__typename"] == "RequiresMoreAction"
    days_ago(server, session["id"])
    # Something that is left open anywhere makes recovery look, whose interval is an hour here.
    other = open_session(server, open_collection(server)["id"], "pending")
    authorize(server, other["id"])
    until(lambda: collection_of(server, collection["id"])["status"] == "AUTHORIZED")
    (effect,) = effects(server, session["id"])
    assert (effect["moved"], effect["asked"]) == ("100.00", 1)
    settle_and_wait(server, other["id"], "approve")
