"""The same key at the same time at two servers, and recovery of both on the same operation: one effect."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.kinds import (
    ASKED,
    KINDS,
    MOVES,
    assert_one_effect,
    called,
    is_final,
    operation_of,
    prepared,
    settled,
)
from tests.support.callers.calling import OPEN, at_servers, result_of, running
from tests.support.flow.shop import capture, new_key, pay
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site, site
from tests.support.stores.records import moved
from tests.support.waiting import PATIENCE_SECONDS, until

CROWD = 50
FEW = 4
"""Calls at once in each further round."""

AT_BOTH = 3
"""Rounds of one call at both servers."""

REFUNDS = 6

AT_ONCE = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.1"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return two servers on one database, whose recovery looks all the time."""
    with site(tmp_path_factory.mktemp("two"), servers=2, settings=AT_ONCE) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_f27_one_call_many_times_at_once(two: Site, kind: str, rounds: int) -> None:
    """The same call fifty times, then a few times again and again, at two servers: one effect, one answer for all."""
    for number in range(rounds):
        one = prepared(two.server, kind)
        # Who waits for another server's ask looks a few times a second: most rounds are at one server.
        servers = two.servers if number < AT_BOTH else two.servers[:1]
        answers = at_servers(servers, [one.call] * (FEW if number else CROWD))
        assert is_final(one, answers[0])
        assert answers == [answers[0]] * len(answers)
        if kind == "create":
            assert_one_effect(two.server, one)
        else:
            minor = int(MOVES[kind].replace(".", ""))
            assert moved(two.gateway.ledger_path, one.session_id, kind) == [minor]
            assert two.between.asks_of(operation_of(two.server, one)) == 1


def test_f30_refunds_of_30_of_100_at_two_servers(two: Site, rounds: int) -> None:
    """Of six refunds of 30.00 at once on a captured 100.00 three succeed, each time, at two servers."""
    for _ in range(rounds):
        payment = pay(two.server)
        assert capture(two.server, payment["id"])["capturedAmount"] == "100.00"
        one = {"paymentId": payment["id"], "amount": "30.00"}
        answers = at_servers(
            two.servers,
            [("refundPayment", {**one, "idempotencyKey": new_key()}) for _ in range(REFUNDS)],
        )
        told = Counter((answer["__typename"], answer.get("maximumAmount")) for answer in answers)
        assert told == {("Payment", None): 3, ("RefundFailed", "10.00"): REFUNDS - 3}
        session_id = payment["paymentSession"]["id"]
        assert moved(two.gateway.ledger_path, session_id, "refund") == [3_000] * 3


@pytest.mark.parametrize("kind", ASKED)
def test_f33_two_recoveries_of_one_operation(two: Site, kind: str) -> None:
    """Of two servers that recover, one claims an open operation: one request at a time, and one effect."""
    server, between = two.server, two.between
    ones = [prepared(server, kind) for _ in range(5)]
    for one in ones:
        between.next(Fault.DROP_AFTER, kind=kind, session_id=one.session_id)
        # Recovery may have been there before the answer was written.
        assert called(server, one)["__typename"] in (OPEN[kind], "Payment")
    for one in ones:
        settled(server, one)
        assert between.asks_of(operation_of(server, one)) == 2
        assert_one_effect(server, one)
    assert between.same_key_at_once == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", ASKED)
def test_f33_a_lease_that_ends_during_the_ask(two: Site, kind: str) -> None:
    """If a lease ends during its request, both servers send it with the same key, which has one effect."""
    server, between = two.server, two.between
    one = prepared(server, kind)
    between.next(Fault.HOLD_BEFORE, kind=kind)
    with running(server, one.call) as (call,):
        assert between.held.wait(PATIENCE_SECONDS)
        key = operation_of(server, one)
        server.rows("UPDATE operations SET due_at = 0 WHERE id = ?", key)
        until(lambda: between.asks_of(key) == 2)
        between.let_go()
        assert result_of(call.result())["__typename"] in ("Payment", OPEN[kind])
    two.quiet()
    assert is_final(one, called(two.servers[1], one))
    assert_one_effect(server, one)
