"""How long a connection may take, and how many there are."""

import time
from collections.abc import Callable
from ipaddress import ip_network

import orjson
import pytest

from edge.rate_limits.client_addresses import ClientAddresses
from edge.transport.connection_limits import Places
from edge.transport.uvicorn_config import carried_by
from tests.support.callers.raw_connections import (
    HELLO,
    POST,
    UPGRADE,
    connected,
    flood,
    received,
    text,
)
from tests.support.waiting import until
from tests.transport.edge import conftest
from tests.transport.edge.conftest import EdgeServer, Json, Limit
from tests.transport.edge.subject import Probe

ANSWER = b'{"data":{"hello":"Hello you"}}'
SLOW = orjson.dumps({"query": "mutation { actSlowly }"})
ACT_SLOWLY = POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(SLOW),
    SLOW,
)

INIT = text(
    orjson.dumps({"type": "connection_init", "payload": {"authorization": "Bearer sk_test"}})
)

Make = Callable[..., EdgeServer]


def places(
    *, in_all: int = 100, per_address: int | None = None, proxy: str = "192.0.2.1"
) -> Places:
    """Make places for connections, of which none comes from the proxy unless that is said."""
    proxies = (ip_network(proxy),)
    return Places(ClientAddresses(proxies), in_all=in_all, per_address=per_address)


def drip(port: int, begin: bytes) -> bytes:
    """Send the beginning of something, and then byte after byte; return what was answered to it."""
    with connected(port) as connection:
        connection.sendall(begin)
        while flood(connection, b"x", 1, reads=True):
            pass
        return received(connection)


def test_a_head_that_drips_in_is_given_up(edge: EdgeServer, limit: Limit) -> None:
    """The time for a head begins with its connection and ends with its last byte, however many come meanwhile."""
    limit("HEAD_SECONDS", 0.2)
    assert drip(edge.port, b"GET / HTTP/1.1\r\nA: ").startswith(b"HTTP/1.1 408 ")


