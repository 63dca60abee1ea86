"""A fault of ours: masked for the client, one line in the log. And the request id that names both."""

from collections.abc import Iterator

import orjson
import pytest

from tests.support.flow.shop import pay
from tests.support.program.keys import KEYS, SECRET_KEY
from tests.support.program.running import QUICK_RECOVERY, Json, RunningServer, document
from tests.support.program.server_log import lines_of

pytestmark = pytest.mark.once

BROKEN = '{"broken-by-hand": sk_this_text_may_go_nowhere'
MASKED = "Something went wrong here; the log has the details under this request id."


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Json]]:
    """Return a server, and a payment whose row it can't read."""
    server = RunningServer(tmp_path_factory.mktemp("broken"), {**QUICK_RECOVERY, **KEYS})
    server.credential = SECRET_KEY
    server.start()
    payment = pay(server)
    server.rows("UPDATE payments SET metadata = ? WHERE id = ?", BROKEN, payment["id"])
    yield server, payment
    server.close()


def _post(server: RunningServer, query: str, variables: Json, request_id: str) -> tuple[int, str]:
    response = server.client.post(
        "/graphql",
        content=orjson.dumps({"query": query, "variables": variables}),
        headers={
            "content-type": "application/json",
            "authorization": f"Bearer {SECRET_KEY}",
            "x-request-id": request_id,
        },
    )
    assert response.headers["x-request-id"] == request_id
    return response.status_code, response.text


FAULTS = [
    ("payment", "query ($id: ID!) { payment(id: $id) { id metadata } }", "payment"),
    ("node", "query ($id: ID!) { node(id: $id) { id } }", "payment"),
    (
        "paymentCollection",
        "query ($id: ID!) { paymentCollection(id: $id) { id payments { id } } }",
        "collection",
    ),
    (
        "capturePayment",
        'mutation ($id: ID!) { capturePayment(input: {paymentId: $id, idempotencyKey: "k"})'
        " { __typename } }",
        "payment",
    ),
]


@pytest.mark.parametrize(("field_name", "query", "of"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_of_ours_is_masked_and_logged_once(
    broken: tuple[RunningServer, Json], field_name: str, query: str, of: str
) -> None:
    """The client gets a fixed sentence with the request id; the log has one line under that id, without the text."""
    server, payment = broken
    id = payment["id"] if of == "payment" else payment["paymentCollection"]["id"]
    request_id = f"fault-{field_name}"
    status, text = _post(server, query, {"id": id}, request_id)
    assert status == 200
    (error,) = orjson.loads(text)["errors"]
    assert error["message"] == MASKED
    assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}
    assert error["path"][0] == field_name
    for leak in ("Traceback", "JSONDecodeError", "orjson", "sk_this_text", "broken-by-hand", ".py"):
        assert leak not in text
    assert len(lines_of(server, request_id, "unexpected_error")) == 1
    assert len(lines_of(server, request_id, "request")) == 1
    assert "sk_this_text_may_go_nowhere" not in server.log_path.read_text()


def test_the_log_line_of_a_fault_says_where_it_was(broken: tuple[RunningServer, Json]) -> None:
    """It names the kind of exception and the place, in one line."""
    server, payment = broken
    query = "query ($id: ID!) { payment(id: $id) { id } }"
    _post(server, query, {"id": payment["id"]}, "fault-where")
    (line,) = lines_of(server, "fault-where", "unexpected_error")
    assert line["level"] == "error"
    assert any("JSONDecodeError" in kind for kind in line["exceptions"])
    assert any(frame.startswith("db/rows.py:") for frame in line["frames"])


def test_a_server_with_an_unreadable_row_serves_everything_else(
    broken: tuple[RunningServer, Json],
) -> None:
    """Another collection is paid as ever."""
    server, _ = broken
    assert pay(server)["status"] == "AUTHORIZED"
    assert server.client.get("/health/ready").status_code == 200


QUERY = document("back_end/13_list_payment_providers")


def test_a_harmless_request_id_is_taken(open_server: RunningServer) -> None:
    """It comes back in the header and names the request in the log; tests/parsing/test_request_ids.py has more."""
    request_id = "abc-123_X"
    response = open_server.client.post(
        "/graphql", json={"query": QUERY}, headers={"x-request-id": request_id}
    )
    assert response.headers["x-request-id"] == request_id
    assert len(lines_of(open_server, request_id, "request")) == 1


@pytest.mark.parametrize("request_id", ["", "a%0d%0aSet-Cookie:x=y", "é"])
def test_any_other_request_id_is_replaced(open_server: RunningServer, request_id: str) -> None:
    """A header that could break a log or a header is not echoed; the server makes its own."""
    response = open_server.client.post(
        "/graphql",
        json={"query": QUERY},
        headers=[(b"x-request-id", request_id.encode())],
    )
    given = response.headers["x-request-id"]
    assert len(given) == 26
    assert given.isalnum()
    assert "set-cookie" not in response.headers
    assert len(lines_of(open_server, given, "request")) == 1


def test_two_request_ids_are_none(open_server: RunningServer) -> None:
    """A header that was sent twice is replaced."""
    response = open_server.client.post(
        "/graphql",
        json={"query": QUERY},
        headers=[("x-request-id", "one"), ("x-request-id", "two")],
    )
    assert len(response.headers["x-request-id"]) == 26


def test_a_failure_names_the_request_that_it_answers(open_server: RunningServer) -> None:
    """RequestId of a failing member is the id that the request came with."""
    response = open_server.client.post(
        "/graphql",
        json={
            "query": document("complete/cancelPayment"),
            "variables": {"input": {"paymentId": "none"}},
        },
        headers={"x-request-id": "failure-1"},
    )
    assert response.json()["data"]["cancelPayment"]["requestId"] == "failure-1"
