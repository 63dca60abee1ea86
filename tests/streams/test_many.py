"""Subscribers beside each other, and processes beside each other."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.support.callers.log import WATCH, cursors_of, touch
from tests.support.callers.sockets import receive, send
from tests.support.callers.streams import (
    COLLECTION,
    EVERYTHING,
    TRANSPORTS,
    Ended,
    Stream,
    following,
    following_from_now_on,
    open_acknowledged,
    open_streams,
    subscribe,
)
from tests.support.flow.shop import new_key, open_collection
from tests.support.forms import in_short
from tests.support.program.running import NEVER_POLLS, SHORT_WAITS, RunningServer
from tests.support.waiting import until

SUBSCRIPTIONS = 20
SUBSCRIBERS = 40
TOUCH_SECONDS = 0.02


@pytest.fixture(scope="module")
def neighbours(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Return two servers on one database that never poll, the first of which hears the second."""
    first = RunningServer(tmp_path_factory.mktemp("first"), NEVER_POLLS, is_test_build=True)
    shared = {
        **NEVER_POLLS,
        "TILLGRAPH_DATABASE_URL": first.database,
        "TILLGRAPH_SANDBOX_DATABASE": str(first.folder / "tillgraph-sandbox.db"),
    }
    second = RunningServer(tmp_path_factory.mktemp("second"), shared, is_test_build=True)
    until_heard(first.start(), second.start())
    yield first, second
    second.close()
    first.close()


def until_heard(here: RunningServer, there: RunningServer) -> None:
    """Change a collection at one server until another one has heard of it.

    Two of the changes may come without a hint: when the stream begins, and when the server begins to listen.
    """
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        for _ in range(3):
            with happening_until_told(lambda: touch(there, collection["id"], new_key())):
                cursor = stream.next()["cursor"]
            newest = cursors_of(here, collection["id"])[-1]
            while cursor != newest:
                cursor = stream.next()["cursor"]


@contextmanager
def happening_until_told(change: Callable[[], None]) -> Iterator[None]:
    """Let something happen again and again beside the block, at least once."""
    is_over = Event()

    def go_on() -> None:
        change()
        while not is_over.wait(TOUCH_SECONDS):
            change()

    with ThreadPoolExecutor(max_workers=1) as pool:
        happening = pool.submit(go_on)
        try:
            yield
        finally:
            is_over.set()
        happening.result()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_change_by_another_process_arrives_at_once(
    neighbours: tuple[RunningServer, RunningServer], transport: str
) -> None:
    """A subscriber on one process sees what another one did, in order and once, by a hint: nobody polls."""
    here, there = neighbours
    collection = open_collection(here)
    with (
        following(here, transport, WATCH, {"id": collection["id"]}) as watching,
        following_from_now_on(here, transport) as everything,
    ):
        watching.next()
        for number in range(5):
            touch(there, collection["id"], f"from there {number}")
            cursor = watching.next()["cursor"]
            assert everything.next()["cursor"] == cursor
            assert cursor == cursors_of(here, collection["id"])[-1]


def test_any_process_resumes(neighbours: tuple[RunningServer, RunningServer]) -> None:
    """A stream that one process began another one goes on with, at the same cursor."""
    here, there = neighbours
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as stream:
        cursor = stream.next()["cursor"]
    touch(here, collection["id"], "meanwhile")
    variables = {"id": collection["id"], "after": cursor}
    with following(there, "event stream", WATCH, variables) as stream:
        assert stream.next()["cursor"] == cursors_of(here, collection["id"])[-1]