def test_a_later_head_that_drips_in_is_given_up(edge: EdgeServer, limit: Limit) -> None:
    """A request that was answered before gives no more time to the next one."""
    limit("HEAD_SECONDS", 0.2)
    with connected(edge.port) as connection:
        connection.sendall(HELLO)
        assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET / HTTP/1.1\r\nA: ")
        assert received(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_nobody_waits_for_is_given_up(edge: EdgeServer, limit: Limit) -> None:
    """If the rest of a request that was refused already drips in, the connection is closed without a second answer."""
    limit("REQUEST_SECONDS", 0.2)
    answer = drip(edge.port, b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"408" not in answer


def test_a_silent_connection_is_closed(edge: EdgeServer, limit: Limit) -> None:
    """A connection that sends nothing is closed without an answer."""
    limit("HEAD_SECONDS", 0.1)
    with connected(edge.port) as connection:
        assert received(connection) == b""


def test_an_idle_connection_is_kept_as_long_as_is_set(make_edge: Make) -> None:
    """After an answer, a connection stays open for its next request, and is closed after that time."""
    server = make_edge(keep_alive_seconds=1)
    with connected(server.port) as connection:
        asked_at = time.monotonic()
        connection.sendall(HELLO)
        assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")
        assert received(connection) == b""
        assert time.monotonic() - asked_at > 0.9


@pytest.mark.long
def test_an_idle_connection_is_kept_as_shipped(edge: EdgeServer) -> None:
    """A pool's connection that was idle for a minute carries a request."""
    with connected(edge.port) as connection:
        connection.sendall(HELLO)
        assert received(connection, until=ANSWER)
        connection.settimeout(60)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(HELLO)
        assert received(connection, until=ANSWER).startswith(b"HTTP/1.1 200 ")


BOUNDS = pytest.mark.parametrize(
    ("bound", "told"),
    [
        ({"in_all": 2}, {"bound": "process", "address": None, "limit": 2}),
        ({"per_address": 2}, {"bound": "address", "address": "127.0.0.1", "limit": 2}),
    ],
    ids=["all", "address"],
)


def logged(event: str) -> list[Json]:
    """Return the lines of the log that tell of an event."""
    return [record for record in conftest.RECORDS if record["event"] == event]


@BOUNDS
def test_a_connection_without_a_request_gives_way(make_edge: Make, bound: Json, told: Json) -> None:
    """If every place is taken, the oldest idle connection is closed, the new one is answered, and the log says so."""
    server = make_edge(places=places(**bound))
    with connected(server.port) as first, connected(server.port) as second:
        for idle in (first, second):
            idle.sendall(HELLO)
            assert received(idle, until=ANSWER)
        with connected(server.port) as third:
            third.sendall(HELLO)
            assert received(third, until=ANSWER).startswith(b"HTTP/1.1 200 ")
            assert received(first) == b""
            second.sendall(HELLO)
            assert received(second, until=ANSWER).startswith(b"HTTP/1.1 200 ")
    assert logged("connections gave way") == [{"event": "connections gave way", **told, "count": 1}]
    assert logged("connections refused") == []


@BOUNDS
def test_no_request_that_is_served_gives_way(
    make_edge: Make, probe: Probe, bound: Json, told: Json
) -> None:
    """If every connection is at work, another is refused, and the log names the exceeded limit, once."""
    server = make_edge(places=places(**bound))
    with connected(server.port) as busy, connected(server.port) as socket:
        busy.sendall(ACT_SLOWLY)
        socket.sendall(UPGRADE)
        assert received(socket, until=b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        socket.sendall(INIT)
        assert b"connection_ack" in received(socket, until=b"}")
        probe.wait("began", 1)
        for _ in range(2):
            with connected(server.port) as other:
                assert received(other).startswith(b"HTTP/1.1 503 ")
        probe.gate.set()
        assert b"actSlowly" in received(busy, until=b'"done"}}')
    assert logged("connections refused") == [{"event": "connections refused", **told, "count": 1}]


def test_a_body_that_is_awaited_gives_way(make_edge: Make) -> None:
    """A head alone holds no place, whether it was answered already or not."""
    server = make_edge(places=places(in_all=1))
    for refused in (b"nobody", b"sk_test"):
        with connected(server.port) as first, connected(server.port) as second:
            first.sendall(ACT_SLOWLY[:-1].replace(b"sk_test", refused))
            second.sendall(HELLO)
            assert received(second, until=ANSWER).startswith(b"HTTP/1.1 200 ")


def test_a_socket_without_a_credential_gives_way(make_edge: Make) -> None:
    """A socket holds its place from connection_init on."""
    server = make_edge(places=places(in_all=1))
    with connected(server.port) as first:
        first.sendall(UPGRADE)
        assert received(first, until=b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        with connected(server.port) as second:
            second.sendall(HELLO)
            assert received(second, until=ANSWER).startswith(b"HTTP/1.1 200 ")
            assert received(first) == b""


def test_connections_of_a_named_proxy_are_many_clients(make_edge: Make, probe: Probe) -> None:
    """The bound for one address does not hold for it."""
    server = make_edge(places=places(per_address=1, proxy="127.0.0.1"))
    with connected(server.port) as busy, connected(server.port) as other:
        busy.sendall(ACT_SLOWLY)
        probe.wait("began", 1)
        other.sendall(HELLO)
        assert received(other, until=ANSWER).startswith(b"HTTP/1.1 200 ")
        probe.gate.set()
        assert b"actSlowly" in received(busy, until=b'"done"}}')


def test_a_place_is_given_back(make_edge: Make) -> None:
    """A connection or a socket that has ended takes no place any more."""
    server = make_edge(places=places(in_all=1))
    for request, end in ((HELLO, ANSWER), (UPGRADE, b"\r\n\r\n"), (HELLO, ANSWER)):
        with connected(server.port) as connection:
            connection.sendall(request)
            assert received(connection, until=end)
        until(lambda: not server.connections)


def test_descriptors_are_kept_for_the_rest() -> None:
    """With 256 descriptors, 192 are connections."""
    assert carried_by(256) == 192
    assert carried_by(10) == 1
