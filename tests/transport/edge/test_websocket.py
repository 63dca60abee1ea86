"""graphql-transport-ws: what a client can do, and row 40 of the bad inputs."""

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from edge import limits
from tests.support.waiting import until
from tests.transport.edge.conftest import KEY, ORIGIN, Client, EdgeServer, Json, Opened
from tests.transport.edge.subject import LEAK, WAIT_SECONDS, Probe


def close_code(connection: ClientConnection) -> int:
    """Wait for the server to close; give its code."""
    with suppress(ConnectionClosed):
        for _ in range(100):
            connection.recv(WAIT_SECONDS)
    assert connection.close_code is not None
    return connection.close_code


def errors_of(message: Json, id: str) -> list[Json]:
    """Check that a message ends an operation with errors; give them."""
    assert message.keys() == {"id", "type", "payload"}
    assert (message["id"], message["type"]) == (id, "error")
    payload: list[Json] = message["payload"]
    assert payload
    for error in payload:
        assert error["extensions"]["requestId"]
    return payload


def test_a_subscription(opened: Opened) -> None:
    """Items come one by one, then complete."""
    with opened() as client:
        client.subscribe("a", "subscription { count(to: 2) { number } }")
        assert [client.receive() for _ in range(3)] == [
            {"id": "a", "type": "next", "payload": {"data": {"count": {"number": 1}}}},
            {"id": "a", "type": "next", "payload": {"data": {"count": {"number": 2}}}},
            {"id": "a", "type": "complete"},
        ]


def test_a_query(opened: Opened) -> None:
    """A query is one item, then complete; its variables and its name are read."""
    with opened() as client:
        query = "query A { broken } query B($n: String!) { hello(name: $n) }"
        client.subscribe("a", query, operationName="B", variables={"n": "b"}, extensions={})
        assert client.receive() == {
            "id": "a",
            "type": "next",
            "payload": {"data": {"hello": "Hello b"}},
        }
        assert client.receive() == {"id": "a", "type": "complete"}


def test_a_mutation_is_refused_by_its_type(opened: Opened, probe: Probe) -> None:
    """S3: a socket that closes would cancel it, so it never begins."""
    with opened() as client:
        client.subscribe("a", "mutation { act }")
        [error] = errors_of(client.receive(), "a")
        assert error["extensions"]["code"] == "METHOD_NOT_ALLOWED"
        client.subscribe("b", "query A { hello } mutation B { act }", operationName="B")
        [error] = errors_of(client.receive(), "b")
        assert error["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert "acted" not in probe.counts


def test_numbers_keep_their_text(opened: Opened) -> None:
    """The decoder is the same as over HTTP."""
    with opened() as client:
        client.socket.send(
            '{"id":"a","type":"subscribe","payload":{"query":"query ($v: Exact!) { exact(value: $v) }",'
            '"variables":{"v":12.10}}}'
        )
        assert client.receive()["payload"] == {"data": {"exact": "Number:12.10"}}


def test_lone_surrogates_go_out_as_text(opened: Opened) -> None:
    """Text that UTF-8 can't hold is escaped; ids included."""
    with opened() as client:
        client.socket.send(
            '{"id":"\\ud800","type":"subscribe","payload":{"query":'
            '"query ($n: String!) { hello(name: $n) }","variables":{"n":"\\ud800"}}}'
        )
        message = json.loads(client.socket.recv())
        assert message["id"] == "\ud800"
        assert message["payload"] == {"data": {"hello": "Hello \ud800"}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...F }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILED"),
        ("query ($n: Int!) { page(first: $n) }", "BAD_USER_INPUT"),
        ("subscription { missing { number } }", "NOT_FOUND"),
    ],
)
def test_a_refused_operation_leaves_the_socket(opened: Opened, query: str, code: str) -> None:
    """An error in one operation is answered with an error message, and the socket goes on."""
    with opened() as client:
        client.subscribe("a", query)
        assert errors_of(client.receive(), "a")[0]["extensions"]["code"] == code
        client.subscribe("a", "{ hello }")
        assert client.receive()["type"] == "next"


