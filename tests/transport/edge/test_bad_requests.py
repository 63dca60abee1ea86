"""Rows 1 to 17 of the bad inputs: what is not a request gets exactly its status, and runs nothing."""

import gzip
import re
import socket
from collections.abc import Callable

import httpx2
import pytest

from edge import limits
from tests.transport.edge.conftest import EdgeServer, Json
from tests.transport.edge.subject import Probe

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\n"
JSON_HEAD = HEAD + b"Content-Type: application/json\r\n"


def assert_refused(response: httpx2.Response, status: int, code: str) -> Json:
    """Check that an answer is a refusal as the specification wants it; give its first error."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"errors"}
    error: Json = body["errors"][0]
    assert isinstance(error["message"], str)
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert ULID.fullmatch(response.headers["x-request-id"])
    return error


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"query": "{ hello }"} x',
        b'\xff{"query": "{ hello }"}',
        b'{"query": "\xe9"}',
        '{"query": "{ hello }"}'.encode("utf-16"),
        '{"query": "{ hello }"}'.encode("utf-16-le"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"query": "{ hello }"}',
        b"[" * 60_000,
        b'{"query": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
        b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": 0.' + b"9" * 5_000 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": 1e99999999999999999999}}',
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "{ hello }", "variables": {"a": Infinity}}',
        b'{"query": "{ hello }", "variables": {"a": -Infinity}}',
        b'{"query": "{ hello\n}"}',
        b'{"query": "{ hello \x00}"}',
    ],
    ids=lambda content: repr(content[:40]),
)
def test_what_is_not_json_in_utf_8_is_400(edge: EdgeServer, probe: Probe, content: bytes) -> None:
    """An empty, cut, deep, wrongly encoded or lax body is a bad request, and nothing runs."""
    assert_refused(edge.post(content=content), 400, "BAD_REQUEST")
    assert probe.counts == {}


@pytest.mark.parametrize(
    "content",
    [
        b"5",
        b"null",
        b'"x"',
        b"true",
        b"[]",
        b'[{"query": "{ hello }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "variables": false}',
        b'{"query": "{ hello }", "operationName": 5}',
        b'{"query": "{ hello }", "operationName": {}}',
        b'{"query": "{ hello }", "extensions": 1}',
        b'{"query": "{ hello }", "extensions": []}',
    ],
)
def test_json_that_is_no_request_is_422(edge: EdgeServer, probe: Probe, content: bytes) -> None:
    """Scalars, batches and parameters of a wrong type are unprocessable, and nothing runs."""
    assert_refused(edge.post(content=content), 422, "BAD_REQUEST")
    assert probe.counts == {}


def test_null_parameters_count_as_left_out(edge: EdgeServer) -> None:
    """Null for an optional parameter is the same as leaving it out; unknown ones are ignored."""
    response = edge.post("{ hello }", variables=None, operationName=None, extensions=None, id=5)
    assert response.json() == {"data": {"hello": "Hello you"}}


def test_a_byte_order_mark_is_skipped(edge: EdgeServer) -> None:
    """Before a body and before a parameter."""
    body = b'\xef\xbb\xbf{"query": "{ hello }"}'
    assert edge.post(content=body).json() == {"data": {"hello": "Hello you"}}
    query = "query ($n: String!) { hello(name: $n) }"
    found = edge.get(query=query, variables='\ufeff{"n": "b"}')
    assert found.json() == {"data": {"hello": "Hello b"}}


@pytest.mark.parametrize(
    ("literal", "said"),
    [
        ("1.0", "Int cannot represent non-integer value: 1.0"),
        ("1e2", "Int cannot represent non-integer value: 1e2"),
        ("[1.5]", "Int cannot represent non-integer value: [1.5]"),
        ('{"a": 1.50}', "Int cannot represent non-integer value: {'a': 1.50}"),
    ],
)
def test_a_number_of_a_wrong_type_is_shown_as_it_was_written(
    edge: EdgeServer, literal: str, said: str
) -> None:
    """The sentence names the variable, the type and the number, and no class of ours."""
    response = edge.post(
        content=b'{"query": "query ($n: Int!) { page(first: $n) }", "variables": {"n": '
        + literal.encode()
        + b"}}"
    )
    assert_refused(response, 422, "BAD_USER_INPUT")
    (error,) = response.json()["errors"]
    assert error["message"] == f"Variable '$n' has invalid value: {said}"


def test_an_empty_operation_name_counts_as_left_out(edge: EdgeServer, probe: Probe) -> None:
    """As in a query string; of several operations none is chosen by it."""
    response = edge.post("query A { hello }", operationName="")
    assert response.json() == {"data": {"hello": "Hello you"}}
    response = edge.post("mutation A { act } mutation B { act }", operationName="")
    assert_refused(response, 422, "OPERATION_RESOLUTION_FAILED")
    assert "act" not in probe.counts


def test_of_two_equal_keys_the_last_one_wins(edge: EdgeServer) -> None:
    """A key that comes twice counts as it came last, at the top and in variables."""
    response = edge.post(
        content=b'{"query": "{ broken }", "query": "query ($n: String!) { hello(name: $n) }",'
        b'"variables": {"n": "a", "n": "b"}}'
    )
    assert response.json() == {"data": {"hello": "Hello b"}}


@pytest.mark.parametrize(
    ("literal", "seen"),
    [
        ("12.10", "Number:12.10"),
        ("0.1", "Number:0.1"),
        ("1e2", "Number:1e2"),
        ("100000000000000000.01", "Number:100000000000000000.01"),
        ("5", "int:5"),
        ("9" * 400, "int:" + "9" * 400),
        ('"5"', "str:5"),
    ],
)
def test_numbers_keep_their_text(edge: EdgeServer, literal: str, seen: str) -> None:
    """A number reaches its scalar as it was written, never through a binary float."""
    response = edge.post(
        content=b'{"query": "query ($v: Exact!) { exact(value: $v) }", "variables": {"v": '
        + literal.encode()
        + b"}}"
    )
    assert response.json() == {"data": {"exact": seen}}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/jsonx",
        "application/json, text/plain",
        "application/json;" + "x" * 600,
    ],
)
def test_other_content_types_are_415(
    edge: EdgeServer, probe: Probe, content_type: str | None
) -> None:
    """Only application/json in UTF-8 is read: a page of another origin can't send it unasked."""
    headers = {} if content_type is None else {"content-type": content_type}
    response = edge.client.post("/graphql", content=b'{"query":"{ hello }"}', headers=headers)
    assert_refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert probe.counts == {}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        'APPLICATION/JSON;charset="UTF-8"',
        "application/json ; x=y",
    ],
)
def test_json_in_utf_8_may_say_so(edge: EdgeServer, content_type: str) -> None:
    """The charset may be named, in either case."""
    response = edge.post("{ hello }", headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-unknown"])
def test_compressed_bodies_are_415(edge: EdgeServer, encoding: str) -> None:
    """A compressed body is not unpacked, however large it would be."""
    response = edge.post(
        content=gzip.compress(b" " * 1_000_000), headers={"content-encoding": encoding}
    )
    assert_refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.headers["accept-encoding"] == "identity"


def test_a_body_at_the_limit_is_read(edge: EdgeServer) -> None:
    """A body of exactly the limit is answered; one byte more is 413."""
    body = b'{"query":"{ hello }"}'
    padded = body + b" " * (limits.BODY_BYTES - len(body))
    assert edge.post(content=padded).status_code == 200
    assert_refused(edge.post(content=padded + b" "), 413, "BODY_TOO_LARGE")


def test_a_declared_large_body_is_413_before_it_comes(edge: EdgeServer) -> None:
    """The answer comes at once, without a byte of the body, and the connection ends."""
    answer = edge.raw(JSON_HEAD + b"Content-Length: 20000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in answer
    assert b'"code":"BODY_TOO_LARGE"' in answer


def test_a_chunked_large_body_is_413_before_its_end(edge: EdgeServer) -> None:
    """Without a Content-Length the body is read up to the limit, and the connection ends."""
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    answer = edge.raw(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in answer


def test_a_chunked_body_is_read(edge: EdgeServer) -> None:
    """A body in pieces is put together."""
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (b'{"query":', b'"{ hello }"}'))
    answer = edge.raw(
        JSON_HEAD
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + pieces
        + b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"data":{"hello":"Hello you"}}')


def test_a_body_that_does_not_come_is_408(
    edge: EdgeServer, limit: Callable[[str, float], None]
) -> None:
    """A client that stops in the middle of its body is not waited for."""
    limit("BODY_SECONDS", 0.05)
    answer = edge.raw(JSON_HEAD + b'Content-Length: 30\r\n\r\n{"query":')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close\r\n" in answer
    assert b'"code":"REQUEST_TIMEOUT"' in answer


def test_a_client_that_leaves_in_its_body_is_not_answered(edge: EdgeServer, probe: Probe) -> None:
    """A connection that ends within the body runs nothing, and the server goes on."""
    with socket.create_connection(("127.0.0.1", edge.port)) as connection:
        connection.sendall(JSON_HEAD + b'Content-Length: 30\r\n\r\n{"query":')
    assert edge.post("{ hello }").status_code == 200
    assert probe.counts["hello"] == 1


@pytest.mark.parametrize(
    "smuggled",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: +5\r\n",
    ],
)
def test_smuggling_pairs_are_refused(edge: EdgeServer, smuggled: bytes) -> None:
    """Two answers to where the body ends are none: the server beneath refuses them."""
    answer = edge.raw(JSON_HEAD + smuggled + b"\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
def test_other_methods_are_405(edge: EdgeServer, method: str) -> None:
    """Only GET and POST are served, and the answer says so."""
    response = edge.client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    if method != "HEAD":
        assert_refused(response, 405, "METHOD_NOT_ALLOWED")


def test_a_mutation_by_get_is_405(edge: EdgeServer, probe: Probe) -> None:
    """A link or an image can't act."""
    response = edge.get(query="mutation { act }")
    assert_refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    assert probe.counts == {}


def test_a_query_by_get_is_answered(edge: EdgeServer) -> None:
    """All four parameters are read from the query string; empty ones count as left out."""
    response = edge.get(
        query="query A { broken } query B($n: String!) { hello(name: $n) }",
        operationName="B",
        variables='{"n": "é"}',
        extensions="",
    )
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "Hello é"}}
    assert edge.get(query="{ hello }", variables="", operationName="").status_code == 200


