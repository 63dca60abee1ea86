"""Operations that begin at the gateway and not here: each is a fact, recorded once, whatever its amount."""

import secrets
from collections.abc import Callable

import httpx2
import orjson
import pytest

from tests.faults.reporting import AT_GATEWAY, begin, bodies, post, settle_and_wait, signature
from tests.support.callers.calling import Call, running
from tests.support.flow.looking import payment_of
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
    settle_by_hand,
    unsettled,
)
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site
from tests.support.program.running import LONG_WAITS, Json, RunningServer
from tests.support.stores.records import assert_books_agree, effects, end_leases, everything
from tests.support.waiting import PATIENCE_SECONDS, until

TAKEN = range(200, 300)


def events_of(server: RunningServer, payment: Json) -> list[tuple[str, str, int]]:
    """Return the types, sources and amounts of the events of a payment's collection, oldest first."""
    return server.rows(
        "SELECT type, source, amount_minor FROM payment_events WHERE collection_id = ? ORDER BY sequence",
        payment["paymentCollection"]["id"],
    )


def test_f22_a_refund_in_the_dashboard(server: RunningServer) -> None:
    """It counts in the payment's sums, has source PROVIDER, and what can be refunded here is less by it."""
    payment = pay(server)
    capture(server, payment["id"])
    begin(server, payment["paymentSession"]["id"], "refund", "30.00")
    found = payment_of(server, payment["id"])
    assert (found["refundedAmount"], found["refundableAmount"], found["status"]) == (
        "30.00",
        "70.00",
        "PARTIALLY_REFUNDED",
    )
    ((amount, source, status),) = server.rows(
        "SELECT amount_minor, source, status FROM operations WHERE kind = 'refund' AND payment_id = ?",
        payment["id"],
    )
    assert (amount, source, status) == (3_000, "PROVIDER", "SUCCEEDED")
    assert events_of(server, payment)[-1] == ("PAYMENT_REFUNDED", "PROVIDER", 3_000)
    assert refund(server, payment["id"], amount="70.01")["code"] == "AMOUNT_TOO_LARGE"
    assert refund(server, payment["id"], amount="70.00")["refundedAmount"] == "100.00"


def test_f22_a_capture_in_the_dashboard(server: RunningServer) -> None:
    """A capture in the dashboard counts here, and only the rest can still be captured."""
    payment = pay(server)
    begin(server, payment["paymentSession"]["id"], "capture", "60.00")
    found = payment_of(server, payment["id"])
    assert (found["capturedAmount"], found["capturableAmount"]) == ("60.00", "40.00")
    assert events_of(server, payment)[-1] == ("PAYMENT_CAPTURED", "PROVIDER", 6_000)
    assert capture(server, payment["id"])["capturedAmount"] == "100.00"


def test_f22_a_cancellation_in_the_dashboard(server: RunningServer) -> None:
    """The payment is CANCELED with reason PROVIDER, and the collection has all outstanding again."""
    payment = pay(server)
    begin(server, payment["paymentSession"]["id"], "cancel")
    found = payment_of(server, payment["id"])
    assert (found["status"], found["cancellationReason"]) == ("CANCELED", "PROVIDER")
    assert events_of(server, payment)[-1] == ("PAYMENT_CANCELED", "PROVIDER", 10_000)
    collection = collection_of(server, payment["paymentCollection"]["id"])
    assert collection["outstandingAmount"] == "100.00"


@pytest.mark.once
@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("capture", "100.01"),
        ("refund", "0.01"),
        ("capture", "0"),
        ("capture", "x"),
        ("capture", "Infinity"),
    ],
)
def test_what_the_gateway_would_not_do(server: RunningServer, kind: str, amount: str) -> None:
    """Its dashboard refuses it, and nothing is reported."""
    payment = pay(server)
    before = everything(server)
    address = f"/sandbox/movements/{payment['paymentSession']['id']}"
    response = server.client.post(address, json={"kind": kind, "amount": amount})
    assert response.status_code in (409, 422)
    assert everything(server) == before


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """Every payment's sums are the gateway's, what began there included."""
    assert_books_agree(server)


