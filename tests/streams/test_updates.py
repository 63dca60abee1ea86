"""The updates that a subscriber sees, of a collection and of the whole log."""

import pytest

from tests.streams.conftest import both
from tests.support.callers.log import FOLLOW, WATCH, cursors_of, lay, touch, types_of
from tests.support.callers.streams import Ended, following, following_from_now_on
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    open_collection,
    open_session,
    refund,
)
from tests.support.program.running import RunningServer

pytestmark = both

BACKLOG = 230
"""More than are read in one go, which are 200."""


def test_a_snapshot_comes_first(keyed: RunningServer, transport: str) -> None:
    """Without `after` the first update is a snapshot of now: no event, and the newest event's cursor."""
    collection = open_collection(keyed)
    session = open_session(keyed, collection["id"])
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        first = stream.next()
    assert first == {
        "cursor": cursors_of(keyed, collection["id"])[-1],
        "event": None,
        "paymentCollection": {
            "id": collection["id"],
            "status": "AWAITING",
            "outstandingAmount": "100.00",
            "paymentSessions": [{"id": session["id"], "status": "PENDING"}],
        },
    }


def test_every_change_in_order(keyed: RunningServer, transport: str) -> None:
    """Behind the snapshot every change comes once, in the log's order, with its cursor."""
    collection = open_collection(keyed)
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        session = open_session(keyed, collection["id"])
        payment = authorize(keyed, session["id"])
        capture(keyed, payment["id"], amount="60.00")
        refund(keyed, payment["id"], amount="20.00")
        types, cursors = types_of(keyed, collection["id"]), cursors_of(keyed, collection["id"])
        updates = [stream.next() for _ in types[1:]]
    assert types == [
        "COLLECTION_CREATED",
        "SESSION_CREATED",
        "SESSION_PENDING",
        "SESSION_AUTHORIZED",
        "PAYMENT_CAPTURE_PENDING",
        "PAYMENT_CAPTURED",
        "PAYMENT_REFUND_PENDING",
        "PAYMENT_REFUNDED",
    ]
    assert [update["event"]["type"] for update in updates] == types[1:]
    assert [update["cursor"] for update in updates] == cursors[1:]


def test_nothing_comes_without_a_change(keyed: RunningServer, transport: str) -> None:
    """Behind the snapshot nothing comes of another collection's changes: the next item is one's own next event."""
    collection, other = open_collection(keyed), open_collection(keyed)
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        touch(keyed, other["id"], "elsewhere")
        touch(keyed, collection["id"], "here")
        assert stream.next()["cursor"] == cursors_of(keyed, collection["id"])[1]


def test_an_update_comes_at_once(keyed: RunningServer, transport: str) -> None:
    """An update comes by the change's own hint: this server never polls."""
    collection = open_collection(keyed)
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        for number in range(5):
            touch(keyed, collection["id"], f"cart-{number}")
            assert stream.next()["cursor"] == cursors_of(keyed, collection["id"])[-1]


def test_resuming_gives_what_was_missed(keyed: RunningServer, transport: str) -> None:
    """With `after` there is no snapshot: every change since that cursor, then the later ones."""
    collection = open_collection(keyed)
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        cursor = stream.next()["cursor"]
    for number in range(3):
        touch(keyed, collection["id"], f"cart-{number}")
    with following(keyed, transport, WATCH, {"id": collection["id"], "after": cursor}) as stream:
        missed = [stream.next() for _ in range(3)]
        touch(keyed, collection["id"], "later")
        updates = [*missed, stream.next()]
        touch(keyed, collection["id"], "last")
        updates.append(stream.next())
    assert [update["cursor"] for update in updates] == cursors_of(keyed, collection["id"])[1:]
    assert {update["event"]["type"] for update in updates} == {"COLLECTION_UPDATED"}


def test_a_cursor_of_the_log_resumes_a_stream(keyed: RunningServer, transport: str) -> None:
    """A cursor that was read from a collection's events goes on in its stream and in the whole log's alike."""
    collection = open_collection(keyed)
    touch(keyed, collection["id"], "a")
    touch(keyed, collection["id"], "b")
    first, second, third = cursors_of(keyed, collection["id"])
    with following(keyed, transport, WATCH, {"id": collection["id"], "after": first}) as stream:
        assert [stream.next()["cursor"] for _ in range(2)] == [second, third]
    with following(keyed, transport, FOLLOW, {"after": first}) as stream:
        assert [stream.next()["cursor"] for _ in range(2)] == [second, third]


def test_a_long_backlog(keyed: RunningServer, transport: str) -> None:
    """A subscriber that was away for more events than are read in one go gets each of them once."""
    collection = open_collection(keyed, "10.00")
    first = cursors_of(keyed, collection["id"])[0]
    lay(keyed, collection["id"], BACKLOG)
    with following(keyed, transport, WATCH, {"id": collection["id"], "after": first}) as stream:
        seen = [stream.next()["cursor"] for _ in range(BACKLOG)]
    assert seen == cursors_of(keyed, collection["id"])[1:]


