"""Clients that go away, sockets, servers that are told to stop, and clocks that jump."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx2
import pytest

from tests.faults.conftest import MakeSite
from tests.faults.kinds import (
    ASKED,
    KINDS,
    Prepared,
    assert_no_effect,
    assert_one_effect,
    called,
    is_final,
    operation_of,
    prepared,
    settled,
    status_of,
)
from tests.support.callers.calling import OPEN, result_of, running, send_and_go
from tests.support.callers.sockets import open_socket, receive, subscribe
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site, site
from tests.support.program.running import SQLITE, WRONG_CLOCK, Json, document, set_clock
from tests.support.stores.records import assert_books_agree, everything
from tests.support.waiting import PATIENCE_SECONDS, until

DAY = 86_400


@pytest.mark.parametrize("kind", KINDS)
def test_f40_a_client_that_disconnects(shared_site: Site, kind: str) -> None:
    """A mutation whose client goes away runs to its end; its key then gives the result without another ask."""
    server, between = shared_site.server, shared_site.between
    one = prepared(server, kind)
    if kind == "create":
        server.hold_at("during prepare")
        send_and_go(server, one.call, server.wait_until_held)
        server.go_on()
        bound = "SELECT subject_id FROM idempotency_keys WHERE key = ?"
        until(lambda: server.rows(bound, one.key))
    else:
        between.next(Fault.HOLD_BEFORE, kind=kind)
        send_and_go(server, one.call, lambda: between.held.wait(PATIENCE_SECONDS))
        assert_no_effect(server, one)
        between.let_go()
        settled(server, one)
    assert is_final(one, called(server, one))
    if kind != "create":
        assert between.asks_of(operation_of(server, one)) == 1
    assert_one_effect(server, one)


@pytest.mark.parametrize("kind", KINDS)
def test_f41_a_mutation_over_a_socket(shared_site: Site, kind: str) -> None:
    """It is refused before it begins, so that nothing is cut off where the socket ends; over HTTP its key is new."""
    server = shared_site.server
    one = prepared(server, kind)
    before = everything(server)
    name, values = one.call
    with open_socket(server) as socket:
        subscribe(socket, document(f"complete/{name}"), {"input": values})
        message = receive(socket)
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert everything(server) == before
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A site whose server was told to stop while every kind was under way; it runs again."""

    site: Site
    exit_code: int
    is_closed_to_others: bool
    """A call after the signal was refused."""
    answers: Mapping[str, tuple[Prepared, Json]]


@pytest.fixture(scope="module")
def stopped(killed_site: Site) -> Stopped:
    """Tell a server to stop while four asks wait for their answers and a collection is about to be committed."""
    server, between = killed_site.server, killed_site.between
    ones = {kind: prepared(server, kind) for kind in KINDS}
    for kind in ASKED:
        between.next(Fault.HOLD_AFTER, kind=kind)
    with running(server, *(ones[kind].call for kind in ASKED)) as under_way:
        until(lambda: between.waiting == len(ASKED))
        server.hold_at("during prepare")
        with running(server, ones["create"].call) as (creating,):
            server.wait_until_held()
            assert server.process is not None
            server.process.terminate()
            server.go_on()
            is_closed = bool(until(lambda: is_refused(server.url)))
            answers = {"create": (ones["create"], result_of(creating.result()))}
        between.let_go()
        for kind, call in zip(ASKED, under_way, strict=True):
            answers[kind] = (ones[kind], result_of(call.result()))
    exit_code = server.process.wait(PATIENCE_SECONDS)
    server.start()
    server.reconnect()
    return Stopped(killed_site, exit_code, is_closed, answers)


def is_refused(url: str) -> bool:
    """Return whether nobody listens at an address any more."""
    try:
        httpx2.get(f"{url}/health/ready", timeout=1, trust_env=False, verify=False)
    except httpx2.ConnectError:
        return True
    except httpx2.TransportError:
        return False
    return False


