"""Subscribers over both transports, with the patience of all tests."""

import socket as sockets
import struct
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.callers.log import FOLLOW
from tests.support.callers.sockets import PROTOCOL, receive, send
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import PATIENCE_SECONDS, until

FAREWELL_SECONDS = 1.0
"""A reset connection has no closing handshake: nobody waits longer than this for it."""

TRANSPORTS = ("websocket", "event stream")

COLLECTION = "paymentCollectionUpdates"
EVERYTHING = "paymentEvents"
"""The subscriptions, as the server counts them."""


@dataclass(eq=False)
class Ended(Exception):
    """An error: a stream has ended: with errors, or by itself where there are none."""

    errors: tuple[Json, ...] = ()

    @property
    def code(self) -> str | None:
        """Return the one error's code."""
        return self.errors[0]["extensions"]["code"] if self.errors else None


class Stream(Protocol):
    """One subscription."""

    def next(self) -> Json:
        """Return the next item's value; raises Ended."""

    def drop(self) -> None:
        """Break the connection off without a farewell."""


@contextmanager
def following(
    server: RunningServer,
    transport: str,
    query: str,
    variables: Mapping[str, Json],
    *,
    bearer: str | None = None,
    receive_bytes: int | None = None,
) -> Iterator[Stream]:
    """Subscribe over a transport, optionally with a small receive buffer."""
    connection = connected(server, receive_bytes)
    noted = _noted(server, query)
    if transport == "websocket":
        with noted, open_acknowledged(server, bearer, connection) as socket:
            subscribe(socket, "1", query, variables)
            yield _SocketStream(socket)
    else:
        with noted, connection:
            stream = _EventStream(connection)
            stream.begin(server, query, variables, bearer)
            yield stream


@contextmanager
def following_from_now_on(
    server: RunningServer, transport: str, query: str = FOLLOW
) -> Iterator[Stream]:
    """Subscribe to the whole log without a cursor, and receive whatever happens from then on.

    Such a stream begins without an item to wait for: the server's count of open streams shows when it has
    begun. Streams that tests have left may still be counted at first.
    """
    known = _open[server.port]
    until(lambda: open_streams(server, EVERYTHING) == known)
    with following(server, transport, query, {}) as stream:
        until(lambda: open_streams(server, EVERYTHING) == known + 1)
        yield stream


_open: Counter[int] = Counter()
"""The tests' open streams of the whole log, by their server's port."""


@contextmanager
def _noted(server: RunningServer, query: str) -> Iterator[None]:
    """Count a stream of the whole log while a test has it open."""
    count = int(EVERYTHING in query)
    _open[server.port] += count
    try:
        yield
    finally:
        _open[server.port] -= count


def open_streams(server: RunningServer, subscription: str) -> int:
    """Return how many streams of a subscription are open at a server; -1 where its database is busy."""
    answer = server.client.get("/metrics")
    if answer.status_code == 503:
        return -1
    name = f'tillgraph_open_streams{{subscription="{subscription}"}} '
    (line,) = [line for line in answer.text.splitlines() if line.startswith(name)]
    return int(float(line.removeprefix(name)))


def connected(server: RunningServer, receive_bytes: int | None = None) -> sockets.socket:
    """Connect to a server."""
    connection = sockets.socket()
    if receive_bytes is not None:
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_bytes)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", server.port))
    return connection


# ── WebSocket ──────────────────────────────────────────────────────────────────


@contextmanager
def open_acknowledged(
    server: RunningServer, bearer: str | None = None, connection: sockets.socket | None = None
) -> Iterator[ClientConnection]:
    """Open a socket whose connection_init is acknowledged."""
    bearer = bearer or server.credential
    with connect(
        server.websocket_url,
        sock=connection or connected(server),
        subprotocols=[PROTOCOL],
        open_timeout=PATIENCE_SECONDS,
        close_timeout=FAREWELL_SECONDS,
        max_size=None,
        max_queue=1,
        ping_interval=None,  # A test that reads nothing for a while would close the socket itself.
        compression=None,  # Otherwise long items would be short ones on the wire.
        proxy=None,
    ) as socket:
        payload = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        send(socket, {"type": "connection_init", "payload": payload})
        assert receive(socket) == {"type": "connection_ack"}
        yield socket


def subscribe(socket: ClientConnection, id: str, query: str, variables: Mapping[str, Json]) -> None:
    """Start an operation on a socket."""
    payload = {"query": query, "variables": variables}
    send(socket, {"id": id, "type": "subscribe", "payload": payload})


class _SocketStream:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self) -> Json:
        message = receive(self._socket)
        if message["type"] == "next":
            return value_of(message["payload"])
        raise Ended(tuple(message.get("payload", ())))

    def drop(self) -> None:
        reset(self._socket.socket)


# ── Server-sent events ─────────────────────────────────────────────────────────


class _EventStream:
    def __init__(self, connection: sockets.socket) -> None:
        self._connection = connection
        self._received = b""
        self._body = b""

    def begin(
        self,
        server: RunningServer,
        query: str,
        variables: Mapping[str, Json],
        bearer: str | None,
    ) -> None:
        """Send the request and read the answer's head."""
        body = orjson.dumps({"query": query, "variables": variables})
        bearer = bearer or server.credential
        credential = "" if bearer is None else f"authorization: Bearer {bearer}\r\n"
        asked = (
            f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n{credential}"
            "accept: text/event-stream\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._connection.sendall(asked.encode() + body)
        head = self._until(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 401 "):
            raise Ended
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert b"\r\ncontent-type: text/event-stream" in head.lower(), head
        assert b"\r\ntransfer-encoding: chunked" in head.lower(), head

    def next(self) -> Json:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while (frame := self._frame()) == b":":
            assert time.monotonic() < ends_at, "nothing but heartbeats"
        name, data = (line.partition(b":")[2].strip() for line in frame.split(b"\n"))
        if name == b"complete":
            raise Ended
        payload = orjson.loads(data)
        if payload.get("data") is None and "errors" in payload:
            raise Ended(tuple(payload["errors"]))
        return value_of(payload)

    def drop(self) -> None:
        reset(self._connection)

    def _frame(self) -> bytes:
        while b"\n\n" not in self._body:
            self._read_chunk()
        frame, _, self._body = self._body.partition(b"\n\n")
        return frame

    def _read_chunk(self) -> None:
        size = int(self._until(b"\r\n"), 16)
        while len(self._received) < size + 2:
            self._read()
        self._body += self._received[:size]
        self._received = self._received[size + 2 :]
        if size == 0:
            raise Ended

    def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            self._read()
        found, _, self._received = self._received.partition(end)
        return found

    def _read(self) -> None:
        received = self._connection.recv(65_536)
        if not received:
            raise Ended
        self._received += received


# ── Both ───────────────────────────────────────────────────────────────────────


def value_of(payload: Json) -> Json:
    """Return the value of the one root field of an item."""
    assert "errors" not in payload, payload
    (value,) = payload["data"].values()
    return value


def reset(connection: sockets.socket) -> None:
    """Break a connection off with a reset and no farewell."""
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(sockets.SHUT_RD)
    connection.close()


def assert_refused(stream: Stream, transport: str) -> None:
    """Assert that a stream ends for want of a credential, before any further item."""
    if transport == "websocket":
        with pytest.raises(ConnectionClosed) as closed:
            stream.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    else:
        with pytest.raises(Ended) as ended:
            stream.next()
        assert ended.value.code == "UNAUTHENTICATED"
