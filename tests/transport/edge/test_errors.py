"""Errors while an operation runs: what is told, what is masked, and the status of the answer."""

import socket
from collections.abc import Iterator

import pytest

from edge import errors
from edge.errors import MASKED_MESSAGE, WIRE
from payments.model.errors import TillgraphError
from tests.transport.edge.conftest import RECORDS, EdgeServer, Json
from tests.transport.edge.subject import LEAK, Probe


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Walk the tree of exceptions to those that are raised."""
    below = kind.__subclasses__()
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


def test_every_exception_has_a_wire_code() -> None:
    """A new leaf of the tree fails here until the table says how it is told."""
    ours = {
        leaf
        for leaf in leaves(TillgraphError)
        if leaf.__module__.startswith(("payments.", "edge."))
    }
    assert ours == set(WIRE)


def test_every_status_that_needs_a_header_has_it() -> None:
    """401 says how to authenticate, and 503 when to come again; when after 429 is another matter each time."""
    assert {wire.status for wire in WIRE.values()} - {200, 422, 429} == set(errors.HEADERS)


def only_error(response_json: Json) -> Json:
    """Return the one error of an answer."""
    [error] = response_json["errors"]
    found: Json = error
    return found


@pytest.mark.parametrize("field", ["broken", "uncoded", "miscast"])
def test_what_is_not_ours_is_masked(edge: EdgeServer, probe: Probe, field: str) -> None:
    """A foreign exception says nothing to the client and no text to the log, only kind and place."""
    response = edge.post(f"{{ {field} hello }}")
    assert response.status_code == 200
    assert response.json()["data"] == {field: None, "hello": "Hello you"}
    error = only_error(response.json())
    request_id = response.headers["x-request-id"]
    assert error == {
        "message": MASKED_MESSAGE,
        "locations": [{"line": 1, "column": 3}],
        "path": [field],
        "extensions": {"code": "INTERNAL", "requestId": request_id},
    }
    assert LEAK not in response.text
    [record] = [record for record in RECORDS if record["event"] == "unexpected_error"]
    assert record["request_id"] == request_id
    assert LEAK not in str(record)
    if field == "broken":
        assert record["exceptions"] == ["builtins.RuntimeError"]
        assert record["frames"][-1].startswith("edge/subject.py:")
        assert record["frames"][-1].endswith(" broken")


def test_a_code_of_the_schema_is_told(edge: EdgeServer) -> None:
    """A GraphQL error that says its code was meant for the client."""
    response = edge.post("{ coded }")
    assert response.json()["data"] == {"coded": None}
    error = only_error(response.json())
    assert error["message"] == "Not like this."
    assert error["extensions"]["code"] == "CODED"


def test_forbidden_is_data_with_an_error(edge: EdgeServer) -> None:
    """A right credential without the permission gets 200, data null and FORBIDDEN."""
    response = edge.post("{ forbidden }")
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert only_error(response.json())["extensions"]["code"] == "FORBIDDEN"
    assert only_error(response.json())["message"] == "Only for the secret key."


def test_not_found_is_data_with_an_error(edge: EdgeServer) -> None:
    """A query that raises NotFound keeps its other fields."""
    response = edge.post("{ missing hello }")
    assert response.status_code == 200
    assert response.json()["data"] == {"missing": None, "hello": "Hello you"}
    assert only_error(response.json())["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ page(first: 0) }", "INVALID_INPUT"),
        ("{ page(first: -1) hello }", "INVALID_INPUT"),
        ('{ page(first: 1, after: "forged") }', "INVALID_CURSOR"),
    ],
)
def test_a_page_that_can_not_be_is_422(edge: EdgeServer, query: str, code: str) -> None:
    """Row 38: a query that was asked wrongly is refused as a whole, without data."""
    response = edge.post(query)
    assert response.status_code == 422
    assert response.json().keys() == {"errors"}
    error = only_error(response.json())
    assert error["extensions"] == {"code": code, "requestId": response.headers["x-request-id"]}
    assert error["path"] == ["page"]


@pytest.mark.parametrize("query", ["{ busy }", "{ busy hello }", "mutation { actBusy }"])
def test_a_busy_store_is_503(edge: EdgeServer, query: str) -> None:
    """A read or a write that the store had no time for is 503, with the time after which to send it again."""
    response = edge.post(query)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json().keys() == {"errors"}
    assert only_error(response.json())["extensions"]["code"] == "STORE_BUSY"


def test_a_mutation_keeps_its_answer(edge: EdgeServer, probe: Probe) -> None:
    """The result of a mutation is told, though a detail of its answer fails."""
    response = edge.post("mutation { actWithDetail { number denied } }")
    assert response.status_code == 200
    assert response.json()["data"] == {"actWithDetail": {"number": 1, "denied": None}}
    assert only_error(response.json())["extensions"]["code"] == "UNAUTHENTICATED"
    assert probe.counts["acted"] == 1


def test_a_mutation_runs_to_its_end_without_its_client(edge: EdgeServer, probe: Probe) -> None:
    """S2: a client that goes away in the middle changes nothing; its retry finds the result."""
    body = b'{"query":"mutation { actSlowly }"}'
    with socket.create_connection(("127.0.0.1", edge.port)) as connection:
        connection.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        probe.wait("began", 1)
    probe.gate.set()
    probe.wait("acted", 1)


def test_sibling_fields_run_together(edge: EdgeServer) -> None:
    """Fields that wait and fields that do not stand in one answer, in the order asked."""
    response = edge.post("{ a: later b: hello c: later }")
    assert response.content == b'{"data":{"a":"later","b":"Hello you","c":"later"}}'


def test_the_context_knows_its_request(edge: EdgeServer, probe: Probe) -> None:
    """Each request has a context of its own, with its caller."""
    assert edge.post("{ whoami }").json() == {"data": {"whoami": "secret"}}
    browser = edge.post("{ whoami }", headers={"authorization": "Bearer browser"})
    assert browser.json() == {"data": {"whoami": "pay_col_1"}}
    assert probe.counts["contexts"] == 2