@pytest.mark.parametrize(
    ("field", "code", "cursor"), [("behind", "RESUME", "c1"), ("breaks", "INTERNAL", None)]
)
def test_a_source_that_fails_ends_its_stream_alone(
    opened: Opened, field: str, code: str, cursor: str | None
) -> None:
    """The stream ends with an error, masked where it is not ours; the socket stays."""
    with opened() as client:
        client.subscribe("a", f"subscription {{ {field} {{ number }} }}")
        assert client.receive()["type"] == "next"
        [error] = errors_of(client.receive(), "a")
        assert error["extensions"]["code"] == code
        assert error["extensions"].get("cursor") == cursor
        assert LEAK not in str(error)
        client.subscribe("a", "{ hello }")
        assert client.receive()["type"] == "next"


@pytest.mark.parametrize(
    "query", ["subscription { rotated { number } }", "subscription { count(to: 2) { denied } }"]
)
def test_a_credential_that_is_withdrawn_closes_the_socket(opened: Opened, query: str) -> None:
    """A source or an item that says so closes with 4403, before anything further is sent."""
    with opened() as client:
        client.subscribe("a", query)
        assert close_code(client.socket) == 4403


def test_a_credential_that_ends_closes_the_socket(
    opened: Opened, probe: Probe, end_credentials: Callable[[], None]
) -> None:
    """At its time the socket closes with 4403, and what runs over it ends."""
    with opened("Bearer ending") as client:
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["type"] == "next"
        end_credentials()
        assert close_code(client.socket) == 4403
    probe.wait("open", 0)


def test_the_credential_may_come_in_the_header(edge: EdgeServer) -> None:
    """Without one in connection_init the header's counts; the one in connection_init goes before."""
    with edge.connect(additional_headers=KEY) as connection:
        client = Client(connection)
        client.send({"type": "connection_init"})
        assert client.receive() == {"type": "connection_ack"}
    with edge.connect(additional_headers=KEY) as connection:
        client = Client(connection)
        client.send({"type": "connection_init", "payload": {"authorization": "Bearer browser"}})
        client.receive()
        client.subscribe("a", "{ whoami }")
        assert client.receive()["payload"] == {"data": {"whoami": "pay_col_1"}}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, 4403),
        ({"authorization": None}, 4403),
        ({"authorization": "Bearer nobody"}, 4403),
        ({"authorization": "Bearer \ud800"}, 4403),
        ({"authorization": "Bearer busy"}, 1013),
        ({"authorization": "Bearer broken"}, 1011),
        ({"authorization": 5}, 4400),
        ({"Authorization": 5}, 4400),
        ({"authorization": "Bearer sk_test", "Authorization": "Bearer browser"}, 4400),
        ({"authorization": ["Bearer sk_test"]}, 4400),
    ],
)
def test_a_refused_credential(edge: EdgeServer, payload: Json, code: int) -> None:
    """An unknown credential is 4403, a malformed one 4400."""
    with edge.connect() as connection:
        connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert close_code(connection) == code


def test_ping_and_pong(edge: EdgeServer, opened: Opened) -> None:
    """A ping is answered, with its payload, before and after connection_init; a pong is not."""
    with edge.connect() as connection:
        client = Client(connection)
        client.send({"type": "ping"})
        assert client.receive() == {"type": "pong"}
    with opened() as client:
        client.send({"type": "pong"})
        client.send({"type": "pong", "payload": {"a": 1}})
        client.send({"type": "ping", "payload": {"a": [1]}})
        assert client.receive() == {"type": "pong", "payload": {"a": [1]}}


def test_a_heartbeat(opened: Opened, limit: Callable[[str, float], None]) -> None:
    """A silent socket is pinged."""
    limit("HEARTBEAT_SECONDS", 0.02)
    with opened() as client:
        assert client.receive() == {"type": "ping"}
        client.send({"type": "pong"})
        assert client.receive() == {"type": "ping"}


