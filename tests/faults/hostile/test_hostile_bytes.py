"""Each kind of hostile bytes for a minute: the server's memory stays, and others are answered at once."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.faults.hostile.attacks import attacked, hold
from tests.support.callers.raw_connections import HELLO, PING, UPGRADE, connected
from tests.support.program.running import RunningServer

pytestmark = [pytest.mark.sqlite, pytest.mark.long]

ATTACKERS = 8
STUCK_SECONDS = 0.5
CONNECTIONS = 100

TYPENAME = HELLO.replace(b"hello", b"__typename")
BODY = orjson.dumps({"query": "{ __typename }"})
CHUNKED = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BODY), BODY)
)
FOLLOW = orjson.dumps({"query": "subscription { paymentEvents { cursor } }"})
STREAM = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Accept: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" % (len(FOLLOW), FOLLOW)
)

ATTACKS = {
    "pings": (UPGRADE, PING * 500),
    "fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"A: b\r\n" * 10_000),
    "header": (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"x" * 65_536),
    "trailers": (CHUNKED + b"0\r\n", b"A: b\r\n" * 10_000),
    "pipelined": (b"", TYPENAME * 500),
    "pipelined behind a stream": (STREAM, TYPENAME * 500),
    "no HTTP": (b"", b"\xff\x00" * 30_000),
    "no text": (UPGRADE, b"\x81\x81\0\0\0\0\xff" * 1_000),
}


def attack(port: int, begin: bytes, piece: bytes, is_over: threading.Event) -> None:
    """Send the same again and again, over a new connection where one is closed, and read nothing."""
    while not is_over.is_set():
        try:
            with connected(port) as connection:
                connection.sendall(begin)
                connection.settimeout(STUCK_SECONDS)
                _send(connection, piece, is_over)
        except OSError:
            continue


def _send(connection: socket.socket, piece: bytes, is_over: threading.Event) -> None:
    while not is_over.is_set():
        try:
            connection.send(piece)
        except TimeoutError:
            continue  # The server reads no further: that is kept open.


def occupy(port: int, begin: bytes, is_over: threading.Event) -> None:
    """Hold three times as many connections open as there are places, and open others for those that are closed."""
    held: list[socket.socket] = []
    while not is_over.wait(0.01):
        connection = socket.create_connection(("127.0.0.1", port), 1.0)
        connection.sendall(begin)
        held.append(connection)
        if len(held) > 3 * CONNECTIONS:
            held.pop(0).close()
    for connection in held:
        connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server of one process."""
    server = RunningServer(tmp_path, {"TILLGRAPH_CONNECTIONS": str(CONNECTIONS)}).start()
    yield server
    server.close()


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_bytes_do_not_grow(server: RunningServer, beside: RunningServer, name: str) -> None:
    """Memory stays within 64 MiB of its start, and others are answered within half a second."""
    begin, piece = ATTACKS[name]

    def attacker(is_over: threading.Event) -> None:
        attack(server.port, begin, piece, is_over)

    with attacked(*[attacker] * ATTACKERS):
        hold(server, beside)


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nA: "], ids=["silent", "dripping"])
def test_connections_that_only_wait_keep_nobody_out(
    server: RunningServer, beside: RunningServer, begin: bytes
) -> None:
    """Three times as many as there are places, and everybody else is answered."""
    with attacked(lambda is_over: occupy(server.port, begin, is_over)):
        hold(server, beside)