def test_20_subscriptions_a_socket(keyed: RunningServer) -> None:
    """A socket carries 20 subscriptions; the 21st gets an error, and the others go on."""
    collection = open_collection(keyed)
    with open_acknowledged(keyed) as carrier:
        for number in range(SUBSCRIPTIONS):
            subscribe(carrier, str(number), WATCH, {"id": collection["id"]})
        assert {receive(carrier)["id"] for _ in range(SUBSCRIPTIONS)} == set(
            map(str, range(SUBSCRIPTIONS))
        )
        subscribe(carrier, "one more", WATCH, {"id": collection["id"]})
        refused = receive(carrier)
        assert (refused["type"], refused["id"]) == ("error", "one more")
        touch(keyed, collection["id"], "seen by all")
        updates = [receive(carrier) for _ in range(SUBSCRIPTIONS)]
    assert {update["type"] for update in updates} == {"next"}
    assert {update["id"] for update in updates} == set(map(str, range(SUBSCRIPTIONS)))


def test_a_subscription_that_ends_makes_room(keyed: RunningServer) -> None:
    """Of 20 subscriptions one that its client completes makes room for another."""
    collection = open_collection(keyed)
    with open_acknowledged(keyed) as carrier:
        for number in range(SUBSCRIPTIONS):
            subscribe(carrier, str(number), WATCH, {"id": collection["id"]})
            assert receive(carrier)["type"] == "next"
        send(carrier, {"id": "7", "type": "complete"})
        subscribe(carrier, "another", WATCH, {"id": collection["id"]})
        message = receive(carrier)
    assert (message["type"], message["id"]) == ("next", "another")


def test_100_subscribers_of_one_collection(keyed: RunningServer) -> None:
    """100 subscribers on 5 sockets each see a change."""
    collection = open_collection(keyed)
    with ExitStack() as stack:
        sockets = [stack.enter_context(open_acknowledged(keyed)) for _ in range(5)]
        for carrier in sockets:
            for number in range(SUBSCRIPTIONS):
                subscribe(carrier, str(number), WATCH, {"id": collection["id"]})
            for _ in range(SUBSCRIPTIONS):
                receive(carrier)
        touch(keyed, collection["id"], "seen by all")
        for carrier in sockets:
            updates = [receive(carrier) for _ in range(SUBSCRIPTIONS)]
            told = {
                update["payload"]["data"]["paymentCollectionUpdates"]["cursor"]
                for update in updates
            }
            assert told == {cursors_of(keyed, collection["id"])[-1]}


# ── What is left behind ────────────────────────────────────────────────────────


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_open_streams_are_counted(keyed: RunningServer, transport: str) -> None:
    """`tillgraph_open_streams` says how many subscribers of each kind the process has, and none once they are gone."""
    collection = open_collection(keyed)
    until(lambda: open_streams(keyed, COLLECTION) == open_streams(keyed, EVERYTHING) == 0)
    with (
        following(keyed, transport, WATCH, {"id": collection["id"]}),
        following(keyed, transport, WATCH, {"id": collection["id"]}),
        following_from_now_on(keyed, transport),
    ):
        until(lambda: open_streams(keyed, COLLECTION) == 2)
        assert open_streams(keyed, EVERYTHING) == 1
    until(lambda: open_streams(keyed, COLLECTION) == open_streams(keyed, EVERYTHING) == 0)


def descriptors(server: RunningServer) -> int:
    """Count what a server's process has open."""
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: PTH208 - a count of names


def connections(server: RunningServer) -> int:
    """Count the connections of clients that a server's process has open. Source: proc_pid_net(5), tcp."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    is_listening, port = "0A", f":{server.port:04X}"
    return sum(
        local.endswith(port) and state != is_listening and inode != "0"
        for _, local, _, state, _, _, _, _, _, inode, *_ in rows
    )


def memory_bytes(server: RunningServer) -> int:
    """Read how much memory a server's process holds."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.once