MALFORMED = [
    "",
    "{",
    "[]",
    "5",
    "null",
    '"x"',
    "true",
    "[" * 50_000,
    '{"a":' * 10_000,
    '{"type":"ping","payload":{"a":' + "9" * 5_000 + "}}",
    '{"type":"ping","payload":{"a":NaN}}',
    "{}",
    '{"type":5}',
    '{"type":null}',
    '{"type":["ping"]}',
    '{"type":"nope"}',
    '{"type":"connection_ack"}',
    '{"type":"start","id":"1","payload":{"query":"{ hello }"}}',
    '{"type":"ping","payload":null}',
    '{"type":"ping","payload":[]}',
    '{"type":"pong","payload":5}',
    '{"type":"complete"}',
    '{"type":"complete","id":5}',
    '{"type":"complete","id":null}',
    '{"type":"subscribe","payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":"","payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":5,"payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":["1"],"payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":"' + "1" * 256 + '","payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":"1"}',
    '{"type":"subscribe","id":"1","payload":null}',
    '{"type":"subscribe","id":"1","payload":[]}',
    '{"type":"subscribe","id":"1","payload":"{ hello }"}',
]


@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: message[:60])
def test_a_malformed_message_is_4400(opened: Opened, probe: Probe, message: str) -> None:
    """A message that the protocol does not have closes the socket with 4400, and nothing runs."""
    with opened() as client:
        client.socket.send(message)
        assert close_code(client.socket) == 4400
    assert probe.counts == {}


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "query has to be a string."),
        ({"query": 5}, "query has to be a string."),
        ({"query": None}, "query has to be a string."),
        ({"query": "{ hello }", "variables": []}, "variables has to be an object."),
        ({"query": "{ hello }", "operationName": 5}, "operationName has to be a string."),
        ({"query": "{ hello }", "extensions": 5}, "extensions has to be an object."),
    ],
)
def test_what_is_no_request_ends_its_own_operation(
    opened: Opened, probe: Probe, payload: Json, said: str
) -> None:
    """The sentence that HTTP answers with is an error of that operation; what else runs over the socket goes on."""
    with opened() as client:
        client.subscribe("stream", "subscription { count(to: 2) { number } }")
        client.send({"type": "subscribe", "id": "bad", "payload": payload})
        received = [client.receive() for _ in range(4)]
        (ended,) = [message for message in received if message["id"] == "bad"]
        (error,) = errors_of(ended, "bad")
        assert (error["extensions"]["code"], error["message"]) == ("BAD_REQUEST", said)
        others = [message for message in received if message["id"] == "stream"]
        assert [message["type"] for message in others] == ["next", "next", "complete"]
        # Its id is free again.
        client.subscribe("bad", "{ hello }")
        assert client.receive()["payload"] == {"data": {"hello": "Hello you"}}


def test_a_byte_order_mark_before_a_message_is_skipped(opened: Opened) -> None:
    """As before a body."""
    with opened() as client:
        client.socket.send('\ufeff{"type":"ping"}')
        assert client.receive() == {"type": "pong"}


def test_an_empty_operation_name_counts_as_left_out(opened: Opened) -> None:
    """As over HTTP: forms and some clients can't leave it out."""
    with opened() as client:
        client.subscribe("a", "query A { hello }", operationName="")
        assert client.receive()["payload"] == {"data": {"hello": "Hello you"}}


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "authorization"])
def test_the_credential_s_name_in_any_case(edge: EdgeServer, name: str) -> None:
    """A header's name has no case, and clients write it into connectionParams as they write the header."""
    with edge.connect() as connection:
        client = Client(connection)
        client.send({"type": "connection_init", "payload": {name: "Bearer browser", "other": 5}})
        assert client.receive() == {"type": "connection_ack"}
        client.subscribe("a", "{ whoami }")
        assert client.receive()["payload"] == {"data": {"whoami": "pay_col_1"}}


def test_a_refused_credential_is_told_why(edge: EdgeServer) -> None:
    """The reason of the close says the sentence that HTTP answers with."""
    with edge.connect() as connection:
        connection.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert close_code(connection) == 4403
        assert connection.close_reason == "Forbidden: A secret key or a client secret is needed."


@pytest.mark.parametrize("payload", ["null", "[]", "5", '"x"'])
def test_a_malformed_init_is_4400(edge: EdgeServer, payload: str) -> None:
    """The payload of connection_init is an object or left out."""
    with edge.connect() as connection:
        connection.send(f'{{"type":"connection_init","payload":{payload}}}')
        assert close_code(connection) == 4400


def test_a_binary_frame_is_4400(opened: Opened) -> None:
    """Messages are text, whatever a binary frame holds."""
    with opened() as client:
        client.socket.send(b'{"type":"ping"}')
        assert close_code(client.socket) == 4400


