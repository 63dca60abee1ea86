"""Many requests for the same money at the same time."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.callers.calling import Call, all_at_once, result_of, running
from tests.support.flow.looking import prepared_times
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_session,
    pay,
)
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import assert_books_agree, effects, moved
from tests.support.waiting import PATIENCE_SECONDS, until

CROWD = 50


def ledger_of(server: RunningServer) -> Path:
    """Return the file of the gateway's ledger."""
    return server.folder / "tillgraph-sandbox.db"


def test_f27_50_authorizations_of_one_session_are_one(server: RunningServer) -> None:
    """50 parallel authorizations of a session have one effect at the gateway and 50 equal answers."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    answers = all_at_once(server, [("authorizePaymentSession", {"id": session["id"]})] * CROWD)
    assert answers[0]["__typename"] == "Payment"
    assert answers == [answers[0]] * CROWD
    (effect,) = effects(server, session["id"])
    assert (effect["kind"], effect["moved"], effect["asked"]) == ("authorize", "100.00", 1)


def test_f27_50_authorizations_while_the_gateway_is_asked_are_one(shared_site: Site) -> None:
    """All 50 are there before the gateway has answered the first: one ask, and 50 equal answers."""
    server, between = shared_site.server, shared_site.between
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    before = prepared_times(server, collection["id"])
    between.next(Fault.HOLD_BEFORE, session_id=session["id"])
    with running(server, *[("authorizePaymentSession", {"id": session["id"]})] * CROWD) as calls:
        until(lambda: prepared_times(server, collection["id"]) == before + CROWD)
        between.let_go()
        answers = [result_of(call.result()) for call in calls]
    assert answers[0]["__typename"] == "Payment"
    assert answers == [answers[0]] * CROWD
    (effect,) = effects(server, session["id"])
    assert (effect["kind"], effect["moved"], effect["asked"]) == ("authorize", "100.00", 1)


def test_f27_50_declined_authorizations_with_one_key_are_one(server: RunningServer) -> None:
    """50 parallel authorizations with one key that are declined are one attempt and the same decline 50 times."""
    session = open_session(server, open_collection(server)["id"], "decline:insufficient_funds")
    call = ("authorizePaymentSession", {"id": session["id"], "idempotencyKey": new_key()})
    answers = all_at_once(server, [call] * CROWD)
    told = {(a["__typename"], a["code"], a["declineCode"]) for a in answers}
    assert told == {("AuthorizationFailed", "DECLINED", "insufficient_funds")}
    (effect,) = effects(server, session["id"])
    assert (effect["result"], effect["moved"], effect["asked"]) == ("declined", "0.00", 1)


REFUNDS = 100


def refunds_of(payment: Json) -> list[Call]:
    """Write refunds of 30.00, each with a key of its own."""
    values = {"paymentId": payment["id"], "amount": "30.00"}
    return [("refundPayment", {**values, "idempotencyKey": new_key()}) for _ in range(REFUNDS)]


def assert_three_of(answers: list[Json], refunds: list[Json]) -> None:
    """Assert that three of 100 refunds of 30.00 of 100.00 succeeded, and what the others may have."""
    refused = [a for a in answers if a["__typename"] == "RefundFailed"]
    assert Counter(a["__typename"] for a in answers) == {"Payment": 3, "RefundFailed": REFUNDS - 3}
    assert {(a["code"], a["maximumAmount"]) for a in refused} == {("AMOUNT_TOO_LARGE", "10.00")}
    assert [refund["moved"] for refund in refunds] == ["30.00"] * 3


def test_f30_100_refunds_of_30_of_100(server: RunningServer) -> None:
    """Of 100 parallel refunds of 30.00 on a captured 100.00 three succeed; the others may have 10.00 at most."""
    payment = pay(server)
    assert capture(server, payment["id"])["__typename"] == "Payment"
    answers = all_at_once(server, refunds_of(payment))
    assert_three_of(answers, effects(server, payment["paymentSession"]["id"], "refund"))


def test_f30_100_refunds_while_the_gateway_is_asked(shared_site: Site) -> None:
    """The same where 97 are refused before the gateway has answered any of the three."""
    server, between = shared_site.server, shared_site.between
    payment = pay(server)
    session_id = payment["paymentSession"]["id"]
    assert capture(server, payment["id"])["__typename"] == "Payment"
    between.next(Fault.HOLD_BEFORE, session_id=session_id, times=3)
    with running(server, *refunds_of(payment)) as calls:
        until(lambda: between.waiting == 3)
        until(lambda: sum(call.done() for call in calls) == REFUNDS - 3)
        between.let_go()
        answers = [result_of(call.result()) for call in calls]
    assert_three_of(answers, effects(server, session_id, "refund"))


def test_f29_captures_of_60_and_60_of_100(server: RunningServer, many_rounds: int) -> None:
    """Of two parallel captures of 60.00 of 100.00 one succeeds, and the other may have 40.00 at most."""
    for _ in range(many_rounds):
        payment = pay(server)
        both = [
            (
                "capturePayment",
                {"paymentId": payment["id"], "amount": "60.00", "idempotencyKey": new_key()},
            )
            for _ in range(2)
        ]
        won, lost = sorted(
            all_at_once(server, both), key=lambda answer: answer["__typename"], reverse=True
        )
        assert (won["__typename"], won["capturedAmount"]) == ("Payment", "60.00")
        assert (lost["__typename"], lost["code"], lost["maximumAmount"]) == (
            "CaptureFailed",
            "AMOUNT_TOO_LARGE",
            "40.00",
        )
        assert moved(ledger_of(server), payment["paymentSession"]["id"], "capture") == [6_000]


def test_f29_a_capture_while_the_gateway_is_asked_for_another(shared_site: Site) -> None:
    """While a capture of 60.00 of 100.00 is under way, another may have 40.00 at most, and requests nothing."""
    server, between = shared_site.server, shared_site.between
    payment = pay(server)
    session_id = payment["paymentSession"]["id"]
    first, second = (
        {"paymentId": payment["id"], "amount": "60.00", "idempotencyKey": new_key()}
        for _ in range(2)
    )
    between.next(Fault.HOLD_BEFORE, kind="capture", session_id=session_id)
    with running(server, ("capturePayment", first)) as (call,):
        assert between.held.wait(PATIENCE_SECONDS)
        lost = server.change("capturePayment", second)
        between.let_go()
        won = result_of(call.result())
    assert (won["__typename"], won["capturedAmount"]) == ("Payment", "60.00")
    assert (lost["code"], lost["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "40.00")
    assert [effect["moved"] for effect in effects(server, session_id, "capture")] == ["60.00"]


def test_f31_capture_against_cancel(server: RunningServer, rounds: int) -> None:
    """Of a capture and a cancellation at the same time exactly one happens, here and at the gateway."""
    for turn in range(rounds):
        payment = pay(server)
        both: list[tuple[str, Json]] = [
            ("capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()}),
            ("cancelPayment", {"paymentId": payment["id"]}),
        ]
        if turn % 2:
            both.reverse()
        answers = all_at_once(server, both)
        (won,) = [a for a in answers if a["__typename"] == "Payment"]
        (lost,) = [a for a in answers if a["__typename"] != "Payment"]
        is_captured = lost["__typename"] == "CancelFailed"
        assert lost["__typename"] in ("CancelFailed", "CaptureFailed")
        assert lost["code"] in ("IN_PROGRESS", "INVALID_STATE")
        assert won["status"] == ("CAPTURED" if is_captured else "CANCELED")
        session_id = payment["paymentSession"]["id"]
        effects_of = {
            kind: moved(ledger_of(server), session_id, kind) for kind in ("capture", "cancel")
        }
        assert effects_of == {
            "capture": [10_000] if is_captured else [],
            "cancel": [] if is_captured else [10_000],
        }


@pytest.mark.parametrize("first", ["capture", "cancel"])
def test_f31_while_the_gateway_is_asked(shared_site: Site, first: str) -> None:
    """While a capture or a cancellation is under way, the other is refused, and requests nothing."""
    server, between = shared_site.server, shared_site.between
    payment = pay(server)
    session_id = payment["paymentSession"]["id"]
    calls: dict[str, Call] = {
        "capture": ("capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()}),
        "cancel": ("cancelPayment", {"paymentId": payment["id"]}),
    }
    second = "cancel" if first == "capture" else "capture"
    between.next(Fault.HOLD_BEFORE, kind=first, session_id=session_id)
    with running(server, calls[first]) as (call,):
        assert between.held.wait(PATIENCE_SECONDS)
        lost = server.change(*calls[second])
        between.let_go()
        won = result_of(call.result())
    assert (lost["__typename"], lost["code"]) == (f"{second.title()}Failed", "IN_PROGRESS")
    assert (won["__typename"], won["status"]) == (
        "Payment",
        "CAPTURED" if first == "capture" else "CANCELED",
    )
    assert [effect["kind"] for effect in effects(server, session_id)] == ["authorize", first]


def test_f28_two_sessions_in_flight_that_would_each_cover(shared_site: Site) -> None:
    """Of two sessions that would each cover the collection, the second has no room while the first is in flight."""
    server, between = shared_site.server, shared_site.between
    collection = open_collection(server)
    first, second = (open_session(server, collection["id"]) for _ in range(2))
    between.next(Fault.HOLD_BEFORE, session_id=first["id"])
    with running(server, ("authorizePaymentSession", {"id": first["id"]})) as (call,):
        assert between.held.wait(PATIENCE_SECONDS)
        lost = authorize(server, second["id"])
        between.let_go()
        won = result_of(call.result())
    assert (won["__typename"], won["amount"]) == ("Payment", "100.00")
    assert (lost["__typename"], lost["code"]) == ("AuthorizationFailed", "AMOUNT_TOO_LARGE")
    assert lost["maximumAmount"] == "0.00"
    assert len(effects(server, first["id"]) + effects(server, second["id"])) == 1


def test_f28_two_sessions_that_would_each_cover(server: RunningServer, rounds: int) -> None:
    """Two sessions that would each cover the collection make one payment, whoever is first by however little."""
    for _ in range(rounds):
        collection = open_collection(server)
        sessions = [open_session(server, collection["id"], "approve") for _ in range(2)]
        answers = all_at_once(
            server, [("authorizePaymentSession", {"id": s["id"]}) for s in sessions]
        )
        won, lost = sorted(answers, key=lambda answer: answer["__typename"], reverse=True)
        assert (won["__typename"], lost["__typename"]) == ("Payment", "AuthorizationFailed")
        assert lost["code"] in ("AMOUNT_TOO_LARGE", "INVALID_STATE")
        found = collection_of(server, collection["id"])
        assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
        assert len(found["payments"]) == 1
        approved = [moved(ledger_of(server), one["id"], "authorize") for one in sessions]
        assert sorted(approved) == [[], [10_000]]


def test_f28_50_sessions_that_would_each_cover(server: RunningServer) -> None:
    """Of 50 sessions that would each cover the collection, authorized at once, one makes a payment."""
    collection = open_collection(server)
    sessions = [open_session(server, collection["id"]) for _ in range(CROWD)]
    answers = all_at_once(server, [("authorizePaymentSession", {"id": s["id"]}) for s in sessions])
    told = Counter((a["__typename"], a.get("code")) for a in answers)
    assert told[("Payment", None)] == 1
    assert (
        told[("AuthorizationFailed", "AMOUNT_TOO_LARGE")]
        + told[("AuthorizationFailed", "INVALID_STATE")]
        == CROWD - 1
    )
    ids = {session["id"] for session in sessions}
    approved = [e for e in server.ledger() if e["session"] in ids and e["kind"] == "authorize"]
    assert [effect["moved"] for effect in approved] == ["100.00"]


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """After every race each effect at the gateway is an operation of ours, and all sums are the same on both sides."""
    assert_books_agree(server)


@pytest.mark.parametrize("kind", ["capture", "refund"])
def test_f27_both_sendings_of_a_key_answer_alike(
    server: RunningServer, kind: str, rounds: int
) -> None:
    """Sent twice at the same moment, one key has one outcome: neither sending is refused for what the other did."""
    for _ in range(rounds):
        payment = pay(server)
        if kind == "refund":
            capture(server, payment["id"])
        values = {"paymentId": payment["id"], "amount": "60.00", "idempotencyKey": new_key()}
        answers = all_at_once(server, [(f"{kind}Payment", values)] * 3)
        assert [answer["__typename"] for answer in answers] == ["Payment"] * 3
        (effect,) = effects(server, payment["paymentSession"]["id"], kind)
        assert effect["moved"] == "60.00"
