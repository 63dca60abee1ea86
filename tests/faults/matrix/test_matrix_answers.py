"""The answers of a gateway, and how they may be lost: every outcome ends by evidence, with one effect."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.faults.conftest import QUICKEST_RECOVERY
from tests.faults.kinds import (
    ASKED,
    FAILED,
    KINDS,
    assert_no_effect,
    assert_one_effect,
    called,
    ended,
    is_final,
    operation_of,
    operations_of,
    prepared,
    settled,
    status_of,
)
from tests.faults.reporting import told_of
from tests.support.callers.calling import OPEN
from tests.support.forms import in_short
from tests.support.gateways.between import Answer, Fault, name_of
from tests.support.gateways.sites import Site, site
from tests.support.program.running import Json
from tests.support.waiting import until


def unknown_at_first(made: Site, kind: str, fault: "Fault | Answer") -> Json:
    """Let a fault befall one ask: shown as open, then settled by recovery with the same key and one effect.

    Gives the first answer.
    """
    one = prepared(made.server, kind)
    made.between.next(fault, session_id=one.session_id)
    # Recovery's own ask, which would otherwise be over before the call is answered.
    made.between.next(Fault.HOLD_BEFORE, session_id=one.session_id)
    answer = called(made.server, one)
    assert answer["__typename"] == OPEN[kind]
    made.between.let_go()
    key = operation_of(made.server, one)
    settled(made.server, one)
    assert told_of(made.server, one) == ["RECONCILIATION"]
    assert made.between.asks_of(key) == 2, "the ask and recovery's own, both with this key"
    assert is_final(one, called(made.server, one))
    assert made.between.asks_of(key) == 2, "what is known is not asked again"
    assert_one_effect(made.server, one)
    return answer


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS)
def test_f08_the_gateway_s_port_is_closed(shared_site: Site, kind: str) -> None:
    """Not reached: PROVIDER_UNAVAILABLE, nothing reserved and no effect; the same key goes through later."""
    server = shared_site.server
    one = prepared(server, kind)
    with shared_site.between.closed():
        answer = called(server, one)
        if kind == "create":
            assert is_final(one, answer), "the gateway has no part in it"
            return
    assert (answer["__typename"], answer["code"]) == (FAILED[kind], "PROVIDER_UNAVAILABLE")
    assert answer["retryable"] is True
    assert (status_of(server, one), free_of(kind, answer)) == ("NOT_REACHED", "100.00")
    assert_no_effect(server, one)
    assert is_final(one, called(server, one))
    assert assert_one_effect(server, one)["asked"] == 1


def free_of(kind: str, answer: Json) -> str:
    """Return what may be moved again once an ask failed; 100.00 wherever nothing stays reserved."""
    if kind == "authorize":
        session = answer["failedSession"]
        return str(session["amount"]) if session["status"] == "ERROR" else "0.00"
    name = "refundableAmount" if kind == "refund" else "capturableAmount"
    return str(answer["affectedPayment"][name])


@pytest.mark.parametrize("kind", ASKED)
def test_f09_the_answer_is_lost_behind_the_effect(shared_site: Site, kind: str) -> None:
    """An effect whose answer is lost stays reserved until it is found: the same key gives what the gateway did."""
    answer = unknown_at_first(shared_site, kind, Fault.DROP_AFTER)
    assert reserved_by(kind, answer) == RESERVED[kind]


RESERVED: Mapping[str, Sequence[str]] = {
    "authorize": ("AwaitProvider", "PENDING_AUTHORIZATION"),
    "capture": ("0.00", "40.00"),
    "refund": ("0.00", "70.00"),
    "cancel": ("0.00", "AUTHORIZED"),
}
"""The answer while the outcome is open: what has moved, and what may be moved meanwhile."""


def reserved_by(kind: str, answer: Json) -> Sequence[str]:
    """Read that out of an answer."""
    if kind == "authorize":
        return answer["action"]["__typename"], answer["paymentSession"]["status"]
    payment = answer["payment"]
    if kind == "cancel":
        return payment["releasedAmount"], payment["status"]
    names = ("refundedAmount", "refundableAmount")
    if kind == "capture":
        names = ("capturedAmount", "capturableAmount")
    return tuple(payment[name] for name in names)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f10_the_ask_is_lost_before_the_effect(shared_site: Site, kind: str) -> None:
    """An ask that may have been lost is open until the same key has been answered; it has one effect then."""
    unknown_at_first(shared_site, kind, Fault.DROP_BEFORE)


@pytest.mark.once
@pytest.mark.parametrize("kind", in_short(ASKED, "authorize"))
@pytest.mark.parametrize(
    "fault", [Fault.FAIL_BEFORE, Fault.FAIL_AFTER, Fault.UNAVAILABLE], ids=name_of
)
def test_f11_the_gateway_fails(shared_site: Site, kind: str, fault: Fault) -> None:
    """A 5xx without a promise proves nothing, whether or not there was an effect; it ends by evidence."""
    unknown_at_first(shared_site, kind, fault)


@pytest.mark.once
@pytest.mark.parametrize("kind", in_short(ASKED, "capture"))
def test_f12_the_key_is_in_use(shared_site: Site, kind: str) -> None:
    """A 409 proves nothing: there may be something under this key, and recovery finds out."""
    unknown_at_first(shared_site, kind, Fault.CONFLICT)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f12_too_many_requests_once(shared_site: Site, kind: str) -> None:
    """After a 429 with a promise the same key is tried again within the call, which succeeds."""
    one = prepared(shared_site.server, kind)
    shared_site.between.next(Fault.TOO_MANY, kind=kind)
    assert is_final(one, called(shared_site.server, one))
    assert shared_site.between.asks_of(operation_of(shared_site.server, one)) == 2
    assert assert_one_effect(shared_site.server, one)["asked"] == 1


@pytest.mark.once
@pytest.mark.parametrize("kind", in_short(ASKED, "refund"))
def test_f12_too_many_requests_all_the_time(shared_site: Site, kind: str) -> None:
    """After three times 429 the call is PROVIDER_UNAVAILABLE with nothing reserved; its key goes through later."""
    server, between = shared_site.server, shared_site.between
    one = prepared(server, kind)
    between.next(Fault.TOO_MANY, kind=kind, times=3)
    answer = called(server, one)
    assert (answer["code"], answer["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert free_of(kind, answer) == "100.00"
    assert between.asks_of(operation_of(server, one)) == 3
    assert_no_effect(server, one)
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f13_a_decline_is_final_for_its_key(shared_site: Site, kind: str) -> None:
    """Declined, the same key answers the same without an ask, and another attempt is another operation."""
    server, between = shared_site.server, shared_site.between
    one = prepared(server, kind, "decline:insufficient_funds")
    answer = called(server, one)
    assert (answer["__typename"], answer["code"]) == (FAILED[kind], "DECLINED")
    assert free_of(kind, answer) == "100.00"
    assert answer.get("declineCode") == (None if kind == "cancel" else "insufficient_funds")
    key = operation_of(server, one)
    name, values = one.call
    another = values
    if one.key:
        assert called(server, one)["code"] == "DECLINED"
        another = {**values, "idempotencyKey": f"{one.key}-2"}
    assert between.asks_of(key) == 1
    assert server.change(name, another)["code"] == "DECLINED"
    assert [status for _, status in operations_of(server, one)] == ["DECLINED", "DECLINED"]
    assert between.asks_of(key) == 1


PROMISED = b'{"message": "Refused.", "nothing_happened": true}'
UNPROMISED = b'{"message": "Refused."}'


REFUSALS = (400, 401, 403, 404, 422)


@pytest.mark.once
@pytest.mark.parametrize("status", in_short(REFUSALS, 401, 404))
@pytest.mark.parametrize("kind", in_short(ASKED, "capture"))
def test_f14_a_refusal_with_a_promise(shared_site: Site, kind: str, status: int) -> None:
    """A refusal that promises no effect is PROVIDER_UNAVAILABLE, never a decline; its key goes through later."""
    server = shared_site.server
    one = prepared(server, kind)
    shared_site.between.next((status, PROMISED), kind=kind, times=3)
    answer = called(server, one)
    assert (answer["code"], status_of(server, one)) == ("PROVIDER_UNAVAILABLE", "NOT_REACHED")
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


@pytest.mark.once
@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("kind", in_short(ASKED, "capture"))
def test_f14_a_refusal_without_a_promise(shared_site: Site, kind: str, status: int) -> None:
    """A refusal that promises nothing proves nothing: it is open until recovery has the evidence."""
    unknown_at_first(shared_site, kind, (status, UNPROMISED))


@pytest.mark.once
@pytest.mark.parametrize("kind", in_short(ASKED, "refund"))
@pytest.mark.parametrize(
    "fault", [Fault.MALFORMED, Fault.TRUNCATED, Fault.OTHER_OBJECT], ids=name_of
)
def test_f15_an_answer_that_is_none(shared_site: Site, kind: str, fault: Fault) -> None:
    """An answer that is broken or about something else proves nothing, and is told in the log."""
    unknown_at_first(shared_site, kind, fault)
    told = {line["event"] for line in shared_site.server.log_lines()}
    assert told & {"answer not understood", "answer lost"}


def test_f32_a_refund_beside_a_capture_that_fails_late(shared_site: Site) -> None:
    """A payment can't be refunded while its capture is pending, nor after that capture has failed."""
    server = shared_site.server
    capture = prepared(server, "capture", "pending")
    assert called(server, capture)["__typename"] == OPEN["capture"]
    refund = (
        "refundPayment",
        {"paymentId": capture.call[1]["paymentId"], "idempotencyKey": f"{capture.key}-refund"},
    )
    before = server.change(*refund)
    assert (before["__typename"], before["code"]) == ("RefundFailed", "INVALID_STATE")
    failed = {"result": "fail", "movement": operation_of(server, capture)}
    settling = server.client.post(f"/sandbox/reports/{capture.session_id}", json=failed)
    assert settling.status_code == 202
    until(lambda: status_of(server, capture) == "DECLINED")
    after = server.change(*refund)
    assert (after["__typename"], after["code"]) == ("RefundFailed", "INVALID_STATE")
    assert after["affectedPayment"]["capturableAmount"] == "100.00"
    moved = server.rows(
        "SELECT captured_minor, refunded_minor FROM payments WHERE session_id = ?",
        capture.session_id,
    )
    assert moved == [(0, 0)]


@pytest.fixture(scope="module")
def shipped_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site at the clocks that are shipped."""
    settings = {"TILLGRAPH_TEST_WAIT_SCALE": "1", **QUICKEST_RECOVERY}
    with site(tmp_path_factory.mktemp("shipped"), settings=settings) as made:
        yield made


@pytest.mark.long
@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("fault", [Fault.HOLD_BEFORE, Fault.HOLD_AFTER], ids=name_of)
def test_f09_f10_the_read_limit_ends_an_ask(shipped_site: Site, kind: str, fault: Fault) -> None:
    """An ask that is not answered within its read limit is shown as open, and ends by evidence."""
    server, between = shipped_site.server, shipped_site.between
    one = prepared(server, kind)
    between.next(fault, kind=kind)
    assert called(server, one)["__typename"] == OPEN[kind]
    between.let_go()
    ended(server, one)
    assert_one_effect(server, one)
