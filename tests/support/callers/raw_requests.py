"""Requests written by hand, so that no client library changes a number's text or an escape."""

import json
import socket
from collections.abc import Mapping
from http.client import HTTPResponse

import httpx2
import orjson

from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import PATIENCE_SECONDS

JSON_HEADERS = {"content-type": "application/json"}


def post_text(
    server: RunningServer,
    query: str,
    variables: str = "{}",
    *,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Send a request whose variables are exactly this text."""
    body = f'{{"query": {json.dumps(query)}, "variables": {variables}}}'
    credential = {}
    if server.credential is not None:
        credential["authorization"] = f"Bearer {server.credential}"
    return server.client.post(
        "/graphql", content=body.encode(), headers={**JSON_HEADERS, **credential, **(headers or {})}
    )


def answer_to(server: RunningServer, request: bytes) -> tuple[int, Json]:
    """Send these bytes over a connection of their own, and return the answer's status and its JSON."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, orjson.loads(answer.read())


def change_text(server: RunningServer, field_name: str, input_text: str) -> httpx2.Response:
    """Run a mutation's complete document with exactly this text as input."""
    return post_text(server, document(f"complete/{field_name}"), f'{{"input": {input_text}}}')


def change_literal(server: RunningServer, field_name: str, input_literal: str) -> httpx2.Response:
    """Run a mutation with its input in the document; it selects what every failure and some successes have."""
    collection = "... on PaymentCollection { amount currencyCode }"
    query = f"""mutation {{ {field_name}(input: {input_literal}) {{
      __typename
      ... on Node {{ id }}
      {collection if field_name == "createPaymentCollection" else ""}
      ... on Failure {{ code message path retryable requestId }}
    }} }}"""
    return post_text(server, query)


def outcome(response: httpx2.Response) -> Json:
    """Return the value of a mutation that answered, whatever member it is."""
    answer = orjson.loads(response.content)
    assert response.status_code == 200, response.text
    assert "errors" not in answer, answer
    (value,) = answer["data"].values()
    return value


def refused(response: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a request that was refused as a whole: no data, one kind of error, a request id."""
    answer = orjson.loads(response.content)
    assert "data" not in answer, answer
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    ids = {error["extensions"]["requestId"] for error in answer["errors"]}
    assert ids == {response.headers["x-request-id"]}
    assert "Traceback" not in response.text
    (code,) = codes
    return response.status_code, code


def failure(value: Json) -> tuple[str, list[str] | None]:
    """Return code and path of a mutation's failing member."""
    assert value["requestId"], value
    return value["code"], value["path"]
