"""The gateway's reports: true ones count once, and all others count for nothing."""

import time
from collections.abc import Callable
from itertools import permutations

import orjson
import pytest

from tests.faults.recovery.test_unknown import sources
from tests.faults.reporting import SECRET, bodies, post, retold, settle_and_wait, signature
from tests.support.flow.shop import (
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
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.stores.records import effects, everything, locked, operation_in
from tests.support.waiting import until

TAKEN = range(200, 300)


def pending(server: RunningServer) -> tuple[Json, str, str]:
    """Authorize a session that the gateway leaves pending; return the collection, and session and attempt ids."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "pending")
    answer = authorize(server, session["id"])
    assert answer["action"]["__typename"] == "AwaitProvider", answer
    (effect,) = effects(server, session["id"])
    assert effect["result"] == "pending"
    return collection, session["id"], effect["key"]


@pytest.fixture(scope="module")
def told(reported_server: RunningServer) -> str:
    """Return a session whose authorization the gateway has reported as approved: what its reports look like."""
    _, session_id, _ = pending(reported_server)
    settle_and_wait(reported_server, session_id, "approve")
    return session_id


def test_a_report_settles_a_pending_authorization(reported_server: RunningServer) -> None:
    """An approved report makes the payment, with source WEBHOOK."""
    collection, session_id, _ = pending(reported_server)
    settle_and_wait(reported_server, session_id, "approve")
    found = collection_of(reported_server, collection["id"])
    assert (found["status"], found["authorizedAmount"]) == ("AUTHORIZED", "100.00")
    assert sources(found, "SESSION_AUTHORIZED") == ["WEBHOOK"]


def test_a_report_fails_a_pending_authorization(reported_server: RunningServer) -> None:
    """A declined report ends the attempt: the session is ERROR, and there is no payment."""
    collection, session_id, _ = pending(reported_server)
    settle_and_wait(reported_server, session_id, "fail")
    found = collection_of(reported_server, collection["id"])
    assert (found["status"], found["payments"]) == ("FAILED", [])
    assert found["paymentSessions"][0]["status"] == "ERROR"
    assert sources(found, "SESSION_FAILED") == ["WEBHOOK"]


@pytest.mark.parametrize(("result", "captured"), [("approve", "60.00"), ("fail", "0.00")])
def test_a_report_settles_a_pending_capture(
    reported_server: RunningServer, result: str, captured: str
) -> None:
    """A pending capture ends as its report says, and nothing of it stays reserved."""
    payment = pay(reported_server, token="approve,capture=pending")
    answer = capture(reported_server, payment["id"], amount="60.00")
    assert answer["__typename"] == "CapturePending"
    settle_and_wait(
        reported_server, payment["paymentSession"]["id"], result, answer["capture"]["id"]
    )
    found = reported_server.run("back_end/06_show_payment", id=payment["id"])
    left = "40.00" if result == "approve" else "100.00"
    assert (found["capturedAmount"], found["capturableAmount"]) == (captured, left)


@pytest.mark.parametrize(("result", "refunded"), [("approve", "30.00"), ("fail", "0.00")])
def test_a_report_settles_a_pending_refund(
    reported_server: RunningServer, result: str, refunded: str
) -> None:
    """A pending refund ends as its report says, and nothing of it stays reserved."""
    payment = pay(reported_server, token="approve,refund=pending")
    capture(reported_server, payment["id"])
    answer = refund(reported_server, payment["id"], amount="30.00")
    assert answer["__typename"] == "RefundPending"
    settle_and_wait(
        reported_server, payment["paymentSession"]["id"], result, answer["refund"]["id"]
    )
    found = reported_server.run("back_end/06_show_payment", id=payment["id"])
    left = "70.00" if result == "approve" else "100.00"
    assert (found["refundedAmount"], found["refundableAmount"]) == (refunded, left)


def test_a_report_settles_a_pending_cancellation(reported_server: RunningServer) -> None:
    """A pending cancellation ends as its report says."""
    payment = pay(reported_server, token="approve,cancel=pending")
    answer = reported_server.change("cancelPayment", {"paymentId": payment["id"]})
    assert answer["__typename"] == "CancelPending"
    settle_and_wait(reported_server, payment["paymentSession"]["id"], "approve", "cancel")
    found = reported_server.run("back_end/06_show_payment", id=payment["id"])
    assert (found["status"], found["releasedAmount"]) == ("CANCELED", "100.00")


FORGERIES: dict[str, Callable[[bytes], str | None]] = {
    "unsigned": lambda _: None,
    "empty signature": lambda _: "",
    "another secret": lambda body: signature(body, secret="whsec_of_somebody_else_0001"),
    "another body": lambda body: signature(body + b" "),
    "301 seconds old": lambda body: signature(body, age_seconds=302),
    "a day in the future": lambda body: signature(body, age_seconds=-86_400),
    "no time": lambda body: signature(body).partition(",")[2],
    "not hex": lambda body: signature(body)[:-1] + "g",
}


@pytest.mark.once
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_report_changes_nothing(
    reported_server: RunningServer, told: str, forgery: str
) -> None:
    """A report that the gateway has not signed, or not now, is 401; nothing of it is kept."""
    _, session_id, key = pending(reported_server)
    body = retold(reported_server, told, session_id, key)
    before = everything(reported_server)
    assert post(reported_server, body, FORGERIES[forgery](body)) == 401
    assert everything(reported_server) == before
    assert post(reported_server, body, signature(body)) in TAKEN, "the same body, well signed"
    assert operation_in(reported_server, "SUCCEEDED", "authorize", session_id) == key


@pytest.mark.once
def test_a_signature_of_other_letters_changes_nothing(reported_server: RunningServer) -> None:
    """A signature that is not ASCII is refused like any wrong one."""
    before = everything(reported_server)
    response = reported_server.client.post(
        "/webhooks/sandbox",
        content=b"{}",
        headers=[(b"Sandbox-Signature", "t=1,v1=é".encode())],
    )
    assert response.status_code == 401
    assert everything(reported_server) == before


@pytest.mark.once
def test_a_report_with_two_signatures(reported_server: RunningServer, told: str) -> None:
    """Of two headers each reader could take another: 401, though the first is right."""
    _, session_id, key = pending(reported_server)
    body = retold(reported_server, told, session_id, key)
    signatures = (signature(body), signature(body, age_seconds=1))
    before = everything(reported_server)
    response = reported_server.client.post(
        "/webhooks/sandbox",
        content=body,
        headers=[("Sandbox-Signature", one) for one in signatures],
    )
    assert response.status_code == 401
    assert everything(reported_server) == before


@pytest.mark.once
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"null", b"{}", b"{", b"\xff\xfe", b"[" * 100_000]
)
def test_a_signed_report_that_is_none(reported_server: RunningServer, body: bytes) -> None:
    """A signed body that is not a report is 400, and nothing of it is stored."""
    before = everything(reported_server)
    assert post(reported_server, body, signature(body)) == 400
    assert everything(reported_server) == before


IMPOSSIBLE: dict[str, Json] = {
    "no session's id": {"session": "payses_x"},
    "a session that is a number": {"session": 5},
    "nothing authorized": {"moved_minor": 0},
    "less than nothing": {"moved_minor": -1},
    "a part of a cent": {"moved_minor": 1.5},
    "more than any database counts": {"moved_minor": 2**63},
    "captured until the year 148,000": {"capture_before": 2**62},
    "captured until a text": {"capture_before": "tomorrow"},
    "a status of several": {"status": ["approved"]},
    "a kind of several": {"kind": ["authorize"]},
    "a currency that there is not": {"currency": "US"},
}


@pytest.mark.once
@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_a_signed_report_of_what_can_not_be(
    reported_server: RunningServer, told: str, what: str
) -> None:
    """It is 400, nothing of it is kept, and nothing is recorded."""
    _, session_id, key = pending(reported_server)
    body = changed(retold(reported_server, told, session_id, key), **IMPOSSIBLE[what])
    before = everything(reported_server)
    assert post(reported_server, body, signature(body)) == 400
    assert everything(reported_server) == before


def changed(body: bytes, **facts: Json) -> bytes:
    """Change the facts of a report's operation, and of the report where both say the same."""
    report = orjson.loads(body)
    report["operation"] |= facts
    report |= {name: value for name, value in facts.items() if name in report}
    return orjson.dumps(report)


@pytest.mark.once
@pytest.mark.parametrize("fact", ["session", "kind"])
def test_a_report_whose_facts_do_not_belong_to_its_key(
    reported_server: RunningServer, told: str, fact: str
) -> None:
    """One about another session, or another kind of operation, than its key's is 400 and authorizes neither."""
    collection, session_id, key = pending(reported_server)
    other, other_id, _ = pending(reported_server)
    body = retold(reported_server, told, session_id, key)
    wrong = changed(body, **{fact: other_id if fact == "session" else "capture"})
    before = everything(reported_server)
    assert post(reported_server, wrong, signature(wrong)) == 400
    assert everything(reported_server) == before
    for one in (collection, other):
        assert collection_of(reported_server, one["id"])["authorizedAmount"] == "0.00"
    assert post(reported_server, body, signature(body)) in TAKEN
    assert operation_in(reported_server, "SUCCEEDED", "authorize", session_id) == key


def test_a_report_before_its_operation_that_is_about_another_session(
    reported_server: RunningServer, told: str
) -> None:
    """A report waits for its key's operation; where that is another session's, it is put away unrecorded."""
    collection, session_id, key = pending(reported_server)
    other_id = pending(reported_server)[1]
    body = changed(retold(reported_server, told, session_id, key), session=other_id)
    event_id = orjson.loads(body)["id"]
    reported_server.rows(
        "INSERT INTO provider_reports (provider_id, event_id, operation_id, body, received_at)"
        " VALUES ('sandbox', ?, ?, ?, ?)",
        event_id,
        key,
        body,
        time.time_ns() // 1_000,
    )
    applied = "SELECT 1 FROM provider_reports WHERE event_id = ? AND applied_at IS NOT NULL"
    wake = retold(reported_server, told, "payses_" + "0" * 26, "auth_" + new_key())
    assert post(reported_server, wake, signature(wake)) in TAKEN
    until(lambda: reported_server.rows(applied, event_id))
    assert collection_of(reported_server, collection["id"])["authorizedAmount"] == "0.00"
    (line,) = [one for one in reported_server.log_lines() if one.get("event_id") == event_id]
    assert (line["event"], line["level"]) == ("report refused", "error")


@pytest.mark.once
def test_a_report_that_is_too_large(reported_server: RunningServer) -> None:
    """A body beyond 1 MiB is 413, whatever its signature."""
    body = b" " * (1024 * 1024 + 1)
    assert post(reported_server, body, signature(body)) == 413


@pytest.mark.once
def test_a_report_to_an_unknown_provider(reported_server: RunningServer) -> None:
    """An address that is no provider's is 404."""
    response = reported_server.client.post("/webhooks/nobody", content=b"{}")
    assert response.status_code == 404


def stages(server: RunningServer, told: str, session_id: str, key: str) -> list[bytes]:
    """Write what the gateway reports on the way to an approved challenge, in its order."""
    challenge = {"status": "challenged", "moved_minor": 0, "challenge_key": "x" * 43}
    found = []
    for facts in (challenge, {"status": "pending", "moved_minor": 0}, {"status": "approved"}):
        report = orjson.loads(retold(server, told, session_id, key))
        report["operation"] |= facts
        report |= {"type": f"operation.{facts['status']}", "id": "evt_" + new_key()}
        found.append(orjson.dumps(report))
    return found


@pytest.mark.once
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_reports_of_a_challenge_in_any_order(
    reported_server: RunningServer, told: str, order: tuple[int, ...]
) -> None:
    """Reports of challenged, pending and approved end the same in every order: the later state ranks higher."""
    collection = open_collection(reported_server)
    session = open_session(reported_server, collection["id"], "challenge")
    authorize(reported_server, session["id"])
    (effect,) = effects(reported_server, session["id"])
    bodies_in_truth = stages(reported_server, told, session["id"], effect["key"])
    reached = -1
    for number in order:
        body = bodies_in_truth[number]
        for _ in range(2):
            assert post(reported_server, body, signature(body)) in TAKEN
        reached = max(reached, number)
        found = collection_of(reported_server, collection["id"])
        assert found["paymentSessions"][0]["status"] == STAGES[reached]
    found = collection_of(reported_server, collection["id"])
    assert sources(found, "SESSION_AUTHORIZED") == ["WEBHOOK"]
    assert event_types(found).count("SESSION_REQUIRES_MORE") == 1


STAGES = ("REQUIRES_MORE", "PENDING_AUTHORIZATION", "AUTHORIZED")


def test_f26_a_success_behind_a_failure(reported_server: RunningServer, told: str) -> None:
    """A report of success after a decline is taken and changes no outcome."""
    collection, session_id, key = pending(reported_server)
    settle_and_wait(reported_server, session_id, "fail")
    before = collection_of(reported_server, collection["id"])
    body = retold(reported_server, told, session_id, key)
    assert post(reported_server, body, signature(body)) in TAKEN
    assert collection_of(reported_server, collection["id"]) == before


def test_a_late_success_beside_another_attempt(reported_server: RunningServer, told: str) -> None:
    """An attempt that was not reached is said to have succeeded when another has paid: there is one payment."""
    collection = open_collection(reported_server)
    session = open_session(reported_server, collection["id"], "unavailable")
    assert authorize(reported_server, session["id"])["code"] == "PROVIDER_UNAVAILABLE"
    first = operation_in(reported_server, "NOT_REACHED", "authorize", session["id"])
    assert first
    reported_server.change(
        "updatePaymentSession", {"id": session["id"], "data": {"token": "approve"}}
    )
    assert authorize(reported_server, session["id"])["__typename"] == "Payment"
    before = collection_of(reported_server, collection["id"])
    body = retold(reported_server, told, session["id"], first)
    assert post(reported_server, body, signature(body)) in TAKEN
    assert collection_of(reported_server, collection["id"]) == before
    assert operation_in(reported_server, "NOT_REACHED", "authorize", session["id"]) == first


def test_a_report_of_an_operation_that_is_not_ours(
    reported_server: RunningServer, told: str
) -> None:
    """A report about an operation that is not here is taken, and makes nothing."""
    body = retold(reported_server, told, "payses_" + "0" * 26, "auth_" + new_key())
    before = {
        name: found
        for name, found in everything(reported_server).items()
        if name != "provider_reports"
    }
    assert post(reported_server, body, signature(body)) in TAKEN
    after = everything(reported_server)
    assert {name: after[name] for name in before} == before


@pytest.mark.once
def test_reports_that_nobody_can_read_hold_nothing_up(server: RunningServer) -> None:
    """However many reports match nothing or are unreadable, recovery goes on with everything else."""
    session = open_session(server, open_collection(server)["id"], "pending")
    authorize(server, session["id"])
    for number in range(120):
        key = session["id"] if number else effects(server, session["id"])[0]["key"]
        server.rows(
            "INSERT INTO provider_reports (provider_id, event_id, operation_id, body, received_at)"
            " VALUES ('sandbox', ?, ?, ?, ?)",
            f"evt_unreadable_{number}",
            key,
            b"{}",
            time.time_ns() // 1_000,
        )
    late = open_session(server, open_collection(server)["id"], "lost_reply")
    authorize(server, late["id"])
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", late["id"]))
    found = collection_of(server, late["paymentCollection"]["id"])
    assert sources(found, "SESSION_AUTHORIZED") == ["RECONCILIATION"]
    server.rows("DELETE FROM provider_reports WHERE event_id LIKE 'evt_unreadable_%'")
    settle_and_wait(server, session["id"], "approve")
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]))


def test_f24_a_report_while_the_database_is_held(make_server: Callable[..., RunningServer]) -> None:
    """A report that can't be stored is 503 in time and not lost: the gateway brings it again."""
    server = make_server(**NO_RECOVERY, TILLGRAPH_SANDBOX_WEBHOOK_SECRET=SECRET).start()
    collection, session_id, _ = pending(server)
    with locked(server):
        settle_and_wait(server, session_id, "approve", is_taken=False)
        (body,) = bodies(server, session_id)
        assert post(server, body, signature(body)) == 503
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", session_id))
    found = collection_of(server, collection["id"])
    assert sources(found, "SESSION_AUTHORIZED") == ["WEBHOOK"]
