"""Faults without a kind: another currency than requested, and a gateway that comes back after an hour."""

import pytest

from tests.faults.conftest import MakeSite
from tests.faults.kinds import assert_one_effect, called, operation_of, prepared
from tests.faults.reporting import facts_of, post, report_of, settle_at, signed
from tests.support.callers.calling import OPEN, result_of, running
from tests.support.flow.shop import capture, collection_of, event_types, new_key
from tests.support.gateways.between import Fault
from tests.support.program.running import NO_RECOVERY
from tests.support.stores.records import effects, open_operations
from tests.support.waiting import until

DUE = "UPDATE operations SET due_at = 0 WHERE status = 'UNKNOWN'"
"""Makes recovery's next step due, which is an hour away."""

TRIED = "SELECT count(*) FROM operations WHERE status = 'UNKNOWN' AND unanswered_times = 2"
"""How many outcomes are still open after recovery's own try."""

MANY = 30
AT_ONCE = 20
"""The number of operations that one process recovers at the same time."""


@pytest.mark.once
def test_f16_another_amount_or_currency_than_was_asked(make_site: MakeSite) -> None:
    """A payment authorized in another amount or currency than requested is mismatched and takes no movement."""
    made = make_site()
    # Where the proxy lies about an amount, the gateway's own ledger says otherwise.
    made.is_ledger_true = False
    for fault in (Fault.OTHER_AMOUNT, Fault.OTHER_CURRENCY):
        one = prepared(made.server, "authorize")
        made.between.next(fault, kind="authorize")
        payment = called(made.server, one)
        amount = "99.99" if fault is Fault.OTHER_AMOUNT else "0.00"
        assert (payment["__typename"], payment["amount"]) == ("Payment", amount)
        assert payment["capturableAmount"] == "0.00"
        collection = collection_of(made.server, payment["paymentCollection"]["id"])
        assert collection["authorizedAmount"] == amount
        assert event_types(collection)[-1] == "PAYMENT_MISMATCHED"
        for answer in (
            capture(made.server, payment["id"]),
            made.server.change("cancelPayment", {"paymentId": payment["id"]}),
        ):
            assert answer["code"] == "INVALID_STATE"
        (effect,) = effects(made.server, one.session_id)
        assert (effect["kind"], effect["asked"]) == ("authorize", 1)
        (alarm,) = [
            line for line in made.server.log_lines() if line.get("payment_id") == payment["id"]
        ]
        assert (alarm["event"], alarm["level"]) == ("payment mismatched", "error")


CLOSING = (
    "SELECT id FROM operations WHERE session_id = ? AND kind = 'cancel' AND status = 'ASKING'"
    " AND holder IS NOT NULL"
)


@pytest.mark.once
@pytest.mark.parametrize("result", ["approved", "declined"])
def test_f16_another_currency_while_its_session_is_being_closed(
    make_site: MakeSite, result: str
) -> None:
    """A session authorized in yen while it is closed is released by the closing alone, or left to an operator."""
    made = make_site()
    # These reports are not what the gateway did.
    made.is_ledger_true = False
    server = made.server
    one = prepared(server, "authorize", "challenge")
    assert called(server, one)["__typename"] == "RequiresMoreAction"
    asked = facts_of(made, one)
    made.between.next(Fault.HOLD_BEFORE, kind="cancel")
    server.change("cancelPaymentSession", {"id": one.session_id})
    ((closing,),) = until(lambda: server.rows(CLOSING, one.session_id))
    yen = {"status": "approved", "moved_minor": 10_000, "currency": "JPY", "challenge_key": None}
    assert post(server, *signed(report_of(asked, **yen))) == 204
    ((payment, amount),) = server.rows(
        "SELECT id, amount_minor FROM payments WHERE session_id = ?", one.session_id
    )
    assert amount == 0
    closed = {
        "key": closing,
        "kind": "cancel",
        "status": result,
        "moved_minor": 10_000 if result == "approved" else 0,
        "failure": None if result == "approved" else "DECLINED",
        "closes_session": True,
    }
    assert post(server, *signed(report_of(asked, **closed))) == 204
    made.between.let_go()
    found = server.run("back_end/06_show_payment", id=payment)
    released = "100.00" if result == "approved" else "0.00"
    assert (found["amount"], found["releasedAmount"]) == ("0.00", released)
    assert found["status"] == ("CANCELED" if result == "approved" else "AUTHORIZED")
    assert (found["capturableAmount"], found["cancellationReason"]) == ("0.00", "SURPLUS")
    collection = collection_of(server, found["paymentCollection"]["id"])
    assert collection["authorizedAmount"] == "0.00"
    assert "PAYMENT_MISMATCHED" in event_types(collection)
    assert server.rows("SELECT count(*) FROM operations WHERE kind = 'cancel'") == [(1,)]


@pytest.mark.long
def test_f45_a_gateway_that_was_away(make_site: MakeSite) -> None:
    """Open outcomes stay open while nobody is there, and its return is no flood: twenty asks at once at most."""
    made = make_site(settings=NO_RECOVERY)
    server, between = made.server, made.between
    ones = [prepared(server, "authorize") for _ in range(MANY)]
    between.next(Fault.DROP_AFTER, times=MANY)
    assert {called(server, one)["__typename"] for one in ones} == {OPEN["authorize"]}
    asked = len(between.asks)
    # A report that matches nothing makes recovery look, whose interval is an hour here.
    stranger = report_of({**facts_of(made, ones[0]), "key": f"capt_{new_key()}"})
    with between.closed():
        server.rows(DUE)
        assert post(server, *signed(stranger)) == 204
        late = prepared(server, "authorize")
        assert called(server, late)["code"] == "PROVIDER_UNAVAILABLE"
        until(lambda: server.rows(TRIED) == [(MANY,)])
    assert len(between.asks) == asked
    waking = prepared(server, "capture", "pending")
    asked = len(between.asks)
    between.next(Fault.HOLD_AFTER, kind="authorize", times=MANY)
    server.rows(DUE)
    with running(server, waking.call) as (call,):
        until(lambda: len(between.asks) > asked + AT_ONCE)
        between.let_go()
        assert result_of(call.result())["__typename"] == OPEN["capture"]
    settle_at(made, waking)
    until(lambda: not open_operations(server))
    assert between.most_at_once <= AT_ONCE + 1
    for one in ones:
        assert between.asks_of(operation_of(server, one)) == 2
        assert_one_effect(server, one)
