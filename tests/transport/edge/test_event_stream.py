"""Server-sent events: the distinct connections mode of graphql-sse."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson
import pytest

from tests.support.waiting import until
from tests.transport.edge.conftest import EdgeServer, Json
from tests.transport.edge.subject import LEAK, Probe

STREAM = {"accept": "text/event-stream"}
COMPLETE = b"event: complete\ndata:\n\n"
HEARTBEAT = [":", ""]


def stream(edge: EdgeServer, query: str, **request: Any) -> httpx2.Response:
    """Ask for a stream and read it to its end."""
    return edge.post(query, headers=STREAM, **request)


def frame(payload: Json) -> bytes:
    """Make the frame of a response."""
    return b"event: next\ndata: " + orjson.dumps(payload) + b"\n\n"


def only_error(response: httpx2.Response) -> Json:
    """Return the error of a stream that has nothing else in it, and that ends properly."""
    found = re.fullmatch(
        rb"event: next\ndata: (.*)\n\nevent: complete\ndata:\n\n", response.content
    )
    assert found, response.content
    payload = orjson.loads(found[1])
    assert payload.keys() == {"errors"}
    [error] = payload["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return {"message": error["message"], "code": error["extensions"]["code"]}


@contextmanager
def following(
    edge: EdgeServer, query: str, credential: str = "Bearer sk_test"
) -> Iterator[Iterator[str]]:
    """Follow a stream line by line."""
    headers = {**STREAM, "authorization": credential}
    with edge.client.stream("POST", "/graphql", json={"query": query}, headers=headers) as response:
        assert response.status_code == 200
        yield response.iter_lines()


def test_a_subscription_streams(edge: EdgeServer) -> None:
    """Every item is a frame, then complete; lines end in LF alone."""
    response = stream(edge, "subscription { count(to: 3) { number } }")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
    items = [frame({"data": {"count": {"number": number}}}) for number in (1, 2, 3)]
    assert response.content == b"".join(items) + COMPLETE
    assert b"\r" not in response.content


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("{ hello }", {"hello": "Hello you"}),
        ("mutation { act }", {"act": "done"}),
    ],
)
def test_queries_and_mutations_stream_once(edge: EdgeServer, query: str, data: Json) -> None:
    """One response, then complete."""
    assert stream(edge, query).content == frame({"data": data}) + COMPLETE


def test_a_stream_by_get(edge: EdgeServer, probe: Probe) -> None:
    """A browser's EventSource sends GET; a mutation is refused that way here too."""
    response = edge.get(STREAM, query="subscription { count(to: 1) { number } }")
    assert response.content == frame({"data": {"count": {"number": 1}}}) + COMPLETE
    refused = edge.get(STREAM, query="mutation { act }")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"
    assert "acted" not in probe.counts


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILED"),
        ("subscription { a: count(to: 1) { number } b: missing { number } }", "LIMIT_EXCEEDED"),
        ("query ($n: Int!) { page(first: $n) }", "BAD_USER_INPUT"),
        ("subscription ($n: Int!) { count(to: $n) { number } }", "BAD_USER_INPUT"),
        ("subscription { missing { number } }", "NOT_FOUND"),
    ],
)
def test_refusals_come_as_items(edge: EdgeServer, query: str, code: str) -> None:
    """The errors of an operation come through the stream: a browser can't read them elsewhere."""
    response = stream(edge, query)
    assert response.status_code == 200
    assert only_error(response)["code"] == code


