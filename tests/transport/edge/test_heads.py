"""Limits before a credential is known: on heads, trailers, offers, and what waits on a connection."""

import subprocess

import orjson
import pytest

from edge import limits
from tests.support.callers.raw_connections import HELLO, POST, UPGRADE, connected, flood, received
from tests.transport.edge.conftest import EdgeServer
from tests.transport.edge.subject import Probe

MEBIBYTE = 1024 * 1024
BODY = orjson.dumps({"query": "{ hello }"})
ANSWER = b'{"data":{"hello":"Hello you"}}'
CHUNKED = POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize(
    ("begin", "piece", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"A: b\r\n" * 1_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"x" * 65_536, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"x" * 65_536, 431),
        (b"GET /", b"x" * 65_536, 414),
        (b"", b"\r\n" * 30_000, 414),
        (CHUNKED + CHUNK + b"0\r\n", b"A: b\r\n" * 1_000, 431),
        (CHUNKED + CHUNK + b"0\r\nA: ", b"x" * 65_536, 431),
        (CHUNKED + b"5;", b"x" * 65_536, 431),
    ],
    ids=["fields", "value", "name", "url", "lines", "trailers", "trailer", "chunk extension"],
)
def test_a_head_without_end_is_refused(
    edge: EdgeServer, begin: bytes, piece: bytes, status: int
) -> None:
    """Of 64 MiB a connection takes less than one, and answers that it is too much."""
    with connected(edge.port) as connection:
        connection.sendall(begin)
        assert flood(connection, piece, 64 * MEBIBYTE, reads=True) < MEBIBYTE
        assert received(connection).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"A: b\r\n" * (limits.HEAD_FIELDS - 2), 200),
        (b"A: b\r\n" * (limits.HEAD_FIELDS - 1), 431),
        (b"A: %s\r\n" % (b"x" * (limits.HEAD_BYTES - 256)), 200),
        (b"A: %s\r\n" % (b"x" * limits.HEAD_BYTES), 431),
    ],
    ids=["many", "too many", "long", "too long"],
)
def test_a_head_has_its_size(edge: EdgeServer, fields: bytes, status: int) -> None:
    """100 fields and 32 KiB are a head; one field more, or more bytes, are not."""
    with connected(edge.port) as connection:
        connection.sendall(HELLO[:-2] + fields + b"\r\n")
        until = ANSWER if status == 200 else None
        assert received(connection, until=until).startswith(b"HTTP/1.1 %d " % status)


def test_trailers_are_thrown_away(edge: EdgeServer, probe: Probe) -> None:
    """A field after the body is not a header of the request: a proxy has not seen it."""
    with connected(edge.port) as connection:
        connection.sendall(CHUNKED + CHUNK + b"0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        assert received(connection, until=ANSWER).endswith(ANSWER)
        headers = probe.contexts[-1].scope.connection.headers
        assert "authorization" in headers
        assert "x-forwarded-for" not in headers


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nHost: a\r\n"])
def test_a_request_names_one_host(edge: EdgeServer, probe: Probe, hosts: bytes) -> None:
    """Two may be read differently by a proxy and by this server."""
    answer = edge.raw(HELLO.replace(b"Host: localhost\r\n", hosts))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert probe.counts == {}


def test_a_tunnel_is_refused(edge: EdgeServer) -> None:
    """CONNECT is 405: only a proxy opens tunnels."""
    assert edge.raw(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("cut", [0, 40, -len(BODY) - 2, -len(BODY), -3])
def test_an_offer_of_another_protocol_is_ignored(edge: EdgeServer, cut: int) -> None:
    """With `Upgrade: h2c`, as curl and Java's client send it, a request and the one after it are answered."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    request = POST + offer + length + BODY
    with connected(edge.port) as connection:
        for _ in range(2):
            connection.sendall(request[:cut])
            connection.sendall(request[cut:])
            assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")
        connection.sendall(HELLO)
        assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_a_socket_does_not_begin_with_a_body(edge: EdgeServer, probe: Probe, method: bytes) -> None:
    """The offer of one is ignored, as any other is, and the request is answered: the socket's library would not."""
    fields = UPGRADE.partition(b"\r\n")[2][:-2] + b"Authorization: Bearer sk_test\r\n"
    fields += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    with connected(edge.port) as connection:
        connection.sendall(method + b" /graphql?query=%7Bhello%7D HTTP/1.1\r\n" + fields + BODY)
        assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")
    assert probe.counts["hello"] == 1


@pytest.mark.long
def test_curl_offers_http_2(edge: EdgeServer) -> None:
    """`curl --http2` offers h2c with its POST, and is answered."""
    url = f"http://127.0.0.1:{edge.port}/graphql"
    headers = ["-H", "content-type: application/json", "-H", "authorization: Bearer sk_test"]
    command = ["curl", "--silent", "--verbose", "--http2", *headers, "--data", BODY.decode(), url]
    answer = subprocess.run(command, capture_output=True, check=True)
    assert b"Upgrade: h2c" in answer.stderr
    assert answer.stdout == ANSWER


def test_a_socket_with_a_long_head_is_refused(edge: EdgeServer) -> None:
    """The library for sockets takes lines of 8 KiB; its refusal reaches the client."""
    with connected(edge.port) as connection:
        connection.sendall(UPGRADE[:-2] + b"Cookie: %s\r\n\r\n" % (b"x" * 10_000))
        assert received(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("step", [1, 7, 4_096])
def test_bytes_may_come_as_they_like(edge: EdgeServer, probe: Probe, step: int) -> None:
    """However requests are cut, each is answered once and in order."""
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    requests = (POST + length + BODY + CHUNKED + CHUNK + b"0\r\nA: b\r\n\r\n" + HELLO) * 2
    with connected(edge.port) as connection:
        for start in range(0, len(requests), step):
            connection.sendall(requests[start : start + step])
        answers = b""
        while answers.count(ANSWER) < 6:
            answers += connection.recv(65_536)
    assert probe.counts["hello"] == 6


def test_pipelined_requests_wait_their_turn(edge: EdgeServer, probe: Probe) -> None:
    """While one is being answered none of those after it is begun; then each is, in order."""
    mutation = orjson.dumps({"query": "mutation { actSlowly }"})
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(mutation)
    with connected(edge.port) as connection:
        connection.sendall(POST + length + mutation + HELLO * 100)
        probe.wait("began", 1)
        assert "hello" not in probe.counts
        assert edge.task_count() == edge.idle_task_count + 1
        probe.gate.set()
        answers = b""
        while answers.count(ANSWER) < 100:
            answers += connection.recv(65_536)
        assert answers.index(b"actSlowly") < answers.index(ANSWER)


@pytest.mark.parametrize(
    "request_", [HELLO, CHUNKED + CHUNK + b"0\r\n\r\n"], ids=["GET", "chunked"]
)
def test_answers_unread_end_the_reading(edge: EdgeServer, probe: Probe, request_: bytes) -> None:
    """A client that only asks is not read any further."""
    before = edge.connections
    with connected(edge.port) as connection:
        assert flood(connection, request_ * 100, 64 * MEBIBYTE) < MEBIBYTE
    probe.wait_for(lambda: edge.connections <= before)