@pytest.mark.once
def test_f42_a_server_that_stops(stopped: Stopped) -> None:
    """It takes no new work, ends what is under way and exits with 0."""
    assert (stopped.is_closed_to_others, stopped.exit_code) == (True, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_f42_sigterm_during_a_mutation(stopped: Stopped, kind: str) -> None:
    """A mutation under way when the server is told to stop is answered and recorded, with one effect."""
    one, answer = stopped.answers[kind]
    assert is_final(one, answer)
    assert is_final(one, called(stopped.site.server, one))
    if kind != "create":
        assert stopped.site.between.asks_of(operation_of(stopped.site.server, one)) == 1
    assert_one_effect(stopped.site.server, one)


@pytest.mark.once
def test_f42_sigterm_while_recovery_asks(killed_site: Site) -> None:
    """If the server is told to stop while recovery waits for an answer, the outcome is recorded before it ends."""
    server, between = killed_site.server, killed_site.between
    one = prepared(server, "capture")
    for fault in (Fault.DROP_AFTER, Fault.HOLD_AFTER):
        between.next(fault, kind="capture")
    assert called(server, one)["__typename"] == OPEN["capture"]
    server.rows("UPDATE operations SET due_at = 0 WHERE id = ?", operation_of(server, one))
    assert between.held.wait(PATIENCE_SECONDS)
    assert server.process is not None
    server.process.terminate()
    until(lambda: is_refused(server.url))
    between.let_go()
    assert server.process.wait(PATIENCE_SECONDS) == 0
    assert status_of(server, one) == "SUCCEEDED"
    server.start()
    server.reconnect()
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


# ── Clocks ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def jumping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server's clock is wrong by what its file says."""
    with site(tmp_path_factory.mktemp("jumping"), settings=WRONG_CLOCK) as made:
        yield made
        set_clock(made.server.folder, 0)


@pytest.mark.once
def test_f43_a_clock_that_jumps_between_the_steps(jumping: Site) -> None:
    """A day forward, back and further back again between the steps of a payment: each has its one right end."""
    made = jumping
    for number, kind in enumerate(KINDS):
        one = prepared(made.server, kind)
        set_clock(made.server.folder, (DAY, -DAY, 0)[number % 3])
        assert is_final(one, called(made.server, one))
        assert is_final(one, called(made.server, one))
        assert_one_effect(made.server, one)
    assert_books_agree(made.server)


def test_f43_a_clock_that_jumps_during_an_ask(jumping: Site) -> None:
    """A day forward while the gateway is asked, what was asked is recorded by who asks it, with one effect."""
    made = jumping
    set_clock(made.server.folder, 0)
    one = prepared(made.server, "capture")
    made.between.next(Fault.HOLD_AFTER, kind="capture")
    with running(made.server, one.call) as (call,):
        assert made.between.held.wait(PATIENCE_SECONDS)
        set_clock(made.server.folder, DAY)
        until(lambda: is_final(one, called_at_last(made, one)))
        assert is_final(one, result_of(call.result()))
    assert_one_effect(made.server, one)


def called_at_last(made: Site, one: Prepared) -> Json:
    """Let what waits go on, and call."""
    made.between.let_go()
    return called(made.server, one)


@pytest.mark.long
def test_f43_two_servers_five_minutes_apart(make_site: MakeSite) -> None:
    """A server whose clock is five minutes ahead makes no second effect of what its neighbour is asking."""
    made = make_site(servers=2, settings=WRONG_CLOCK)
    ahead = made.servers[1]
    set_clock(ahead.folder, 300)
    one = prepared(made.server, "authorize")
    made.between.next(Fault.HOLD_BEFORE, kind="authorize")
    with running(made.server, one.call) as (call,):
        assert made.between.held.wait(PATIENCE_SECONDS)
        # Recovery of the server ahead takes away what is due there, and this first: it was due before.
        late = prepared(made.server, "capture")
        made.between.next(Fault.DROP_AFTER, kind="capture")
        assert called(made.server, late)["__typename"] == OPEN["capture"]
        settled(ahead, late)
        made.between.let_go()
        assert is_final(one, result_of(call.result()))
    asks = made.between.asks_of(operation_of(made.server, one))
    # A lease lives by the database's clock; SQLite has none but its machine's, which both servers share in truth.
    assert asks == 1 or made.server.database.startswith(SQLITE)
    made.quiet()
    assert is_final(one, called(ahead, one))
    assert_one_effect(made.server, one)