@pytest.mark.parametrize("way", ["closed", "dropped", "dropped and silent"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_disconnect_leaves_nothing(keyed: RunningServer, transport: str, way: str) -> None:
    """After 40 subscribers have gone, well or badly, the process has none of their connections and sources any more."""
    collection = open_collection(keyed)
    variables = {"id": collection["id"]}
    before, others = descriptors(keyed), connections(keyed)
    with ExitStack() as stack:
        streams = [
            stack.enter_context(following(keyed, transport, WATCH, variables))
            for _ in range(SUBSCRIBERS)
        ]
        for stream in streams:
            stream.next()
        assert connections(keyed) >= SUBSCRIBERS
        if way != "closed":
            for stream in streams:
                stream.drop()
        if way == "dropped":
            touch(keyed, collection["id"], "for nobody")
    until(lambda: open_streams(keyed, COLLECTION) == 0)
    # What other tests have left idle is kept for 75 seconds.
    until(lambda: connections(keyed) <= others)
    # The database may have opened connections of its own; a descriptor that each subscriber left would be 40.
    assert descriptors(keyed) < before + SUBSCRIBERS


# ── Who never reads ────────────────────────────────────────────────────────────

BULKY = f"""subscription ($id: ID!) {{
    paymentCollectionUpdates(id: $id) {{
        cursor paymentCollection {{ {" ".join(f"a{number}: metadata" for number in range(14))} }} }} }}"""
"""Some 200 KB an item, where a collection's metadata is as long as it may be."""

BULKY_ITEMS = 60
"""12 MB: several times what the system's buffers take for a subscriber."""

MOST_GROWN_BYTES = 6 * 1024 * 1024
"""A third of it are the process's own, whoever reads."""

NEVER_GIVEN_UP = {"TILLGRAPH_TEST_WAIT_SCALE": "0.001"}
"""A subscriber may take nothing for hours."""


@contextmanager
def stalling(server: RunningServer, transport: str) -> Iterator[tuple[str, Stream, Stream]]:
    """Return a collection's id, a subscriber of it that does not read, and one that does."""
    id = open_collection(server)["id"]
    with (
        following(server, transport, BULKY, {"id": id}, receive_bytes=4_096) as stalled,
        following(server, "websocket", WATCH, {"id": id}) as reading,
    ):
        reading.next()
        until(lambda: open_streams(server, COLLECTION) == 2)
        server.change("updatePaymentCollection", {"id": id, "metadata": {"long": "x" * 15_000}})
        reading.next()
        yield id, stalled, reading


@pytest.mark.once
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_f37_a_subscriber_that_never_reads(
    make_server: Callable[..., RunningServer], transport: str
) -> None:
    """It holds nobody up and fills no memory, however long it is open."""
    server = make_server(is_test_build=True, **NEVER_GIVEN_UP).start()
    with stalling(server, transport) as (id, _, reading):
        before = memory_bytes(server)
        for number in range(BULKY_ITEMS):
            touch(server, id, str(number))
            reading.next()
        grown = memory_bytes(server) - before
        assert open_streams(server, COLLECTION) == 2
    assert grown < MOST_GROWN_BYTES, grown


@pytest.mark.once
@pytest.mark.parametrize(
    "waits", in_short([SHORT_WAITS, {}], SHORT_WAITS), ids=["short", "shipped"]
)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_f37_a_subscriber_that_is_given_up(
    make_server: Callable[..., RunningServer], transport: str, waits: dict[str, str]
) -> None:
    """After a while its source is closed; when it reads at last, it is told where to resume, and misses nothing."""
    server = make_server(is_test_build=True, **waits).start()
    with stalling(server, transport) as (id, stalled, _):
        for number in range(BULKY_ITEMS):
            touch(server, id, str(number))
        until(lambda: open_streams(server, COLLECTION) == 1)
        seen, told = rest_of(stalled)
    log = cursors_of(server, id)
    assert (told.code, told.errors[0]["extensions"]["cursor"]) == ("RESUME", seen[-1])
    assert seen == log[: len(seen)]
    assert len(seen) < len(log)
    with following(server, transport, WATCH, {"id": id, "after": seen[-1]}) as stream:
        assert [stream.next()["cursor"] for _ in log[len(seen) :]] == log[len(seen) :]


def rest_of(stream: Stream) -> tuple[list[str], Ended]:
    """Read a stream to its end; return the items' cursors, and how it ended."""
    seen: list[str] = []
    try:
        while True:
            seen.append(stream.next()["cursor"])
    except Ended as ended:
        return seen, ended
