"""The state that a killed server leaves, and what its successor makes of it."""

import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from tests.faults.kinds import (
    assert_one_effect,
    called,
    collection_of,
    is_final,
    operation_of,
    prepared,
    settled,
)
from tests.support.callers.calling import result_of, running
from tests.support.flow.looking import prepared_times
from tests.support.flow.shopping import Shopper
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site
from tests.support.program.running import RunningServer
from tests.support.stores.records import assert_books_agree, end_leases
from tests.support.waiting import PATIENCE_SECONDS, until

SHOPPERS = 3
LEASE_SECONDS = 5


def test_a_retry_while_the_lease_lasts_waits(killed_site: Site) -> None:
    """The same key right after a kill waits for the outcome that recovery brings, and moves nothing twice."""
    server, between = killed_site.server, killed_site.between
    one = prepared(server, "capture")
    collection_id = collection_of(server, one)
    between.next(Fault.HOLD_AFTER, kind="capture")
    with running(server, one.call):
        assert between.held.wait(PATIENCE_SECONDS)
        server.kill()
    between.let_go()
    server.start()
    before = prepared_times(server, collection_id)
    with running(server, one.call) as (again,):
        until(lambda: prepared_times(server, collection_id) > before)
        assert between.asks_of(operation_of(server, one)) == 1
        end_leases(server)
        assert is_final(one, result_of(again.result()))
    assert between.asks_of(operation_of(server, one)) == 2
    assert_one_effect(server, one)


@pytest.mark.long
def test_recovery_waits_for_the_lease_alone(make_server: Callable[..., RunningServer]) -> None:
    """At the clocks that are shipped, a dead process's ask is its own for five seconds, and then recovery's."""
    server = make_server(is_test_build=True).start()
    one = prepared(server, "authorize")
    server.fail_at("after ask")
    with running(server, one.call):
        assert server.process is not None
        server.process.wait(PATIENCE_SECONDS)
    statement = "SELECT created_at, due_at FROM operations WHERE id = ?"
    ((created_at, due_at),) = server.rows(statement, operation_of(server, one))
    assert due_at - created_at == LEASE_SECONDS * 1_000_000
    server.start()
    server.reconnect()
    settled(server, one)
    assert time.time_ns() // 1_000 >= due_at
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


# ── At random instants ─────────────────────────────────────────────────────────


def shop_while_killed(
    server: RunningServer, seed: int, kills: int, *, is_lease_waited_for: bool
) -> int:
    """Kill a server at random instants while shoppers pay there, and return the number of payments."""
    instants = random.Random(seed)  # noqa: S311 - a run that can be repeated
    is_over = Event()
    shoppers = [Shopper([server.url], seed + number, is_over) for number in range(SHOPPERS)]
    with ThreadPoolExecutor(SHOPPERS) as threads:
        shopping: list[Future[int]] = [threads.submit(shopper.shop) for shopper in shoppers]
        try:
            for _ in range(kills):
                # What is waited for is an instant like any other.
                time.sleep(instants.uniform(0.05, 0.8))
                server.kill()
                if not is_lease_waited_for:
                    end_leases(server)
                server.start()
        finally:
            is_over.set()
        return sum(done.result() for done in shopping)


def test_kills_at_random_instants(
    make_server: Callable[..., RunningServer], seed: int, is_long: bool
) -> None:
    """Killed at random instants, every call by its key gets its one final answer, and the records agree."""
    server = make_server().start()
    flows = shop_while_killed(server, seed, 10 if is_long else 3, is_lease_waited_for=is_long)
    assert flows >= SHOPPERS
    assert_books_agree(server)
    sums = server.rows("SELECT count(*), sum(captured_minor), sum(refunded_minor) FROM payments")
    assert sums == [(flows, flows * 6_000, flows * 2_000)]