@pytest.mark.parametrize(
    ("query_string", "status"),
    [
        ("", 422),
        ("variables={}", 422),
        ("query={hello}&variables=[]", 422),
        ("query={hello}&extensions=1", 422),
        ("query={hello}&variables={", 400),
        ("query={hello}&variables=%ff", 400),
        ("query=%ff", 400),
        ("query=", 400),
        ("&".join(f"a{n}=1" for n in range(17)), 400),
    ],
)
def test_bad_query_strings(edge: EdgeServer, query_string: str, status: int) -> None:
    """The parameters of a GET are held to the same types."""
    response = edge.client.get(f"/graphql?{query_string}")
    assert response.status_code == status
    assert response.json().keys() == {"errors"}


def test_a_long_url_is_414(edge: EdgeServer) -> None:
    """A document in the URL has a limit of its own."""
    assert_refused(edge.get(query="a" * limits.URL_BYTES), 414, "URL_TOO_LONG")


def test_who_is_not_known_is_401_before_anything_is_read(edge: EdgeServer, probe: Probe) -> None:
    """Without a credential neither the body nor the document is looked at."""
    for credential in ("", "Bearer nobody", "Basic c2s6", "Bearer sk_test, Bearer sk_test"):
        response = edge.post(content=b"{", headers={"authorization": credential})
        assert_refused(response, 401, "UNAUTHENTICATED")
        assert response.headers["www-authenticate"] == "Bearer"
        assert "connection" not in response.headers
    assert probe.counts == {}


