"""A client that writes arbitrary bytes, and reads only when it is told to."""

import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.callers.sockets import WAIT_SECONDS

HELLO = b"GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\n\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\n"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
PING = b"\x89\xfd\0\0\0\0" + b"x" * 125
"""A WebSocket's ping, masked with zeros."""

SMALL_BUFFER_BYTES = 16 * 1024
STUCK_SECONDS = 0.3
"""Without room for another byte: the other side has stopped reading, or is about to close."""


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Connect, with small buffers in the kernel."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER_BYTES)
        connection.settimeout(WAIT_SECONDS)
        connection.connect(("127.0.0.1", port))
        yield connection


def received(connection: socket.socket, *, until: bytes | None = None) -> bytes:
    """Read until the other side closes, or the bytes end with a text."""
    answer = b""
    while part := _part(connection):
        answer += part
        if until is not None and answer.endswith(until):
            break
    return answer


def _part(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionResetError:
        return b""


def flood(connection: socket.socket, piece: bytes, most_bytes: int, *, reads: bool = False) -> int:
    """Write a piece repeatedly until no more is accepted; return how many bytes were.

    A client that reads stops where it was answered something, and waits for that.
    """
    sent = 0
    patience_seconds = WAIT_SECONDS if reads else STUCK_SECONDS
    connection.setblocking(False)
    wanted = selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0)
    with selectors.DefaultSelector() as selector:
        selector.register(connection, wanted)
        while sent < most_bytes:
            ready = [events for _, events in selector.select(patience_seconds)]
            if not ready or ready[0] & selectors.EVENT_READ:
                break
            try:
                sent += connection.send(piece)
            except OSError:
                break
    connection.settimeout(WAIT_SECONDS)
    return sent


def text(payload: bytes, *, head: int = 0x81) -> bytes:
    """Return a frame of text, masked with zeros."""
    if len(payload) < 126:
        return bytes([head, 0x80 | len(payload)]) + b"\0\0\0\0" + payload
    return bytes([head, 0xFE]) + struct.pack("!H", len(payload)) + b"\0\0\0\0" + payload
