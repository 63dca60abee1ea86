"""At least once, in order: whoever is killed, stopped or slow, and however many processes tell."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from db.tables.payments import payment_events
from payments.model.instants import SECOND
from tests.conftest import CHECKED
from tests.support.flow.registering import ALLOWED, PAYING, deliveries, ended, register
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay
from tests.support.forms import in_short
from tests.support.gateways.receiver import Received, Receiver
from tests.support.program.running import (
    LONG_WAITS,
    NEVER_POLLS,
    QUICK_RECOVERY,
    SHORT_WAITS,
    URL,
    WORKERS,
    RunningServer,
)
from tests.support.stores.databases import create, drop_database
from tests.support.waiting import until
from webhooks.limits import WEBHOOK_FEED, WEBHOOKS_AT_ONCE

CHANGES = 12
"""One after the other, so that each process makes some, and tells of some."""

PROCESSES = 3

DELIVERED = "SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'DELIVERED'"


def places_of(received: list[Received]) -> dict[str, list[int]]:
    """Return the places that were told of each collection, in the order in which they first came."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in received:
        collection, sequence = one.place
        if sequence not in found[collection]:
            found[collection].append(sequence)
    return found


def is_whole(received: list[Received], collections: int, events: int) -> bool:
    """Return whether every event of so many collections has come, each in its place."""
    found = places_of(received)
    wanted = list(range(1, events + 1))
    return len(found) == collections and all(places == wanted for places in found.values())


@pytest.mark.parametrize("waits", in_short([False, True], False), ids=["ended", "waited for"])
def test_a_killed_server_tells_all_the_same(
    make_server: Callable[..., RunningServer], receiver: Receiver, *, waits: bool
) -> None:
    """A delivery under way when its server is killed is sent again by the next one, and so is all not yet begun.

    The lane is the dead server's until its lease ends: the long form waits for that, the short one ends the lease.
    """
    go_on = receiver.hold()
    server = make_server(**ALLOWED).start()
    endpoint = register(server, receiver.url)
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"])["id"])
    receiver.wait_for(1)
    server.kill()
    go_on.set()
    if not waits:
        server.rows("UPDATE webhook_lanes SET due_at = 1 WHERE holder IS NOT NULL")
    ((lease_end,),) = server.rows("SELECT due_at FROM webhook_lanes WHERE holder IS NOT NULL")
    server.start()
    receiver.wait(lambda all: is_whole(all, 1, len(PAYING)))
    assert [one.place[1] for one in receiver.received] == [1, 1, 2, 3, 4]
    if waits:
        told_again_at = ended(server, endpoint, len(PAYING))[-1]["attempts"][0]["at"]
        assert datetime.fromisoformat(told_again_at).timestamp() >= lease_end / SECOND - 0.001


@pytest.mark.once
def test_a_stopped_server_ends_what_it_is_telling(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """An attempt under way is recorded before a server ends; the next server goes on at once, with nothing twice."""
    go_on = receiver.hold()
    server = make_server(**ALLOWED).start()
    register(server, receiver.url)
    open_session(server, open_collection(server)["id"])
    receiver.wait_for(1)
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(server.stop)
        # It takes nothing new by now.
        until(lambda: not server.is_ready())
        go_on.set()
        assert stopped.result() == 0
    assert [one.place[1] for one in receiver.received] == [1]
    server.start()
    receiver.wait_for(2)
    assert [one.place[1] for one in receiver.received] == [1, 2]


@pytest.mark.parametrize("count", in_short([12, 30], 12))
def test_several_processes_tell_each_event_once(
    tmp_path: Path, receiver: Receiver, count: int
) -> None:
    """Two servers on one database share the work: many payments, each event once, each collection's in order."""
    address = create(tmp_path / "till.db")
    servers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        settings = {**QUICK_RECOVERY, **ALLOWED, **LONG_WAITS, URL: address}
        settings["TILLGRAPH_SANDBOX_DATABASE"] = str(tmp_path / "ledger.db")
        settings["TILLGRAPH_SANDBOX_WEBHOOK_SECRET"] = "a-secret-of-these-tests"
        servers.append(RunningServer(tmp_path / name, settings, is_test_build=True))
    try:
        for server in servers:
            server.start()
        register(servers[0], receiver.url)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(pay, itertools.islice(itertools.cycle(servers), count)))
        receiver.wait(lambda all: is_whole(all, count, len(PAYING)))
        until(lambda: servers[0].rows(DELIVERED) == [(count * len(PAYING),)])
        assert len(receiver.received) == count * len(PAYING)
        assert [server.check() for server in servers] == [CHECKED] * 2
    finally:
        for server in servers:
            server.close()
        drop_database(address)


