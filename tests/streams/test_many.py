"""Subscribers beside each other, and processes beside each other."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.log import FOLLOW, WATCH, cursors_of, touch
from tests.support.running import RunningServer
from tests.support.shop import open_collection
from tests.support.streams import (
    TRANSPORTS,
    Ended,
    Stream,
    following,
    opened,
    receive,
    send,
    subscribe,
)

AT_ONCE_SECONDS = 1.0
"""The slow poll comes every two seconds: what arrives sooner came by a hint."""

CLOSED_SECONDS = 30.0
SUBSCRIPTIONS = 20
SLOW_SECONDS = 11.0
"""A subscriber may take nothing for ten."""

HELD_UP_SECONDS = 5.0
"""Well under the ten after which a subscriber that takes nothing is given up."""

STALLED_SECONDS = 60.0


@pytest.fixture(scope="module")
def neighbours(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Give two servers on one database."""
    first = RunningServer(tmp_path_factory.mktemp("first"))
    second = RunningServer(
        tmp_path_factory.mktemp("second"),
        {
            "TILLGRAPH_DATABASE_URL": first.database,
            "TILLGRAPH_SANDBOX_DATABASE": str(first.folder / "tillgraph-sandbox.db"),
        },
    )
    yield first.start(), second.start()
    second.close()
    first.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_change_by_another_process_arrives_at_once(
    neighbours: tuple[RunningServer, RunningServer], transport: str
) -> None:
    """A subscriber on one process sees what another one did, in order and once, before any poll."""
    here, there = neighbours
    collection = open_collection(here)
    with (
        following(here, transport, WATCH, {"id": collection["id"]}) as watching,
        following(here, transport, FOLLOW, {}) as everything,
    ):
        watching.next()
        with pytest.raises(TimeoutError):
            everything.next(0.3)
        for number in range(5):
            touch(there, collection["id"], f"from there {number}")
            began_at = time.monotonic()
            cursor = watching.next(AT_ONCE_SECONDS)["cursor"]
            assert everything.next(AT_ONCE_SECONDS)["cursor"] == cursor
            assert time.monotonic() - began_at < AT_ONCE_SECONDS
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
    with opened(keyed) as carrier:
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
    with opened(keyed) as carrier:
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
        sockets = [stack.enter_context(opened(keyed)) for _ in range(5)]
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


def descriptors(server: RunningServer) -> int:
    """Count what a server's process has open."""
    assert server.process is not None
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: PTH208 - a count of names


def memory_bytes(server: RunningServer) -> int:
    """Read how much memory a server's process holds."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def wait_for(look: Callable[[], int], at_most: int, seconds: float) -> int:
    """Wait until a number is not more than another, and give it as it was last."""
    ends_at = time.monotonic() + seconds
    while (found := look()) > at_most and time.monotonic() < ends_at:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("way", ["closed", "dropped", "dropped and silent"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_disconnect_leaves_nothing(keyed: RunningServer, transport: str, way: str) -> None:
    """After 40 subscribers have gone, well or badly, the process has as many descriptors open as before."""
    collection = open_collection(keyed)
    variables = {"id": collection["id"]}
    with following(keyed, transport, WATCH, variables) as stream:
        stream.next()
    before = wait_for(lambda: descriptors(keyed), 0, 1)
    with ExitStack() as stack:
        streams = [
            stack.enter_context(following(keyed, transport, WATCH, variables)) for _ in range(40)
        ]
        for stream in streams:
            stream.next()
        assert descriptors(keyed) >= before + 40
        if way != "closed":
            for stream in streams:
                stream.drop()
        if way == "dropped":
            touch(keyed, collection["id"], "for nobody")
    assert wait_for(lambda: descriptors(keyed), before, CLOSED_SECONDS) <= before


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_f37_a_subscriber_that_never_reads(
    make_server: Callable[..., RunningServer], transport: str
) -> None:
    """It holds nobody up and fills no memory; when it reads at last, it is told where to resume, and misses nothing."""
    server = make_server().start()
    collection = open_collection(server, metadata={"long": "x" * 15_000})
    watched = {"id": collection["id"]}
    with (
        following(server, transport, BULKY, watched, receive_bytes=4_096) as stalled,
        following(server, "websocket", WATCH, watched) as reading,
    ):
        reading.next()
        before = memory_bytes(server)
        ends_at = time.monotonic() + SLOW_SECONDS
        number = 0
        while time.monotonic() < ends_at or number < 100:
            number += 1
            touch(server, collection["id"], str(number))
            reading.next(HELD_UP_SECONDS)
        grown = memory_bytes(server) - before
        seen, told = rest_of(stalled)
    log = cursors_of(server, collection["id"])
    assert (told.code, told.errors[0]["extensions"]["cursor"]) == ("RESUME", seen[-1])
    assert seen == log[: len(seen)]
    assert len(seen) < len(log)
    # 100 items of 200 KB would be 20 MB.
    assert grown < 10 * 1024 * 1024, grown
    with following(server, transport, WATCH, {**watched, "after": seen[-1]}) as stream:
        assert [stream.next()["cursor"] for _ in log[len(seen) :]] == log[len(seen) :]


BULKY = f"""subscription ($id: ID!) {{
    paymentCollectionUpdates(id: $id) {{
        cursor paymentCollection {{ {" ".join(f"a{number}: metadata" for number in range(14))} }} }} }}"""
"""Some 200 KB an item, where a collection's metadata is as long as it may be."""


def rest_of(stream: Stream) -> tuple[list[str], Ended]:
    """Read a stream to its end; gives the items' cursors, and how it ended."""
    seen: list[str] = []
    try:
        while True:
            seen.append(stream.next(STALLED_SECONDS)["cursor"])
    except Ended as ended:
        return seen, ended