def retold(
    server: RunningServer, payment: Json, kind: str, *, minor: int, key: str | None = None
) -> bytes:
    """Write the gateway's own report on something begun there as one about another payment, with another amount."""
    source = pay(server)
    capture(server, source["id"])
    begin(server, source["paymentSession"]["id"], "refund", "1.00")
    report = orjson.loads(bodies(server, source["paymentSession"]["id"])[-1])
    key = key or "own_" + secrets.token_hex(13).upper()
    facts = {"kind": kind, "amount_minor": minor, "moved_minor": minor, "key": key}
    session_id = payment["paymentSession"]["id"]
    report["operation"] |= {**facts, "session": session_id}
    report |= {"id": "evt_" + secrets.token_hex(13).upper(), "key": key, "session": session_id}
    return orjson.dumps(report)


def test_f22_told_twice_it_counts_once(reported_server: RunningServer) -> None:
    """Two reports of one movement, each with an id of its own, and each three times: one refund."""
    payment = pay(reported_server)
    capture(reported_server, payment["id"])
    key = "own_" + secrets.token_hex(13).upper()
    first, second = (
        retold(reported_server, payment, "refund", minor=3_000, key=key) for _ in range(2)
    )
    for body in (first, second, first, second, second, first):
        assert post(reported_server, body, signature(body)) in TAKEN
    found = payment_of(reported_server, payment["id"])
    assert (found["refundedAmount"], len(found["refunds"])) == ("30.00", 1)


@pytest.mark.once
def test_f22_told_of_another_session_it_is_refused(reported_server: RunningServer) -> None:
    """An operation begun at the gateway is 400 when reported again for another session, and changes nothing."""
    payment, other = pay(reported_server), pay(reported_server)
    for one in (payment, other):
        capture(reported_server, one["id"])
    key = "own_" + secrets.token_hex(13).upper()
    body = retold(reported_server, payment, "refund", minor=3_000, key=key)
    assert post(reported_server, body, signature(body)) in TAKEN
    for wrong in (
        retold(reported_server, other, "refund", minor=3_000, key=key),
        retold(reported_server, payment, "capture", minor=3_000, key=key),
    ):
        before = everything(reported_server)
        assert post(reported_server, wrong, signature(wrong)) == 400
        assert everything(reported_server) == before


@pytest.mark.once
@pytest.mark.parametrize(
    "facts",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"amount_minor": True},
        {"amount_minor": 2**63},
        {"released_minor": -1},
        {"released_minor": None},
        {"moved_minor": 0},
        {"kind": ["refund"]},
        {"currency": None},
    ],
    ids=str,
)
def test_f22_of_what_can_not_be(reported_server: RunningServer, facts: Json) -> None:
    """A well signed report on something begun there whose facts can't be is 400, and nothing of it is kept."""
    payment = pay(reported_server)
    capture(reported_server, payment["id"])
    report = orjson.loads(retold(reported_server, payment, "refund", minor=3_000))
    report["operation"] |= facts
    body = orjson.dumps(report)
    before = everything(reported_server)
    assert post(reported_server, body, signature(body)) == 400
    assert everything(reported_server) == before


def test_f22_open_refunds_that_exceed_what_is_left(reported_server: RunningServer) -> None:
    """Neither can be settled as SUCCEEDED while the other is open; after that one is DECLINED, it can."""
    payment = pay(reported_server, token="approve,refund=pending")
    capture(reported_server, payment["id"])
    first, second = (
        refund(reported_server, payment["id"], amount="40.00")["refund"]["id"] for _ in range(2)
    )
    body = retold(reported_server, payment, "refund", minor=4_000)
    assert post(reported_server, body, signature(body)) in TAKEN
    before = everything(reported_server)
    for id in (first, second):
        refused = settle_by_hand(reported_server, id, "SUCCEEDED")
        assert (refused["code"], refused["path"]) == ("INVALID_STATE", ["outcome"])
    assert everything(reported_server) == before
    for id, outcome in ((first, "DECLINED"), (second, "SUCCEEDED")):
        assert settle_by_hand(reported_server, id, outcome)["__typename"] == "Settled"
    found = payment_of(reported_server, payment["id"])
    assert found["refundedAmount"] == "80.00"


