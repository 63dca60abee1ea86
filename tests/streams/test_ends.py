"""When a stream ends: by itself with its collection, told to resume with its server, and never before."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import ConnectionClosed

from tests.streams.conftest import both
from tests.support.callers.log import FOLLOW, WATCH, cursors_of, touch, types_of
from tests.support.callers.sockets import receive
from tests.support.callers.streams import (
    TRANSPORTS,
    Ended,
    Stream,
    following,
    following_from_now_on,
    open_acknowledged,
    subscribe,
)
from tests.support.flow.looking import settle
from tests.support.flow.shop import authorize, open_collection, open_session, pay, refund
from tests.support.program.running import Json, RunningServer

pytestmark = pytest.mark.once


def cancel(server: RunningServer, collection_id: str) -> None:
    """Cancel a collection."""
    canceled = server.change("cancelPaymentCollection", {"id": collection_id})
    assert canceled["__typename"] == "PaymentCollection", canceled


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
    """Canceled with nothing in flight, the stream ends by itself after the log's last event."""
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
    """Resumed after the last event of a collection that is over, a stream ends at once."""
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
    """A collection that is paid in full is not over: a refund may follow, and is the next that comes."""
    payment = pay(keyed, token="auto_capture")
    id = payment["paymentCollection"]["id"]
    with following(keyed, transport, WATCH, {"id": id}) as stream:
        assert stream.next()["paymentCollection"]["status"] == "COMPLETED"
        refund(keyed, payment["id"])
        assert [stream.next()["event"]["type"] for _ in range(2)] == [
            "PAYMENT_REFUND_PENDING",
            "PAYMENT_REFUNDED",
        ]


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
        settle(keyed, session_id, "approve", "cancel")
        assert rest_of(stream) == ["PAYMENT_CANCELED"]


# ── The server's end ───────────────────────────────────────────────────────────

LONG_LAST_WORD = {"TILLGRAPH_TEST_WAIT_SCALE": "0.2"}
"""A second rather than a fifth of it: enough on a busy machine. The long form has what is shipped."""

HELD_UP = "timeout graceful shutdown exceeded"
"""Logged where connections were open until the time for requests under way was over."""


@dataclass
class Stopped:
    """The ends of the streams that a server had open when it was told to stop; it runs again."""

    server: RunningServer
    collection_id: str
    cursor: str
    """Of the last event before."""
    exit_code: int = 0
    endings: dict[str, Json] = field(default_factory=dict)
    """The extensions of each stream's one error, by its name."""
    socket_said: list[str] = field(default_factory=list)
    """The types of the messages after the end of a socket."""
    close_code: int = 0


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, is_long: bool) -> Iterator[Stopped]:
    """Stop a server that has streams of every kind open, and start it again."""
    folder = tmp_path_factory.mktemp("stopped")
    settings = {} if is_long else LONG_LAST_WORD
    server = RunningServer(folder, settings, is_test_build=True).start()
    collection_id = open_collection(server)["id"]
    with ExitStack() as stack:
        streams = {}
        for transport in TRANSPORTS:
            watching = following(server, transport, WATCH, {"id": collection_id})
            streams[f"watching, {transport}"] = stack.enter_context(watching)
            streams[f"watching, {transport}"].next()
            everything = following_from_now_on(server, transport)
            streams[f"everything, {transport}"] = stack.enter_context(everything)
        touch(server, collection_id, "before")
        found = Stopped(server, collection_id, cursors_of(server, collection_id)[-1])
        assert {stream.next()["cursor"] for stream in streams.values()} == {found.cursor}
        for transport in TRANSPORTS:
            nothing = following_from_now_on(server, transport)
            streams[f"nothing yet, {transport}"] = stack.enter_context(nothing)
        socket = stack.enter_context(open_acknowledged(server))
        subscribe(socket, "1", WATCH, {"id": collection_id})
        assert receive(socket)["type"] == "next"
        found.exit_code = server.stop()
        for name, stream in streams.items():
            with pytest.raises(Ended) as ended:
                stream.next()
            (found.endings[name],) = [error["extensions"] for error in ended.value.errors]
        found.socket_said.append(receive(socket)["type"])
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
        assert closed.value.rcvd is not None
        found.close_code = closed.value.rcvd.code
    server.start()
    touch(server, collection_id, "after")
    yield found
    server.close()


@both
@pytest.mark.parametrize("kind", ["watching", "everything", "nothing yet"])
def test_sigterm_ends_streams_with_resume(stopped: Stopped, kind: str, transport: str) -> None:
    """Told to stop, a server ends its streams with RESUME and the last cursor, where a stream had no event yet too."""
    ending = stopped.endings[f"{kind}, {transport}"]
    assert (ending["code"], ending["cursor"]) == ("RESUME", stopped.cursor)


@both
@pytest.mark.parametrize("query", [WATCH, FOLLOW], ids=["a collection", "everything"])
def test_a_stream_resumes_at_the_next_server(stopped: Stopped, query: str, transport: str) -> None:
    """Resumed with the cursor that came with RESUME, a stream misses nothing."""
    watched = {"id": stopped.collection_id} if query == WATCH else {}
    variables = {**watched, "after": stopped.cursor}
    with following(stopped.server, transport, query, variables) as stream:
        assert stream.next()["cursor"] == cursors_of(stopped.server, stopped.collection_id)[-1]


def test_sigterm_exits_with_0(stopped: Stopped) -> None:
    """A server with open streams that is told to stop exits with 0."""
    assert stopped.exit_code == 0


def test_sigterm_waits_for_no_stream(stopped: Stopped) -> None:
    """It ends its streams itself: none of them is open until its time for requests under way is over."""
    assert HELD_UP not in stopped.server.log_path.read_text()


def test_sigterm_closes_sockets_with_1012(stopped: Stopped) -> None:
    """Told to stop, a server closes its sockets with 1012, after the word to resume."""
    assert (stopped.socket_said, stopped.close_code) == (["error"], 1012)