def test_a_large_message_is_1009(opened: Opened) -> None:
    """A message over the limit is not read."""
    with opened() as client:
        client.socket.send(json.dumps({"type": "ping", "payload": {"a": "x" * 1_000_000}}))
        assert close_code(client.socket) == 1009


def test_a_large_message_is_1009_whatever_the_server_beneath_takes(
    opened: Opened, limit: Callable[[str, float], None]
) -> None:
    """The limit holds where uvicorn's own is larger."""
    limit("MESSAGE_BYTES", 100)
    with opened() as client:
        client.socket.send(json.dumps({"type": "ping", "payload": {"a": "x" * 100}}))
        assert close_code(client.socket) == 1009


def test_f39_no_init_is_4408(edge: EdgeServer, limit: Callable[[str, float], None]) -> None:
    """A socket without connection_init is closed after a while, pings or not."""
    limit("INIT_SECONDS", 0.05)
    with edge.connect() as connection:
        with suppress(ConnectionClosed):
            connection.send('{"type":"ping"}')
        assert close_code(connection) == 4408


def test_an_init_in_time_stays(edge: EdgeServer, limit: Callable[[str, float], None]) -> None:
    """The time for connection_init does not count afterwards."""
    for seconds in (0.05, 0.5, 5.0, WAIT_SECONDS):
        limit("INIT_SECONDS", seconds)
        limit("HEARTBEAT_SECONDS", 3 * seconds)
        with edge.connect(additional_headers=KEY) as connection:
            client = Client(connection)
            try:
                client.send({"type": "connection_init"})
                assert client.receive() == {"type": "connection_ack"}
            except ConnectionClosed:
                assert connection.close_code == 4408
                continue  # This machine does much else: it is given longer.
            assert client.receive() == {"type": "ping"}
            client.subscribe("a", "{ hello }")
            # A slow machine is pinged again before it comes to that.
            received = iter(client.receive, {"type": "ping"})
            assert next(received)["type"] == "next"
            return
    raise AssertionError("No connection_init came in time.")


def test_f39_a_second_init_is_4429(opened: Opened, edge: EdgeServer) -> None:
    """Once is enough, whether it was answered yet or not."""
    with opened() as client:
        client.send({"type": "connection_init"})
        assert close_code(client.socket) == 4429
    with edge.connect(additional_headers=KEY) as connection:
        connection.send('{"type":"connection_init"}')
        connection.send('{"type":"connection_init"}')
        assert close_code(connection) == 4429


def test_subscribe_before_the_ack_is_4401(edge: EdgeServer, probe: Probe) -> None:
    """Nothing runs for who has not shown a credential."""
    with edge.connect() as connection:
        Client(connection).subscribe("a", "{ hello }")
        assert close_code(connection) == 4401
    assert probe.counts == {}


@pytest.mark.parametrize("id", ["a", "é", "\ud800", "x" * 255])
def test_an_id_twice_is_4409(opened: Opened, probe: Probe, id: str) -> None:
    """Two operations at a time can't have one id, and everything of the socket ends."""
    with opened() as client:
        for _ in range(2):
            client.socket.send(
                json.dumps(
                    {
                        "id": id,
                        "type": "subscribe",
                        "payload": {"query": "subscription { follow { number } }"},
                    }
                )
            )
        assert close_code(client.socket) == 4409
    probe.wait("open", 0)


def test_an_id_again_after_its_end(opened: Opened, probe: Probe) -> None:
    """An id is free after complete, from either side, and after an error."""
    with opened() as client:
        for _ in range(3):
            client.subscribe("a", "{ hello }")
            assert client.receive()["type"] == "next"
            assert client.receive()["type"] == "complete"
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["type"] == "next"
        client.send({"id": "a", "type": "complete"})
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["type"] == "next"
        probe.wait("open", 1)


@pytest.mark.parametrize("offered", [None, "graphql-ws", "soap"])
def test_another_subprotocol_is_4406(edge: EdgeServer, offered: str | None) -> None:
    """Only graphql-transport-ws is spoken; the old subscriptions-transport-ws is not."""
    subprotocol = Subprotocol(offered) if offered else None
    code = None
    try:
        with edge.connect(subprotocol=subprotocol) as connection:
            assert connection.subprotocol is None
            code = close_code(connection)
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
    assert code == 4406


