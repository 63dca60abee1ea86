"""A few of the edge's refusals against the whole server: each leaves every row and the ledger as they were."""

import httpx2
import orjson
import pytest

from tests.support.callers.raw_requests import JSON_HEADERS, refused
from tests.support.callers.sockets import first_message
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once

CREATE = 'createPaymentCollection(input: {amount: "1.00", currencyCode: "USD"}) { __typename }'


def _post(server: RunningServer, body: bytes) -> httpx2.Response:
    return server.client.post("/graphql", content=body, headers=JSON_HEADERS)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [b"", b"{", b'{"query": "{ a }"', b"\xff\xfe{}", b"[" * 60_000])
def test_a_malformed_body_is_http_400(open_server: RunningServer, body: bytes) -> None:
    """A body that is not JSON in UTF-8 is HTTP 400 and changes nothing."""
    assert refused(_post(open_server, body)) == (400, "BAD_REQUEST")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [b"5", b"null", b'"x"', b"[]", b"{}", b'{"query": 5}'])
def test_json_that_is_no_request_is_http_422(open_server: RunningServer, body: bytes) -> None:
    """A request is one object with a query."""
    assert refused(_post(open_server, body)) == (422, "BAD_REQUEST")


@pytest.mark.usefixtures("unchanged")
def test_an_unknown_field_is_http_422(open_server: RunningServer) -> None:
    """The whole document is refused, the mutation beside it included."""
    query = f"mutation {{ {CREATE} }} query Other {{ unknown }}"
    assert refused(open_server.post(query)) == (422, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.usefixtures("unchanged")
def test_a_mutation_over_get_is_http_405(open_server: RunningServer) -> None:
    """It is not run, and the answer says that POST is allowed."""
    response = open_server.client.get("/graphql", params={"query": f"mutation {{ {CREATE} }}"})
    assert refused(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"


@pytest.mark.usefixtures("unchanged")
def test_two_root_fields_in_a_mutation_are_http_422(open_server: RunningServer) -> None:
    """One payment action a request: neither runs."""
    response = open_server.post(f"mutation {{ one: {CREATE} two: {CREATE} }}")
    assert refused(response) == (422, "LIMIT_EXCEEDED")


@pytest.mark.usefixtures("unchanged")
def test_two_operations_without_a_name_are_http_422(open_server: RunningServer) -> None:
    """Neither runs."""
    response = open_server.post(f"mutation One {{ {CREATE} }} mutation Two {{ {CREATE} }}")
    assert refused(response) == (422, "OPERATION_RESOLUTION_FAILED")


@pytest.mark.usefixtures("unchanged")
def test_a_mutation_over_a_socket_is_refused(open_server: RunningServer) -> None:
    """A socket that closes would leave it without an answer."""
    message = first_message(open_server, f"mutation {{ {CREATE} }}")
    assert message["type"] == "error"
    assert [error["extensions"]["code"] for error in message["payload"]] == ["METHOD_NOT_ALLOWED"]


def test_the_named_operation_alone_runs(open_server: RunningServer) -> None:
    """With a name, that operation runs and the other does not."""
    query = "query One { paymentProviders { id } } query Two { paymentProviders { name } }"
    body = orjson.dumps({"query": query, "operationName": "One"})
    answer = orjson.loads(_post(open_server, body).content)
    assert answer == {"data": {"paymentProviders": [{"id": "system"}, {"id": "sandbox"}]}}