@pytest.mark.once
@pytest.mark.parametrize("cursor", ["", "nonsense", "ZXZlbnQ6ZXZ0XzA", "é", "\x00"])
def test_a_cursor_that_is_none(keyed: RunningServer, transport: str, cursor: str) -> None:
    """A cursor that this server has not written is INVALID_CURSOR before the first item, for both streams."""
    collection = open_collection(keyed)
    watched = {"id": collection["id"], "after": cursor}
    for query, variables in ((WATCH, watched), (FOLLOW, {"after": cursor})):
        with following(keyed, transport, query, variables) as stream, pytest.raises(Ended) as ended:
            stream.next()
        assert ended.value.code == "INVALID_CURSOR"


def test_a_cursor_of_another_collection(keyed: RunningServer, transport: str) -> None:
    """A cursor of another collection's log is INVALID_CURSOR."""
    collection, other = open_collection(keyed), open_collection(keyed)
    (cursor,) = cursors_of(keyed, other["id"])
    variables = {"id": collection["id"], "after": cursor}
    with following(keyed, transport, WATCH, variables) as stream, pytest.raises(Ended) as ended:
        stream.next()
    assert ended.value.code == "INVALID_CURSOR"


@pytest.mark.once
@pytest.mark.parametrize(
    "id", ["", "pay_col_" + "0" * 26, "payses_" + "0" * 26, "' OR 1=1 --", "\x00", "x" * 10_000]
)
def test_an_id_that_is_not_there(keyed: RunningServer, transport: str, id: str) -> None:
    """An id that is malformed or unknown is NOT_FOUND before the first item."""
    with following(keyed, transport, WATCH, {"id": id}) as stream, pytest.raises(Ended) as ended:
        stream.next()
    assert ended.value.code == "NOT_FOUND"


def test_a_browser_follows_its_own_collection(keyed: RunningServer, transport: str) -> None:
    """A client secret follows its own collection, and no item holds what is for back ends."""
    collection = open_collection(keyed, metadata={"margin": "12"})
    query = """subscription ($id: ID!) { paymentCollectionUpdates(id: $id) {
        cursor event { type } paymentCollection { id clientSecret metadata } } }"""
    secret = collection["clientSecret"]
    with following(keyed, transport, query, {"id": collection["id"]}, bearer=secret) as stream:
        first = stream.next()
        touch(keyed, collection["id"], "cart-1")
        second = stream.next()
    hidden = {"id": collection["id"], "clientSecret": None, "metadata": {}}
    assert (first["event"], first["paymentCollection"]) == (None, hidden)
    assert (second["event"], second["paymentCollection"]) == (
        {"type": "COLLECTION_UPDATED"},
        hidden,
    )


def test_a_browser_does_not_find_another_collection(keyed: RunningServer, transport: str) -> None:
    """Another caller's collection is NOT_FOUND, in the very words of one that does not exist."""
    mine, other = open_collection(keyed), open_collection(keyed)
    told = []
    for id in (other["id"], "pay_col_" + "0" * 26):
        with (
            following(keyed, transport, WATCH, {"id": id}, bearer=mine["clientSecret"]) as stream,
            pytest.raises(Ended) as ended,
        ):
            stream.next()
        (error,) = ended.value.errors
        told.append((error["message"], error["extensions"]["code"]))
    assert told[0] == told[1]
    assert told[0][1] == "NOT_FOUND"


def test_a_browser_may_not_follow_the_whole_log(keyed: RunningServer, transport: str) -> None:
    """`paymentEvents` is FORBIDDEN for a client secret."""
    secret = open_collection(keyed)["clientSecret"]
    with (
        following(keyed, transport, FOLLOW, {}, bearer=secret) as stream,
        pytest.raises(Ended) as ended,
    ):
        stream.next()
    assert ended.value.code == "FORBIDDEN"


def test_the_whole_log_from_now_on(keyed: RunningServer, transport: str) -> None:
    """`paymentEvents` without `after` has no snapshot: it gives every collection's changes from now on."""
    before = open_collection(keyed)
    with following_from_now_on(keyed, transport) as stream:
        made = open_collection(keyed, reference="order-1")
        touch(keyed, before["id"], "order-2")
        events = [stream.next() for _ in range(2)]
    assert [(event["type"], event["paymentCollection"]["id"]) for event in events] == [
        ("COLLECTION_CREATED", made["id"]),
        ("COLLECTION_UPDATED", before["id"]),
    ]


def test_the_statuses_right_after_the_event(keyed: RunningServer, transport: str) -> None:
    """Read later, an event still carries the statuses right after it, and its collection is as it is now."""
    collection = open_collection(keyed)
    session = open_session(keyed, collection["id"])
    payment = authorize(keyed, session["id"])
    capture(keyed, payment["id"])
    first = cursors_of(keyed, collection["id"])[0]
    query = """subscription ($after: String) { paymentEvents(after: $after) {
        type collectionStatus sessionStatus paymentStatus paymentCollection { status } } }"""
    with following(keyed, transport, query, {"after": first}) as stream:
        events = [stream.next() for _ in range(5)]
    assert [tuple(event.values())[:4] for event in events] == [
        ("SESSION_CREATED", "AWAITING", "PENDING", None),
        ("SESSION_PENDING", "AWAITING", "PENDING_AUTHORIZATION", None),
        ("SESSION_AUTHORIZED", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CAPTURE_PENDING", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CAPTURED", "COMPLETED", "CAPTURED", "CAPTURED"),
    ]
    assert {event["paymentCollection"]["status"] for event in events} == {"COMPLETED"}
    assert collection_of(keyed, collection["id"])["status"] == "COMPLETED"