def test_the_subprotocol_is_chosen(opened: Opened) -> None:
    """The handshake says what is spoken."""
    with opened() as client:
        assert client.socket.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "https://shop.example.evil"]
)
def test_a_foreign_origin_is_403(edge: EdgeServer, origin: str) -> None:
    """A page of another origin gets no socket at all."""
    with (
        pytest.raises(InvalidStatus) as refused,
        edge.connect(additional_headers={"Origin": origin}),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_an_allowed_origin_and_none(edge: EdgeServer) -> None:
    """An allowed page may connect, and so may a program, which sends no Origin."""
    for headers in ({"Origin": ORIGIN}, {}):
        with edge.connect(additional_headers={**KEY, **headers}) as connection:
            connection.send('{"type":"connection_init"}')
            assert connection.recv(WAIT_SECONDS) == '{"type":"connection_ack"}'


def test_f39_too_many_subscriptions(opened: Opened, probe: Probe) -> None:
    """The 21st is refused with an error of its own; the others go on, and one that ends makes room."""
    with opened() as client:
        for number in range(limits.SUBSCRIPTIONS):
            client.subscribe(f"{number}", "subscription { follow { number } }")
            assert client.receive()["type"] == "next"
        for id in ("more", "and more"):
            client.subscribe(id, "subscription { follow { number } }")
            [error] = errors_of(client.receive(), id)
            assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert probe.counts["open"] == limits.SUBSCRIPTIONS
        client.send({"id": "7", "type": "complete"})
        client.subscribe("more", "subscription { follow { number } }")
        assert client.receive()["id"] == "more"
    probe.wait("open", 0)


def test_complete_closes_the_source_at_once(opened: Opened, probe: Probe) -> None:
    """A client that has enough ends its source, and an unknown id means nothing."""
    with opened() as client:
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["type"] == "next"
        probe.wait("open", 1)
        client.send({"id": "a", "type": "complete"})
        client.send({"id": "never", "type": "complete"})
        probe.wait("open", 0)
        client.send({"type": "ping"})
        assert client.receive() == {"type": "pong"}


def abort(connection: ClientConnection) -> None:
    """End a connection without a word, as a phone that loses its network does."""
    linger = b"\1\0\0\0\0\0\0\0"
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.socket.close()


@pytest.mark.parametrize("end", ["close", "abort", "leave"])
def test_a_socket_that_ends_leaves_nothing(
    edge: EdgeServer, opened: Opened, probe: Probe, end: str
) -> None:
    """However a client goes, its sources are closed and no task is left."""
    tasks = edge.task_count()
    for _ in range(3):
        with opened() as client:
            for number in range(5):
                client.subscribe(f"{number}", "subscription { follow { number } }")
                assert client.receive()["type"] == "next"
            probe.wait("open", 5)
            if end == "close":
                client.socket.close(4000)
            elif end == "abort":
                abort(client.socket)
        probe.wait("open", 0)
    probe.wait_for(lambda: edge.edge.open_streams == 0)
    until(lambda: edge.task_count() <= tasks)  # uvicorn's own task for a socket ends a turn later.


def test_a_server_that_stops_closes_its_sockets(
    make_edge: Callable[..., EdgeServer], probe: Probe, opened: Opened
) -> None:
    """A stop closes sockets with 1012, so that clients connect anew, and later ones too."""
    server = make_edge()
    with opened(server=server) as client:
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["type"] == "next"
        server.loop.call_soon_threadsafe(server.edge.stop)
        assert close_code(client.socket) == 1012
    probe.wait("open", 0)
    with server.connect() as connection:
        assert close_code(connection) == 1012


def test_operations_of_one_socket_do_not_wait_for_each_other(opened: Opened) -> None:
    """A stream that is open keeps no query waiting."""
    with opened() as client:
        client.subscribe("a", "subscription { follow { number } }")
        assert client.receive()["id"] == "a"
        client.subscribe("b", "{ later }")
        received: list[Any] = [client.receive(), client.receive()]
        assert [message["id"] for message in received] == ["b", "b"]