def test_another_process_s_events_are_told_at_once(tmp_path: Path, receiver: Receiver) -> None:
    """A change is told by a hint alone, whichever process made it and whichever tells."""
    settings = {**QUICK_RECOVERY, **ALLOWED, **NEVER_POLLS}
    arguments = (WORKERS, str(PROCESSES))
    server = RunningServer(tmp_path, settings, arguments=arguments, is_test_build=True)
    try:
        server.start()
        register(server, receiver.url)
        # From its start on, each process knows of the endpoint.
        server.stop()
        server.start()
        for number in range(1, CHANGES + 1):
            server.reconnect()
            open_collection(server)
            receiver.wait_for(number)
    finally:
        server.close()


@pytest.mark.once
def test_a_slow_endpoint_holds_nobody_up(
    make_server: Callable[..., RunningServer], make_receiver: Callable[[], Receiver]
) -> None:
    """While one endpoint does not answer, another one is told of everything, and payments go on."""
    server = make_server(is_test_build=True, **ALLOWED, **LONG_WAITS).start()
    slow, quick = make_receiver(), make_receiver()
    go_on = slow.hold()
    endpoint = register(server, slow.url)
    register(server, quick.url)
    for _ in range(11):
        open_collection(server)
    assert capture(server, pay(server)["id"])["status"] == "CAPTURED"
    ((events,),) = server.rows("SELECT COUNT(*) FROM payment_events")
    quick.wait_for(events)
    # The slow one gets eight requests at the same time, and no more.
    slow.wait_for(WEBHOOKS_AT_ONCE)
    assert len(slow.received) == WEBHOOKS_AT_ONCE == 8
    waiting = deliveries(server, endpoint, first=100)
    assert [one["attempts"] for one in waiting] == [[]] * events
    go_on.set()
    slow.wait_for(events)
    assert {one.event_id for one in slow.received} == {one.event_id for one in quick.received}


@pytest.mark.once
@pytest.mark.parametrize(
    "waits", in_short([SHORT_WAITS, {}], SHORT_WAITS), ids=["short", "shipped"]
)
def test_no_answer_in_time(
    make_server: Callable[..., RunningServer], receiver: Receiver, waits: dict[str, str]
) -> None:
    """After fifteen seconds an attempt is over, which nobody has answered yet."""
    receiver.hold()
    server = make_server(is_test_build=True, **ALLOWED, **waits).start()
    endpoint = register(server, receiver.url)
    open_collection(server)
    (one,) = until(lambda: [one for one in deliveries(server, endpoint) if one["attempts"]])
    attempt = one["attempts"][0]
    assert (attempt["failure"], attempt["responseStatus"]) == ("TIMEOUT", None)
    assert attempt["durationMilliseconds"] >= (3_000 if waits else 15_000)


def test_what_stands_the_other_way_round_in_the_whole_log_is_told_in_order(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """If a batch of the log ends between two such events, the earlier one of the collection goes first."""
    server = make_server(**ALLOWED).start()
    register(server, receiver.url)
    first, other = open_collection(server), open_collection(server)
    until(lambda: server.rows(DELIVERED) == [(2,)])
    until(lambda: server.rows("SELECT lane FROM webhook_lanes") == [])
    server.kill()
    template = "SELECT * FROM payment_events WHERE collection_id = ? ORDER BY sequence LIMIT 1"
    row = dict(zip(_columns(), server.rows(template, other["id"])[0], strict=True))
    mine = dict(zip(_columns(), server.rows(template, first["id"])[0], strict=True))
    position = max(row["position"], mine["position"])
    # Ninety-nine of another collection fill the batch up to the later event; the earlier one stands after it.
    _insert(
        server,
        *({**row, "position": position + n, "sequence": 1 + n} for n in range(1, WEBHOOK_FEED)),
        {**mine, "position": position + WEBHOOK_FEED, "sequence": 3},
        {**mine, "position": position + WEBHOOK_FEED + 1, "sequence": 2},
    )
    server.rows("UPDATE payment_collections SET sequence = 100 WHERE id = ?", other["id"])
    server.rows("UPDATE payment_collections SET sequence = 3 WHERE id = ?", first["id"])
    server.start()
    receiver.wait(lambda all: len(all) == 2 + 101)
    assert places_of(receiver.received)[first["id"]] == [1, 2, 3]
    assert places_of(receiver.received)[other["id"]] == list(range(1, 101))


def _columns() -> list[str]:
    return [column.name for column in payment_events.columns]


def _insert(server: RunningServer, *events: dict[str, object]) -> None:
    named = [{**event, "id": f"evt_{int(str(event['position'])):026d}"} for event in events]
    marks = f"({', '.join('?' for _ in named[0])})"
    statement = (
        f"INSERT INTO payment_events ({', '.join(named[0])})"  # noqa: S608
        f" VALUES {', '.join([marks] * len(named))}"
    )
    server.rows(statement, *(value for event in named for value in event.values()))
