"""At least once, in order: whoever is killed, stopped or slow, and however many processes tell."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from db.tables import payment_events
from tests.conftest import QUICK_RECOVERY
from tests.support.databases import create, drop_database
from tests.support.receiver import Received, Receiver
from tests.support.registering import ALLOWED, PAYING, deliveries, register
from tests.support.running import URL, RunningServer
from tests.support.shop import authorize, capture, open_collection, open_session, pay
from tests.support.waiting import until

LEASE_SECONDS = 30.0


def places_of(received: list[Received]) -> dict[str, list[int]]:
    """Give the places that were told of each collection, in the order in which they first came."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in received:
        collection, sequence = one.place
        if sequence not in found[collection]:
            found[collection].append(sequence)
    return found


def is_whole(received: list[Received], collections: int, events: int) -> bool:
    """Tell whether every event of so many collections has come, each in its place."""
    found = places_of(received)
    wanted = list(range(1, events + 1))
    return len(found) == collections and all(places == wanted for places in found.values())


def test_a_killed_server_tells_all_the_same(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """What a server was telling when it was killed is told again by the next one, and all that it had not begun."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(one: Received) -> int:
        reached.set()
        go_on.wait(LEASE_SECONDS)
        return 204

    receiver.answer = hold
    server = make_server(**ALLOWED).start()
    register(server, receiver.url)
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"])["id"])
    assert reached.wait(10)
    server.kill()
    go_on.set()
    server.start()
    # The lane is the dead server's until its lease ends.
    receiver.wait(lambda all: is_whole(all, 1, len(PAYING)), LEASE_SECONDS + 10)
    assert [one.place[1] for one in receiver.received] == [1, 1, 2, 3, 4]


def test_a_stopped_server_ends_what_it_is_telling(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """An attempt under way is recorded before a server ends; the next server goes on at once, with nothing twice."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(one: Received) -> int:
        reached.set()
        go_on.wait(10)
        return 204

    receiver.answer = hold
    server = make_server(**ALLOWED).start()
    register(server, receiver.url)
    open_session(server, open_collection(server)["id"])
    assert reached.wait(10)
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(server.stop)
        # It takes nothing new by now.
        until(lambda: server.client.get("/health/ready").status_code == 503)
        go_on.set()
        assert stopped.result() == 0
    assert [one.place[1] for one in receiver.received] == [1]
    server.start()
    receiver.wait_for(2, 10)
    assert [one.place[1] for one in receiver.received] == [1, 2]


def test_several_processes_tell_each_event_once(tmp_path: Path, receiver: Receiver) -> None:
    """Two servers on one database share the work: thirty payments, each event once, each collection's in order."""
    address = create(tmp_path / "till.db")
    servers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        settings = {**QUICK_RECOVERY, **ALLOWED, URL: address}
        settings["TILLGRAPH_SANDBOX_DATABASE"] = str(tmp_path / "ledger.db")
        settings["TILLGRAPH_SANDBOX_WEBHOOK_SECRET"] = "a-secret-of-these-tests"
        servers.append(RunningServer(tmp_path / name, settings))
    try:
        for server in servers:
            server.start()
        register(servers[0], receiver.url)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(pay, itertools.islice(itertools.cycle(servers), 30)))
        receiver.wait(lambda all: is_whole(all, 30, len(PAYING)))
        count = "SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'DELIVERED'"
        until(lambda: servers[0].rows(count) == [(30 * len(PAYING),)])
        assert len(receiver.received) == 30 * len(PAYING)
        assert [server.check() for server in servers] == [(0, "Every invariant holds.\n")] * 2
    finally:
        for server in servers:
            server.close()
        drop_database(address)


def test_another_process_s_events_are_told_at_once(tmp_path: Path, receiver: Receiver) -> None:
    """A change is told without anybody asking, whichever process made it and whichever tells."""
    settings = {**QUICK_RECOVERY, **ALLOWED}
    server = RunningServer(tmp_path, settings, arguments=("--workers", "3"))
    try:
        server.start()
        register(server, receiver.url)
        for number in range(1, 13):
            server.reconnect()
            open_collection(server)
            receiver.wait_for(number, 10.0)
    finally:
        server.close()


def test_a_slow_endpoint_holds_nobody_up(
    telling: RunningServer, make_receiver: Callable[[], Receiver]
) -> None:
    """While one endpoint does not answer, another one is told of everything."""
    slow, quick, go_on = make_receiver(), make_receiver(), threading.Event()

    def hold(_: Received) -> int:
        go_on.wait(20)
        return 204

    slow.answer = hold
    endpoint = register(telling, slow.url)
    register(telling, quick.url)
    for _ in range(12):
        open_collection(telling)
    quick.wait_for(12)
    # Eight at the same time are asked of the slow one, and no more.
    slow.wait_for(8)
    assert len(slow.received) == 8
    go_on.set()
    slow.wait_for(12)
    assert len(deliveries(telling, endpoint)) == 12


def test_no_answer_in_time(make_server: Callable[..., RunningServer], receiver: Receiver) -> None:
    """After fifteen seconds an attempt is over; meanwhile payments go on as if nobody were told."""
    go_on = threading.Event()

    def hold(_: Received) -> int:
        go_on.wait(30)
        return 204

    receiver.answer = hold
    server = make_server(**ALLOWED).start()
    endpoint = register(server, receiver.url)
    open_collection(server)
    receiver.wait_for(1)
    assert capture(server, pay(server)["id"])["status"] == "CAPTURED"
    oldest = until(
        lambda: [one for one in deliveries(server, endpoint)[-1:] if one["attempts"]], seconds=25
    )
    go_on.set()
    (attempt,) = oldest[0]["attempts"]
    assert (attempt["failure"], attempt["responseStatus"]) == ("TIMEOUT", None)
    assert 15_000 <= attempt["durationMilliseconds"] < 17_000


def test_what_stands_the_other_way_round_in_the_whole_log_is_told_in_order(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """Where a batch of the log ends between two such events, the earlier one of the collection goes first."""
    server = make_server(**ALLOWED).start()
    register(server, receiver.url)
    first, other = open_collection(server), open_collection(server)
    receiver.wait_for(2)
    server.stop()
    template = "SELECT * FROM payment_events WHERE collection_id = ? ORDER BY sequence LIMIT 1"
    row = dict(zip(_columns(), server.rows(template, other["id"])[0], strict=True))
    mine = dict(zip(_columns(), server.rows(template, first["id"])[0], strict=True))
    position = max(row["position"], mine["position"])
    # Ninety-nine of another collection fill the batch up to the later event; the earlier one stands behind it.
    for number in range(1, 100):
        _insert(server, {**row, "position": position + number, "sequence": 1 + number})
    _insert(server, {**mine, "position": position + 100, "sequence": 3})
    _insert(server, {**mine, "position": position + 101, "sequence": 2})
    server.rows("UPDATE payment_collections SET sequence = 100 WHERE id = ?", other["id"])
    server.rows("UPDATE payment_collections SET sequence = 3 WHERE id = ?", first["id"])
    server.start()
    receiver.wait(lambda all: len(all) == 2 + 101)
    assert places_of(receiver.received)[first["id"]] == [1, 2, 3]
    assert places_of(receiver.received)[other["id"]] == list(range(1, 101))


def _columns() -> list[str]:
    return [column.name for column in payment_events.columns]


def _insert(server: RunningServer, row: dict[str, object]) -> None:
    values = {**row, "id": f"evt_{int(str(row['position'])):026d}"}
    marks = ", ".join("?" for _ in values)
    statement = f"INSERT INTO payment_events ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
    server.rows(statement, *values.values())
