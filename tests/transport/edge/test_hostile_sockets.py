"""Sockets whose clients do what no client does: they are bounded before a credential is known, and after."""

import struct
from collections.abc import Callable

import pytest

from tests.support.callers.raw_connections import PING, UPGRADE, connected, flood, received, text
from tests.support.waiting import until
from tests.transport.edge import conftest
from tests.transport.edge.conftest import Client, EdgeServer, Limit, Opened
from tests.transport.edge.subject import Probe
from tests.transport.edge.test_slow_clients import stall

MEBIBYTE = 1024 * 1024


APPLICATION_PING = text(b'{"type":"ping"}')


@pytest.mark.parametrize("piece", [PING * 100, APPLICATION_PING * 100], ids=["frame", "message"])
def test_answers_unread_end_the_reading_of_a_socket(edge: EdgeServer, piece: bytes) -> None:
    """Of 64 MiB of pings, whose pongs nobody reads, a socket takes less than one."""
    with connected(edge.port) as connection:
        connection.sendall(UPGRADE)
        assert received(connection, until=b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        assert flood(connection, piece, 64 * MEBIBYTE) < MEBIBYTE


@pytest.mark.parametrize("piece", [b"", PING * 100], ids=["silent", "pings"])
def test_a_socket_without_init_is_aborted(edge: EdgeServer, limit: Limit, piece: bytes) -> None:
    """It ends after its time, whatever it sends and does not read, and leaves nothing."""
    limit("INIT_SECONDS", 0.2)
    limit("CLOSE_SECONDS", 0.1)
    before = edge.connections
    with connected(edge.port) as connection:
        connection.sendall(UPGRADE)
        received(connection, until=b"\r\n\r\n")
        if piece:
            flood(connection, piece, 64 * MEBIBYTE)
        until(lambda: edge.task_count() == edge.idle_task_count)
        until(lambda: edge.connections <= before)


def test_a_socket_that_pings_is_answered(opened: Opened) -> None:
    """A client that reads gets one pong for each ping, even if 2,000 pings come at once."""
    with opened() as client:
        for number in range(2_000):
            client.send({"type": "ping", "payload": {"number": number}})
        for number in range(2_000):
            assert client.receive() == {"type": "pong", "payload": {"number": number}}


def test_a_message_of_empty_parts_ends(edge: EdgeServer) -> None:
    """Parts without a byte are counted, since they add nothing to a message's size."""
    with connected(edge.port) as connection:
        connection.sendall(UPGRADE)
        assert received(connection, until=b"\r\n\r\n")
        connection.sendall(text(b"", head=0x01))
        flood(connection, text(b"", head=0x00) * 100, MEBIBYTE, reads=True)
        assert received(connection).startswith(b"\x88\x02" + struct.pack("!H", 1009))


def test_a_message_that_is_no_text_is_the_clients_fault(edge: EdgeServer, probe: Probe) -> None:
    """It closes the socket with 1007, and the log has no word on it."""
    with connected(edge.port) as connection:
        connection.sendall(UPGRADE)
        assert received(connection, until=b"\r\n\r\n")
        connection.sendall(text(b"\xff"))
        assert received(connection).startswith(b"\x88\x02" + struct.pack("!H", 1007))
    until(lambda: edge.task_count() == edge.idle_task_count)
    assert conftest.RECORDS == []


def test_a_client_secret_opens_so_many_sockets(
    edge: EdgeServer, opened: Opened, limit: Limit, probe: Probe
) -> None:
    """One more is refused with a log line, by event stream too; when one has ended there is room again."""
    limit("SOCKETS_PER_SECRET", 2)
    with opened("Bearer browser"):
        with opened("Bearer browser"):
            with edge.connect() as socket:
                client = Client(socket)
                client.send(
                    {"type": "connection_init", "payload": {"authorization": "Bearer browser"}}
                )
                assert client.closed() == (1013, "Too many connections")
            stream = edge.post(
                "subscription { follow { number } }",
                headers={"authorization": "Bearer browser", "accept": "text/event-stream"},
            )
            assert '"code":"LIMIT_EXCEEDED"' in stream.text
            with opened():
                pass
        until(lambda: edge.edge.open_streams == 1)
        with opened("Bearer browser"):
            pass
    told = {"event": "stream refused", "collection_id": "pay_col_1", "limit": 2}
    assert [record for record in conftest.RECORDS if record["event"] == "stream refused"] == [
        told
    ] * 2


def test_an_event_stream_that_is_never_read_is_aborted(
    make_edge: Callable[..., EdgeServer], limit: Limit, probe: Probe
) -> None:
    """Its connection goes with it, rather than stay until its client reads the rest."""
    limit("UNSENT_SECONDS", 0.5)
    server = make_edge()
    with stall(server):
        probe.wait_for(lambda: probe.counts.get("taken", 0) > 0)
        probe.wait("open", 0)
        until(lambda: not server.connections)
