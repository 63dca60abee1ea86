"""When a stream ends: by itself with its collection, told to resume with its server, and never before."""

import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.log import FOLLOW, WATCH, cursors_of, touch, types_of
from tests.support.running import RunningServer
from tests.support.shop import authorize, open_collection, open_session, pay
from tests.support.streams import (
    TRANSPORTS,
    Ended,
    Stream,
    following,
    opened,
    receive,
    subscribe,
)

EXIT_SECONDS = 5.0
"""For a server with nothing under way but streams."""

both = pytest.mark.parametrize("transport", TRANSPORTS)


def cancel(server: RunningServer, collection_id: str) -> None:
    """Cancel a collection."""
    canceled = server.change("cancelPaymentCollection", {"id": collection_id})
    assert canceled["__typename"] == "PaymentCollection", canceled


def settle(
    server: RunningServer, session_id: str, result: str, movement: str | None = None
) -> None:
    """Let the gateway settle what it left pending, and report it."""
    body = {"result": result} if movement is None else {"result": result, "movement": movement}
    headers = {"authorization": f"Bearer {server.credential}"}
    response = server.client.post(f"/sandbox/reports/{session_id}", json=body, headers=headers)
    assert response.is_success, response.text


def rest_of(stream: Stream) -> list[str]:
    """Read a stream to its end and give its events' types; it ends by itself."""
    types: list[str] = []
    with pytest.raises(Ended) as ended:
        read_into(types, stream)
    assert ended.value.errors == ()
    return types


def read_into(types: list[str], stream: Stream) -> None:
    """Read a stream's types; raises Ended."""
    while True:
        types.append(stream.next()["event"]["type"])


@both
def test_a_stream_ends_with_its_collection(keyed: RunningServer, transport: str) -> None:
    """Canceled with nothing in flight, the stream ends by itself behind the log's last event."""
    collection = open_collection(keyed)
    open_session(keyed, collection["id"])
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        cancel(keyed, collection["id"])
        assert rest_of(stream) == types_of(keyed, collection["id"])[2:]


@both
def test_a_stream_of_a_canceled_collection(keyed: RunningServer, transport: str) -> None:
    """A collection that is over already gives its snapshot and ends."""
    collection = open_collection(keyed)
    cancel(keyed, collection["id"])
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        first = stream.next()
        assert (first["event"], first["paymentCollection"]["status"]) == (None, "CANCELED")
        assert rest_of(stream) == []


@both
def test_resuming_behind_the_last_event(keyed: RunningServer, transport: str) -> None:
    """Resumed behind the last event of a collection that is over, a stream ends at once."""
    collection = open_collection(keyed)
    cancel(keyed, collection["id"])
    last = cursors_of(keyed, collection["id"])[-1]
    with following(keyed, transport, WATCH, {"id": collection["id"], "after": last}) as stream:
        assert rest_of(stream) == []


@both
def test_resuming_before_the_last_event(keyed: RunningServer, transport: str) -> None:
    """Resumed before the end of a collection that is over, a stream gives the rest and ends."""
    collection = open_collection(keyed)
    open_session(keyed, collection["id"])
    cancel(keyed, collection["id"])
    first = cursors_of(keyed, collection["id"])[0]
    with following(keyed, transport, WATCH, {"id": collection["id"], "after": first}) as stream:
        assert rest_of(stream) == types_of(keyed, collection["id"])[1:]


@both
def test_a_paid_collection_keeps_its_stream(keyed: RunningServer, transport: str) -> None:
    """A collection that is paid in full is not over: refunds may follow."""
    payment = pay(keyed, token="auto_capture")
    id = payment["paymentCollection"]["id"]
    with following(keyed, transport, WATCH, {"id": id}) as stream:
        assert stream.next()["paymentCollection"]["status"] == "COMPLETED"
        with pytest.raises(TimeoutError):
            stream.next(0.5)


