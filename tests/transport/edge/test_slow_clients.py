"""Clients that do not read: their streams end, nothing grows, and nobody else notices."""

import socket

import orjson

from tests.transport.edge.conftest import EdgeServer, Json, Limit, Opened
from tests.transport.edge.subject import WAIT_SECONDS, Probe

FILLING = 64_000
FLOOD = f"subscription {{ count(to: 100000, filling: {FILLING}) {{ number cursor filling }} }}"


def stall(edge: EdgeServer) -> socket.socket:
    """Ask for a flood by event stream, and read nothing of it."""
    body = orjson.dumps({"query": FLOOD})
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(WAIT_SECONDS)
    connection.connect(("127.0.0.1", edge.port))
    connection.sendall(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\n"
        b"Accept: text/event-stream\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    return connection


def test_a_stalled_event_stream_closes_its_source(
    edge: EdgeServer, probe: Probe, limit: Limit
) -> None:
    """The source is closed while its client reads nothing, after few items, and RESUME comes last."""
    limit("SLOW_SECONDS", 0.2)
    with stall(edge) as stalled:
        probe.wait_for(lambda: probe.counts.get("taken", 0) > 0)
        probe.wait("open", 0)
        taken = probe.counts["taken"]
        assert taken < 200
        received = b""
        while part := stalled.recv(1 << 20):
            received += part
            if received.endswith(b"0\r\n\r\n"):
                break
    assert received.count(b"event: next\n") == taken + 1
    assert b'"code":"RESUME"' in received
    assert f'"cursor":"c{taken}"'.encode() in received[-1000:]
    assert b"event: complete\ndata:\n\n" in received[-1000:]


def test_a_dead_event_stream_is_given_up(edge: EdgeServer, probe: Probe, limit: Limit) -> None:
    """A client that never reads again is not waited for."""
    limit("SLOW_SECONDS", 0.1)
    limit("STALLED_SECONDS", 0.1)
    with stall(edge):
        probe.wait_for(lambda: probe.counts.get("taken", 0) > 0)
        probe.wait("open", 0)
        probe.wait_for(lambda: edge.edge.open_streams == 0)


class Reading:
    """A WebSocket client that reads only when it is told to."""

    def __init__(self, server: EdgeServer) -> None:
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.connection.settimeout(WAIT_SECONDS)
        self.connection.connect(("127.0.0.1", server.port))
        self.connection.sendall(
            b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
            b"Authorization: Bearer sk_test\r\n\r\n"
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        self.buffer = self.buffer.partition(b"\r\n\r\n")[2]
        self.send({"type": "connection_init"})
        assert self.receive() == {"type": "connection_ack"}

    def send(self, message: Json) -> None:
        """Send a message, masked with zeros."""
        raw = orjson.dumps(message)
        head = (
            bytes([0x81, 0x80 | len(raw)])
            if len(raw) < 126
            else b"\x81\xfe%c%c" % divmod(len(raw), 256)
        )
        self.connection.sendall(head + b"\0\0\0\0" + raw)

    def receive(self) -> Json:
        """Read one message."""
        self._need(2)
        opcode, length, head = self.buffer[0], self.buffer[1], 2
        if length == 126:
            self._need(4)
            length, head = int.from_bytes(self.buffer[2:4]), 4
        elif length == 127:
            self._need(10)
            length, head = int.from_bytes(self.buffer[2:10]), 10
        self._need(head + length)
        raw, self.buffer = self.buffer[head : head + length], self.buffer[head + length :]
        if opcode != 0x81:
            return {"type": f"frame {opcode:x}", "payload": raw}
        message: Json = orjson.loads(raw)
        return message

    def _need(self, count: int) -> None:
        while len(self.buffer) < count:
            self._more()

    def _more(self) -> None:
        part = self.connection.recv(1 << 20)
        assert part, "closed"
        self.buffer += part


def test_a_stalled_socket_is_told_to_resume_and_stays(
    edge: EdgeServer, opened: Opened, probe: Probe, limit: Limit
) -> None:
    """The slow stream ends with its last cursor, its socket goes on, and others were never kept waiting."""
    limit("SLOW_SECONDS", 0.2)
    slow = Reading(edge)
    with slow.connection, opened() as other:
        slow.send({"id": "a", "type": "subscribe", "payload": {"query": FLOOD}})
        probe.wait_for(lambda: probe.counts.get("taken", 0) > 0)
        other.subscribe("b", "{ hello }")
        assert other.receive()["payload"] == {"data": {"hello": "Hello you"}}
        probe.wait("open", 0)
        taken = probe.counts["taken"]
        assert taken < 200
        messages = [slow.receive() for _ in range(taken + 1)]
        assert [message["type"] for message in messages] == ["next"] * taken + ["error"]
        extensions = messages[-1]["payload"][0]["extensions"]
        assert extensions["code"] == "RESUME"
        assert extensions["cursor"] == messages[-2]["payload"]["data"]["count"]["cursor"]
        slow.send({"id": "a", "type": "subscribe", "payload": {"query": "{ hello }"}})
        assert slow.receive()["payload"] == {"data": {"hello": "Hello you"}}


def test_a_dead_socket_is_given_up(edge: EdgeServer, probe: Probe, limit: Limit) -> None:
    """A client that never reads again loses its socket, and nothing of it stays."""
    limit("SLOW_SECONDS", 0.1)
    limit("STALLED_SECONDS", 0.1)
    limit("CLOSE_SECONDS", 0.1)
    slow = Reading(edge)
    with slow.connection:
        slow.send({"id": "a", "type": "subscribe", "payload": {"query": FLOOD}})
        probe.wait_for(lambda: probe.counts.get("taken", 0) > 0)
        probe.wait("open", 0)
        probe.wait_for(lambda: edge.edge.open_streams == 0)