def test_f22_beyond_a_limit_it_is_a_fact_and_a_mismatch(reported_server: RunningServer) -> None:
    """More refunded there than was captured here: recorded, marked as mismatched, and nothing moves here any more."""
    payment = pay(reported_server)
    capture(reported_server, payment["id"], amount="60.00")
    body = retold(reported_server, payment, "refund", minor=7_000)
    assert post(reported_server, body, signature(body)) in TAKEN
    found = payment_of(reported_server, payment["id"])
    assert (found["refundedAmount"], found["refundableAmount"], found["capturableAmount"]) == (
        "70.00",
        "0.00",
        "0.00",
    )
    assert [event[:2] for event in events_of(reported_server, payment)][-2:] == [
        ("PAYMENT_REFUNDED", "PROVIDER"),
        ("PAYMENT_MISMATCHED", "PROVIDER"),
    ]
    for answer in (capture(reported_server, payment["id"]), refund(reported_server, payment["id"])):
        assert answer["code"] == "INVALID_STATE"
    (line,) = [
        line
        for line in reported_server.log_lines()
        if line["event"] == "payment mismatched" and line["payment_id"] == payment["id"]
    ]
    assert (line["level"], line["requested"], line["found"]) == ("error", "70.00 USD", "70.00 USD")
    assert line["differs"] == "refunded is 70.00 USD, not at most 60.00"


def test_f22_of_a_session_that_is_not_here(reported_server: RunningServer) -> None:
    """It is kept and makes nothing; the metric says that somebody has to look."""
    payment = {"paymentSession": {"id": "payses_" + "0" * 26}}
    body = retold(reported_server, payment, "refund", minor=100)
    before = everything(reported_server)
    parked = parked_reports(reported_server)
    assert post(reported_server, body, signature(body)) in TAKEN
    after = everything(reported_server)
    assert {**after, "provider_reports": None} == {**before, "provider_reports": None}
    assert parked_reports(reported_server) == parked + 1


def parked_reports(server: RunningServer) -> float:
    """Read the metric."""
    lines = server.client.get("/metrics").text.splitlines()
    (line,) = [one for one in lines if one.startswith("tillgraph_parked_reports ")]
    return float(line.split()[1])


# ── Undone at the gateway ──────────────────────────────────────────────────────


def refunded(server: RunningServer) -> tuple[Json, str]:
    """Pay 100.00 and refund 30.00; return the payment and the refund's id."""
    payment = pay(server)
    capture(server, payment["id"])
    answer = refund(server, payment["id"], amount="30.00")
    return answer, answer["refunds"][0]["id"]


def test_f26_a_refund_that_the_gateway_undid(server: RunningServer) -> None:
    """Read back from the gateway it is REVERSED: it counts in no sum, and the amount can be refunded again."""
    payment, id = refunded(server)
    session_id = server.rows("SELECT session_id FROM operations WHERE id = ?", id)[0][0]
    settle_and_wait(server, session_id, "reverse", id)
    found = wait_until_reversed(server, payment["id"])
    assert (found["status"], found["refundedAmount"], found["refundableAmount"]) == (
        "CAPTURED",
        "0.00",
        "100.00",
    )
    assert [one["status"] for one in found["refunds"]] == ["REVERSED"]
    (event,) = server.rows(
        "SELECT type, source, amount_minor FROM payment_events WHERE operation_id = ?"
        " ORDER BY sequence DESC LIMIT 1",
        id,
    )
    assert event == ("PAYMENT_REFUND_REVERSED", "WEBHOOK", 3_000)
    assert refund(server, payment["id"])["refundedAmount"] == "100.00"


def wait_until_reversed(server: RunningServer, id: str) -> Json:
    """Wait until a payment's refund is undone here too."""
    return until(lambda: (found := payment_of(server, id))["refundedAmount"] == "0.00" and found)


def test_f26_a_refund_in_the_dashboard_that_is_undone(server: RunningServer) -> None:
    """It counted by the gateway's own key, and by that key it counts no more."""
    payment = pay(server)
    capture(server, payment["id"])
    session_id = payment["paymentSession"]["id"]
    begin(server, session_id, "refund", "30.00")
    (effect,) = effects(server, session_id, "refund")
    assert payment_of(server, payment["id"])["refundedAmount"] == "30.00"
    settle_and_wait(server, session_id, "reverse", effect["key"])
    until(lambda: payment_of(server, payment["id"])["refundedAmount"] == "0.00")