@both
@pytest.mark.parametrize(
    ("result", "last"), [("fail", ["SESSION_CANCELED"]), ("approve", ["PAYMENT_CANCELED"])]
)
def test_a_pending_authorization_keeps_the_stream(
    keyed: RunningServer, transport: str, result: str, last: list[str]
) -> None:
    """Canceled with an authorization in flight, the stream stays open until its outcome is through."""
    collection = open_collection(keyed)
    session = open_session(keyed, collection["id"], "pending")
    assert authorize(keyed, session["id"])["__typename"] == "RequiresMoreAction"
    with following(keyed, transport, WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        cancel(keyed, collection["id"])
        assert stream.next()["event"]["type"] == "COLLECTION_CANCELED"
        with pytest.raises(TimeoutError):
            stream.next(0.5)
        settle(keyed, session["id"], result)
        rest = rest_of(stream)
    types = types_of(keyed, collection["id"])
    assert rest == types[types.index("COLLECTION_CANCELED") + 1 :]
    assert rest[-1:] == last


@both
def test_a_pending_cancellation_keeps_the_stream(keyed: RunningServer, transport: str) -> None:
    """Canceled with a payment that the gateway has not given back yet, the stream stays open until it has."""
    payment = pay(keyed, token="approve,cancel=pending")
    id, session_id = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    with following(keyed, transport, WATCH, {"id": id}) as stream:
        stream.next()
        cancel(keyed, id)
        before = [stream.next()["event"]["type"] for _ in types_of(keyed, id)[4:]]
        assert "COLLECTION_CANCELED" in before
        with pytest.raises(TimeoutError):
            stream.next(0.5)
        settle(keyed, session_id, "approve", "cancel")
        assert rest_of(stream) == ["PAYMENT_CANCELED"]


# ── The server's end ───────────────────────────────────────────────────────────


@both
def test_sigterm_ends_streams_with_resume(
    make_server: Callable[..., RunningServer], transport: str
) -> None:
    """Told to stop, a server ends its streams with RESUME and the last cursor, and is gone in time."""
    server = make_server().start()
    collection = open_collection(server)
    watched = {"id": collection["id"]}
    with (
        following(server, transport, WATCH, watched) as watching,
        following(server, transport, FOLLOW, {}) as everything,
    ):
        watching.next()
        with pytest.raises(TimeoutError):
            everything.next(0.3)
        touch(server, collection["id"], "before")
        cursor = watching.next()["cursor"]
        assert everything.next()["cursor"] == cursor
        began_at = time.monotonic()
        server.stop()
        assert time.monotonic() - began_at < EXIT_SECONDS
        for stream in (watching, everything):
            with pytest.raises(Ended) as ended:
                stream.next()
            (error,) = ended.value.errors
            assert (error["extensions"]["code"], error["extensions"]["cursor"]) == (
                "RESUME",
                cursor,
            )
    server.start()
    touch(server, collection["id"], "after")
    with following(server, transport, WATCH, {**watched, "after": cursor}) as watching:
        assert watching.next()["cursor"] == cursors_of(server, collection["id"])[-1]


def test_sigterm_exits_with_0(make_server: Callable[..., RunningServer]) -> None:
    """A server with open streams that is told to stop exits with 0."""
    server = make_server().start()
    collection = open_collection(server)
    with following(server, "event stream", WATCH, {"id": collection["id"]}) as stream:
        stream.next()
        assert server.stop() == 0


def test_sigterm_closes_sockets_with_1012(make_server: Callable[..., RunningServer]) -> None:
    """Told to stop, a server closes its sockets with 1012, behind the word to resume."""
    server = make_server().start()
    collection = open_collection(server)
    with opened(server) as socket:
        subscribe(socket, "1", WATCH, {"id": collection["id"]})
        assert receive(socket)["type"] == "next"
        server.stop()
        assert receive(socket)["type"] == "error"
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_a_stream_that_had_nothing_yet_resumes(make_server: Callable[..., RunningServer]) -> None:
    """A stream of the whole log that had no event yet ends with RESUME, too, and a cursor that misses nothing."""
    server = make_server().start()
    collection = open_collection(server)
    with following(server, "websocket", FOLLOW, {}) as stream:
        with pytest.raises(TimeoutError):
            stream.next(0.3)
        server.stop()
        with pytest.raises(Ended) as ended:
            stream.next()
    (error,) = ended.value.errors
    assert error["extensions"]["code"] == "RESUME"
    server.start()
    touch(server, collection["id"], "meanwhile")
    after = error["extensions"]["cursor"]
    with following(server, "websocket", FOLLOW, {"after": after}) as stream:
        assert stream.next()["type"] == "COLLECTION_UPDATED"