def test_an_unknown_caller_can_not_make_the_server_read(edge: EdgeServer) -> None:
    """After a 401 to a body without end, the connection ends."""
    head = JSON_HEAD.replace(b"sk_test", b"nobody")
    answer = edge.raw(head + b"Transfer-Encoding: chunked\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close\r\n" in answer


def test_a_busy_store_at_the_door_is_503(edge: EdgeServer) -> None:
    """A credential that could not be looked up is not refused: the client is told to come again."""
    response = edge.post("{ hello }", headers={"authorization": "Bearer busy"})
    assert_refused(response, 503, "STORE_BUSY")
    assert response.headers["retry-after"] == "1"


def test_a_broken_door_is_masked(edge: EdgeServer) -> None:
    """An unexpected exception in authentication is a 500 that does not repeat its text."""
    response = edge.post("{ hello }", headers={"authorization": "Bearer broken"})
    error = assert_refused(response, 500, "INTERNAL")
    assert "secret" not in error["message"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abc_DEF-123", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a b", False),
        ("a\tb", False),
        ("é", False),
        ("a;b", False),
        ('"><script>', False),
    ],
)
def test_the_request_id(edge: EdgeServer, sent: str, kept: bool) -> None:
    """A harmless id of the client's is kept; anything else is replaced, so that no header breaks."""
    response = edge.client.post(
        "/graphql",
        content=b'{"query":"{ requestId }"}',
        headers={b"content-type": b"application/json", b"x-request-id": sent.encode()},
    )
    id = response.headers["x-request-id"]
    assert (id == sent) is kept
    assert kept or ULID.fullmatch(id)
    assert response.json() == {"data": {"requestId": id}}