@pytest.mark.once
def test_a_surplus_that_came_back_goes_to_an_operator(
    make_server: Callable[..., RunningServer],
) -> None:
    """A surplus captured by its gateway was refunded, and the refund undone: it must not stay, so an operator looks."""
    server = make_server(is_test_build=True, **LONG_WAITS).start()
    collection = open_collection(server)
    session = open_session(server, collection["id"], "auto_capture")
    server.fail_at("after ask")
    with pytest.raises(httpx2.TransportError):
        authorize(server, session["id"])
    assert server.process is not None
    server.process.wait()
    server.start()
    server.reconnect()
    # While the dead process's lease lasts, recovery leaves the authorization open.
    server.change("cancelPaymentCollection", {"id": collection["id"]})
    end_leases(server)
    (returned,) = until(lambda: effects(server, session["id"], "refund"))
    until(lambda: not unsettled(server, session["id"]))
    settle_and_wait(server, session["id"], "reverse", returned["key"])
    (left,) = until(lambda: unsettled(server, session["id"]))
    assert (left["kind"], left["amount"], left["nextAttemptAt"]) == ("refund", "100.00", None)
    (payment,) = collection_of(server, collection["id"])["payments"]
    assert [one["status"] for one in payment["refunds"]] == ["REVERSED", "PENDING"]
    assert len(effects(server, session["id"], "refund")) == 1
    settle_by_hand(server, left["id"], "SUCCEEDED")


APPLIED = "SELECT 1 FROM provider_reports WHERE session_id = ? AND applied_at IS NOT NULL"


@pytest.mark.once
def test_a_capture_that_comes_behind_a_cancellation_in_the_dashboard(shared_site: Site) -> None:
    """It is declined, and nothing is left: the payment is canceled by its provider, with the time and an event."""
    server = shared_site.server
    payment = pay(server)
    session_id = payment["paymentSession"]["id"]
    shared_site.between.next(Fault.HOLD_BEFORE, kind="capture", session_id=session_id)
    call: Call = ("capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()})
    with running(server, call) as (answer,):
        assert shared_site.between.held.wait(PATIENCE_SECONDS)
        moved = httpx2.post(
            f"{shared_site.gateway.url}/movements/{session_id}",
            json={"kind": "cancel"},
            headers=AT_GATEWAY,
            trust_env=False,
            verify=False,
        )
        assert moved.status_code == 202, moved.text
        until(lambda: server.rows(APPLIED, session_id))
        shared_site.between.let_go()
        assert answer.result().is_success
    found = payment_of(server, payment["id"])
    assert (found["status"], found["cancellationReason"]) == ("CANCELED", "PROVIDER")
    ((canceled_at,),) = server.rows("SELECT canceled_at FROM payments WHERE id = ?", payment["id"])
    assert canceled_at is not None
    assert events_of(server, payment)[-1] == ("PAYMENT_CANCELED", "API", 10_000)


def test_f26_a_stale_report_of_a_failed_refund(server: RunningServer) -> None:
    """A report that says so although the gateway's records say otherwise changes nothing and is done with."""
    payment, id = refunded(server)
    session_id = server.rows("SELECT session_id FROM operations WHERE id = ?", id)[0][0]
    other, other_id = refunded(server)
    other_session = server.rows("SELECT session_id FROM operations WHERE id = ?", other_id)[0][0]
    settle_and_wait(server, other_session, "reverse", other_id)
    wait_until_reversed(server, other["id"])
    body = bodies(server, other_session)[-1]
    event_id = orjson.loads(body)["id"]
    stale = (
        body.replace(other_session.encode(), session_id.encode())
        .replace(other_id.encode(), id.encode())
        .replace(event_id.encode(), b"evt_" + secrets.token_hex(13).upper().encode())
    )
    secret = (server.folder / ".tillgraph" / "sandbox-webhook-secret").read_text()
    assert post(server, stale, signature(stale, secret=secret)) in TAKEN
    until(lambda: not server.rows("SELECT event_id FROM provider_reports WHERE applied_at IS NULL"))
    found = payment_of(server, payment["id"])
    assert (found["refundedAmount"], [one["status"] for one in found["refunds"]]) == (
        "30.00",
        ["SUCCEEDED"],
    )
