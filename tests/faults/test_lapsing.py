"""Authorizations past their time, and what was asked longer ago than a gateway remembers."""

from collections.abc import Callable

import pytest

from tests.support.records import assert_books_agree, effects
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    open_collection,
    open_session,
    pay,
    settle_by_hand,
    unsettled,
)
from tests.support.waiting import until

LATE_SECONDS = 15


def payment_of(server: RunningServer, id: str) -> Json:
    """Read a payment."""
    return server.run("back_end/06_show_payment", id=id)


def last_event(server: RunningServer, collection_id: str) -> tuple[str, str, int]:
    """Give the type, the source and the amount of a collection's newest event."""
    (event,) = server.rows(
        "SELECT type, source, amount_minor FROM payment_events WHERE collection_id = ?"
        " ORDER BY sequence DESC LIMIT 1",
        collection_id,
    )
    return event


def test_f48_an_authorization_past_its_time_is_not_offered(reported_server: RunningServer) -> None:
    """Nothing can be captured any more: capturableAmount is zero, and a capture is EXPIRED and asks for nothing."""
    payment = pay(reported_server, token="approve,expires=0.5")
    assert payment["captureBefore"] is not None
    until(
        lambda: payment_of(reported_server, payment["id"])["capturableAmount"] == "0.00",
        seconds=LATE_SECONDS,
    )
    refused = capture(reported_server, payment["id"])
    assert (refused["__typename"], refused["code"]) == ("CaptureFailed", "EXPIRED")
    assert effects(reported_server, payment["paymentSession"]["id"], "capture") == []


def test_f48_an_authorization_past_its_time_ends_by_the_gateway_s_word(
    server: RunningServer,
) -> None:
    """Recovery gives it back: the payment is CANCELED with reason EXPIRED, the log says PAYMENT_EXPIRED."""
    payment = pay(server, token="approve,expires=0.5")
    collection_id = payment["paymentCollection"]["id"]
    found = until(
        lambda: (one := payment_of(server, payment["id"]))["status"] == "CANCELED" and one,
        seconds=LATE_SECONDS,
    )
    assert (found["cancellationReason"], found["releasedAmount"]) == ("EXPIRED", "100.00")
    assert last_event(server, collection_id) == ("PAYMENT_EXPIRED", "RECONCILIATION", 10_000)
    (effect,) = effects(server, payment["paymentSession"]["id"], "cancel")
    assert (effect["result"], effect["moved"]) == ("approved", "100.00")
    assert collection_of(server, collection_id)["outstandingAmount"] == "100.00"


def test_f48_what_was_captured_before_stands(server: RunningServer) -> None:
    """Only what is left lapses: the payment is CAPTURED, and the log says what expired."""
    payment = pay(server, token="approve,expires=1")
    capture(server, payment["id"], amount="60.00")
    found = until(
        lambda: (one := payment_of(server, payment["id"]))["releasedAmount"] != "0.00" and one,
        seconds=LATE_SECONDS,
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
    server = make_server().start()
    payment = pay(server, token=f"approve,expires=0.2,cancel={token}")
    session_id = payment["paymentSession"]["id"]
    until(lambda: payment_of(server, payment["id"])["isCancellationPending"], seconds=LATE_SECONDS)
    until(
        lambda: [one["attempts"] for one in unsettled(server, session_id)] == [2],
        seconds=LATE_SECONDS,
    )
    found = payment_of(server, payment["id"])
    assert (found["status"], found["releasedAmount"], found["cancellationReason"]) == (
        "AUTHORIZED",
        "0.00",
        None,
    )
    (left,) = unsettled(server, session_id)
    # Refused while the gateway is just being asked.
    until(
        lambda: settle_by_hand(server, left["id"], "SUCCEEDED")["__typename"] == "Settled",
        seconds=LATE_SECONDS,
    )
    assert payment_of(server, payment["id"])["cancellationReason"] == "EXPIRED"


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """Every sum here is the gateway's."""
    assert_books_agree(server)


# ── Longer ago than the gateway remembers ──────────────────────────────────────


def test_f44_a_key_that_may_be_forgotten_is_not_sent_again(
    make_server: Callable[..., RunningServer],
) -> None:
    """A day after an unknown ask recovery only looks, and finds the one effect there was."""
    server = make_server(
        is_test_build=True,
        # The life of the gateway's keys, 23 hours, is over before recovery asks first.
        TILLGRAPH_TEST_TIME_SCALE="200000",
        TILLGRAPH_RECOVERY_INTERVAL_SECONDS="1",
    ).start()
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    assert authorize(server, session["id"])["__typename"] == "RequiresMoreAction"
    until(
        lambda: collection_of(server, collection["id"])["status"] == "AUTHORIZED",
        seconds=LATE_SECONDS,
    )
    (effect,) = effects(server, session["id"])
    assert (effect["moved"], effect["asked"]) == ("100.00", 1)
