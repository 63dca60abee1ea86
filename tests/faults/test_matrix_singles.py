"""What has no kind: another currency than was asked, and a gateway that comes back after an hour."""

from tests.faults.between import Fault
from tests.faults.calling import result_of, running
from tests.faults.conftest import NO_RECOVERY, MakeSite
from tests.faults.kinds import PENDING, assert_one_effect, called, operation_of, prepared
from tests.faults.records import open_operations, until
from tests.faults.reporting import settle_at

DUE = "UPDATE operations SET due_at = 0 WHERE status = 'UNKNOWN'"
"""Makes recovery's next step due, which is an hour away."""

MANY = 30
AT_ONCE = 20
"""What one process recovers at the same time."""

SETTLED_SECONDS = 20.0


def test_f16_another_currency_than_was_asked(make_site: MakeSite) -> None:
    """An answer in another currency is no payment in this one: it is open until the gateway says otherwise."""
    made = make_site()
    one = prepared(made.server, "authorize")
    made.between.next(Fault.OTHER_CURRENCY, kind="authorize")
    assert called(made.server, one)["__typename"] == PENDING["authorize"]
    until(lambda: not open_operations(made.server), seconds=SETTLED_SECONDS)
    assert called(made.server, one)["currencyCode"] == "USD"
    assert_one_effect(made.server, one)


def test_f45_a_gateway_that_was_away(make_site: MakeSite) -> None:
    """Open outcomes stay open while nobody is there, and its return is no flood: twenty asks at once at most."""
    made = make_site(settings=NO_RECOVERY)
    server, between = made.server, made.between
    ones = [prepared(server, "authorize") for _ in range(MANY)]
    between.next(Fault.DROP_AFTER, times=MANY)
    assert {called(server, one)["__typename"] for one in ones} == {PENDING["authorize"]}
    asked = len(between.asks)
    with between.closed():
        server.rows(DUE)
        # Something that is left open makes recovery look; this is not reached, and so not left open.
        late = prepared(server, "authorize")
        assert called(server, late)["code"] == "PROVIDER_UNAVAILABLE"
        assert len(open_operations(server)) == MANY
    assert len(between.asks) == asked
    waking = prepared(server, "capture", "pending")
    asked = len(between.asks)
    between.next(Fault.HOLD_AFTER, kind="authorize", times=MANY)
    server.rows(DUE)
    with running(server, waking.call) as (call,):
        until(lambda: len(between.asks) > asked + AT_ONCE, seconds=SETTLED_SECONDS)
        between.let_go()
        assert result_of(call.result())["__typename"] == PENDING["capture"]
    settle_at(made, waking)
    until(lambda: not open_operations(server), seconds=SETTLED_SECONDS)
    assert between.most_at_once <= AT_ONCE + 1
    for one in ones:
        assert between.asks_of(operation_of(server, one)) == 2
        assert_one_effect(server, one)