def test_who_is_not_known_gets_no_stream(edge: EdgeServer) -> None:
    """Without a credential there is no stream, but a 401."""
    response = edge.post("{ hello }", headers={**STREAM, "authorization": "Bearer nobody"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("field", "code", "message"),
    [
        (
            "behind",
            "RESUME",
            "This stream fell behind and has ended; resume it after its last cursor.",
        ),
        ("rotated", "UNAUTHENTICATED", "The client secret was rotated."),
        (
            "breaks",
            "INTERNAL",
            "Something went wrong here; the log has the details under this request id.",
        ),
    ],
)
def test_an_error_ends_the_stream(edge: EdgeServer, field: str, code: str, message: str) -> None:
    """An error raised by the source is the last item, masked if it is not ours."""
    response = stream(edge, f"subscription {{ {field} {{ number }} }}")
    first, last, rest = response.content.split(b"\n\n", 2)
    assert first + b"\n\n" == frame({"data": {field: {"number": 1}}})
    [error] = orjson.loads(last.removeprefix(b"event: next\ndata: "))["errors"]
    assert error["message"] == message
    assert error["extensions"]["code"] == code
    assert error["extensions"].get("cursor") == ("c1" if code == "RESUME" else None)
    assert rest == COMPLETE
    assert LEAK.encode() not in response.content


def test_an_item_may_hold_errors(edge: EdgeServer) -> None:
    """A field that fails in one item leaves the stream as it is."""
    response = stream(edge, "subscription { count(to: 2) { number broken } }")
    assert response.content.count(b'"broken":null') == 2
    assert response.content.count(b'"code":"INTERNAL"') == 2
    assert response.content.endswith(COMPLETE)


def test_a_credential_that_ends_within_an_item_ends_the_stream(edge: EdgeServer) -> None:
    """An item that its caller may no longer see is not sent."""
    response = stream(edge, "subscription { count(to: 2) { number denied } }")
    assert only_error(response)["code"] == "UNAUTHENTICATED"


def test_each_item_has_a_context_of_its_own(edge: EdgeServer, probe: Probe) -> None:
    """Loaders and credentials are of one item: nothing is remembered from the one before."""
    response = stream(edge, "subscription { count(to: 3) { context } }")
    assert re.findall(rb'"context":"(\d+)"', response.content) == [b"1", b"2", b"3"]


def test_a_heartbeat_keeps_a_silent_stream_open(
    edge: EdgeServer, limit: Callable[[str, float], None]
) -> None:
    """A comment passes the proxies; clients read over it."""
    limit("HEARTBEAT_SECONDS", 0.02)
    with following(edge, "subscription { follow { number } }") as lines:
        # The first one may come before the item.
        assert next(line for line in lines if line not in HEARTBEAT) == "event: next"
        item = ['data: {"data":{"follow":{"number":1}}}', ""]
        assert [next(lines) for _ in range(4)] == [*item, *HEARTBEAT]


def test_a_client_that_goes_closes_its_source(edge: EdgeServer, probe: Probe) -> None:
    """A connection that ends leaves no source, no task and no stream behind."""
    tasks = edge.task_count()
    for _ in range(5):
        with following(edge, "subscription { follow { number } }") as lines:
            assert next(lines) == "event: next"
            probe.wait("open", 1)
            assert edge.edge.open_streams == 1
        probe.wait("open", 0)
    probe.wait_for(lambda: edge.edge.open_streams == 0)
    until(lambda: edge.task_count() <= tasks)


def test_a_credential_that_ends_ends_its_stream(
    edge: EdgeServer, probe: Probe, end_credentials: Callable[[], None]
) -> None:
    """At its time the stream says UNAUTHENTICATED, completes, and its source is closed."""
    with following(edge, "subscription { follow { number } }", "Bearer ending") as lines:
        first = [next(lines) for _ in range(3)]
        end_credentials()
        last = list(lines)
    assert first == ["event: next", 'data: {"data":{"follow":{"number":1}}}', ""]
    assert '"code":"UNAUTHENTICATED"' in last[1]
    assert last[3:] == ["event: complete", "data:", ""]
    probe.wait("open", 0)


def test_a_server_that_stops_ends_its_streams(
    make_edge: Callable[..., EdgeServer], probe: Probe
) -> None:
    """A stop ends open streams without complete, so that clients come back, and later ones too."""
    server = make_edge()
    with following(server, "subscription { follow { number } }") as lines:
        assert [next(lines) for _ in range(3)][2] == ""
        server.loop.call_soon_threadsafe(server.edge.stop)
        with pytest.raises(httpx2.RemoteProtocolError):
            next(lines)
    probe.wait("open", 0)


def test_an_empty_subscription_is_refused(edge: EdgeServer) -> None:
    """A subscription that selects nothing ends with an error, not with a broken stream."""
    for query in (
        "subscription { }",
        "subscription ($no: Boolean = true) { follow @skip(if: $no) { number } }",
    ):
        assert only_error(stream(edge, query))["code"] in {
            "GRAPHQL_VALIDATION_FAILED",
            "LIMIT_EXCEEDED",
        }
