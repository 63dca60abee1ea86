"""Trusted documents: run by their hash or their text, over every transport, and what else a browser may not run."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from edge import limits
from edge.documents.documents import Documents
from edge.documents.trusted_documents import TrustedText
from edge.requests import GraphQLRequest
from payments.model.callers import BACK_END
from tests.support.callers.manifests import sha256
from tests.transport.edge.conftest import Client, EdgeServer, Json, start
from tests.transport.edge.subject import Probe, make_schema

SCHEMA = make_schema()

GREET = '# Greet\nquery Greet($name: String! = "you") {\n  hello(name: $name)\n}\n'
CHOICE = 'query First { hello(name: "1") } query Second { hello(name: "2") }'
ACT = "mutation Act { act }\n"
COUNT = "subscription Count { count(to: 1) { number } }\n"
BACK_END_ACT = "mutation BackEnd { act }\n"
BACK_END_QUERY = "query BackEnd { whoami }\n"
BACK_END_COUNT = "subscription BackEnd { count(to: 1) { number } }\n"
OF_BACK_ENDS = (BACK_END_QUERY, BACK_END_ACT, BACK_END_COUNT)
TRUSTED = [
    TrustedText(f"{number}.graphql", text, text not in OF_BACK_ENDS)
    for number, text in enumerate((GREET, CHOICE, ACT, COUNT, *OF_BACK_ENDS))
]
OTHER = "{ whoami }"

TRANSPORTS = ("post", "get", "event stream", "event stream by get", "websocket")
STREAM = {"accept": "text/event-stream"}
KEYS = ("Bearer sk_test", "Bearer browser")


def by_hash(text: str, **more: Any) -> Json:
    """Ask for a document by its hash alone."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}, **more}


@pytest.fixture(scope="module")
def bound() -> Iterator[EdgeServer]:
    """Return a server whose browsers run trusted documents alone."""
    server = start(documents=Documents(SCHEMA, trusted=TRUSTED, binds_browsers=True))
    yield server
    server.close()


def sent(
    server: EdgeServer, transport: str, request: Json, credential: str = "Bearer sk_test"
) -> tuple[int, Json]:
    """Send a request over a transport; give the status, 200 where there is none, and the response."""
    headers = {"authorization": credential}
    if transport == "websocket":
        return 200, _over_a_socket(server, request, credential)
    if transport.startswith("event stream"):
        headers |= STREAM
    if transport.endswith("get"):
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in request.items()
        }
        response = server.get(headers, **parameters)
    else:
        response = server.post(body=request, headers=headers)
    if response.headers["content-type"].startswith("text/event-stream"):
        first, _, rest = response.text.partition("\n\n")
        assert rest == "event: complete\ndata:\n\n"
        return 200, orjson.loads(first.removeprefix("event: next\ndata: "))
    return response.status_code, response.json()


def _over_a_socket(server: EdgeServer, request: Json, credential: str) -> Json:
    with server.connect() as connection:
        client = Client(connection)
        client.send({"type": "connection_init", "payload": {"authorization": credential}})
        assert client.receive() == {"type": "connection_ack"}
        client.send({"id": "a", "type": "subscribe", "payload": request})
        message = client.receive()
        if message["type"] == "error":
            return {"errors": message["payload"]}
        assert client.receive() == {"id": "a", "type": "complete"}
        payload: Json = message["payload"]
        return payload


def refusal(answer: Json) -> tuple[str, str]:
    """Return code and message of a request that was refused as a whole, for one reason."""
    assert answer.keys() == {"errors"}
    [error] = answer["errors"]
    assert error["extensions"]["requestId"]
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize("credential", KEYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_trusted_document_runs_by_its_hash(
    bound: EdgeServer, transport: str, credential: str
) -> None:
    """The text is left out, and variables go with the hash as they would with it."""
    request = by_hash(GREET, variables={"name": "Ada"}, operationName="Greet")
    assert sent(bound, transport, request, credential) == (200, {"data": {"hello": "Hello Ada"}})


@pytest.mark.parametrize("credential", KEYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_trusted_document_runs_by_its_text(
    bound: EdgeServer, transport: str, credential: str
) -> None:
    """The very text is as good as its hash, and so is the text without the space around it."""
    for text in (GREET, GREET.strip()):
        for request in ({"query": text}, {"query": text, **by_hash(text)}, by_hash(text)):
            found = sent(bound, transport, request, credential)
            assert found == (200, {"data": {"hello": "Hello you"}})


def test_a_hash_may_bear_its_algorithm(bound: EdgeServer) -> None:
    """Code generators write "sha256:" before it."""
    persisted = {"version": 1, "sha256Hash": f"sha256:{sha256(GREET)}"}
    for request in ({}, {"query": GREET}):
        answer = sent(bound, "post", {**request, "extensions": {"persistedQuery": persisted}})
        assert answer == (200, {"data": {"hello": "Hello you"}})


@pytest.mark.parametrize("transport", ["event stream", "event stream by get", "websocket"])
def test_a_trusted_subscription_runs(bound: EdgeServer, transport: str) -> None:
    """A stream is opened by a hash too."""
    answer = sent(bound, transport, by_hash(COUNT), "Bearer browser")
    assert answer == (200, {"data": {"count": {"number": 1}}})


def test_a_hash_changes_nothing_about_how_mutations_are_sent(
    bound: EdgeServer, probe: Probe
) -> None:
    """A trusted mutation runs by POST, and is refused by GET and over a socket."""
    for transport, status in (("get", 405), ("event stream by get", 405), ("websocket", 200)):
        found, answer = sent(bound, transport, by_hash(ACT), "Bearer browser")
        assert (found, refusal(answer)[0]) == (status, "METHOD_NOT_ALLOWED")
    assert "acted" not in probe.counts
    assert sent(bound, "post", by_hash(ACT), "Bearer browser") == (200, {"data": {"act": "done"}})
    assert probe.counts["acted"] == 1


def test_of_several_operations_the_named_one_runs(bound: EdgeServer) -> None:
    """One hash stands for the whole document; operationName chooses, and an open choice runs neither."""
    request = by_hash(CHOICE, operationName="Second")
    assert sent(bound, "post", request) == (200, {"data": {"hello": "Hello 2"}})
    status, answer = sent(bound, "post", by_hash(CHOICE))
    assert (status, refusal(answer)[0]) == (422, "OPERATION_RESOLUTION_FAILED")


@pytest.mark.parametrize("credential", KEYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_hash_that_no_document_has(bound: EdgeServer, transport: str, credential: str) -> None:
    """HTTP 404 with the words that Apollo's clients know; a stream and a socket say the same."""
    status, answer = sent(bound, transport, by_hash(OTHER), credential)
    assert status == (404 if transport in ("post", "get") else 200)
    assert refusal(answer) == ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_browser_runs_nothing_else(bound: EdgeServer, probe: Probe, transport: str) -> None:
    """Another text is refused before anything runs, with its hash too, valid or not; the secret key runs it."""
    for text in (
        OTHER,
        "{",
        "{ nope }",
        GREET.replace("# Greet\n", ""),
        GREET.replace("you", "me"),
    ):
        for request in ({"query": text}, {"query": text, **by_hash(text)}):
            status, answer = sent(bound, transport, request, "Bearer browser")
            assert status == (403 if transport in ("post", "get") else 200)
            assert refusal(answer)[0] == "DOCUMENT_NOT_TRUSTED"
    assert probe.counts == {}
    for request in ({"query": OTHER}, {"query": OTHER, **by_hash(OTHER)}):
        assert sent(bound, transport, request) == (200, {"data": {"whoami": "secret"}})


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_browser_runs_no_document_of_back_ends(
    bound: EdgeServer, probe: Probe, transport: str
) -> None:
    """It is refused by its hash and by its text before anything runs; the secret key runs it."""
    for text in OF_BACK_ENDS:
        for request in (
            by_hash(text),
            {"query": text},
            {"query": f" {text}", **by_hash(f" {text}")},
        ):
            status, answer = sent(bound, transport, request, "Bearer browser")
            assert status == (403 if transport in ("post", "get") else 200)
            assert refusal(answer)[0] == "DOCUMENT_NOT_TRUSTED"
    assert probe.counts == {}
    for request in (by_hash(BACK_END_QUERY), {"query": BACK_END_QUERY}):
        assert sent(bound, transport, request) == (200, {"data": {"whoami": "secret"}})


def test_a_refused_document_of_back_ends_is_named_as_one(bound: EdgeServer) -> None:
    """The message says which credential it takes, so that nobody looks for the fault in its text."""
    _, answer = sent(bound, "post", by_hash(BACK_END_ACT), "Bearer browser")
    assert refusal(answer)[1] == (
        "This document is for back ends: it runs with a secret key, and not with a client secret."
    )


def test_a_client_registers_nothing(bound: EdgeServer) -> None:
    """After the secret key has sent a text with its hash, that hash is as unknown as before, to everybody."""
    request = {"query": OTHER, **by_hash(OTHER)}
    assert sent(bound, "post", request)[0] == 200
    for credential in KEYS:
        status, answer = sent(bound, "post", by_hash(OTHER), credential)
        assert (status, refusal(answer)[0]) == (404, "PERSISTED_QUERY_NOT_FOUND")


@pytest.mark.parametrize("credential", KEYS)
@pytest.mark.parametrize("text", [GREET, OTHER, "\ud800"])
def test_a_text_has_to_have_the_hash_that_comes_with_it(
    bound: EdgeServer, probe: Probe, text: str, credential: str
) -> None:
    """HTTP 422, whichever of the two is known; nothing runs."""
    content = json.dumps({"query": text, **by_hash(CHOICE)}).encode()
    response = bound.post(content=content, headers={"authorization": credential})
    assert response.status_code == 422
    assert refusal(response.json()) == (
        "BAD_REQUEST",
        "extensions.persistedQuery.sha256Hash is not the SHA-256 of query.",
    )
    assert probe.counts == {}


RIGHT = {"version": 1, "sha256Hash": sha256(GREET)}
HASH = "sha256Hash"
MALFORMED: list[tuple[Any, str]] = [
    (1, ""),
    ("x", ""),
    ([RIGHT], ""),
    (True, ""),
    ({}, ".version"),
    ({**RIGHT, "version": 2}, ".version"),
    ({**RIGHT, "version": 0}, ".version"),
    ({**RIGHT, "version": "1"}, ".version"),
    ({**RIGHT, "version": 1.0}, ".version"),
    ({**RIGHT, "version": True}, ".version"),
    ({**RIGHT, "version": None}, ".version"),
    ({"version": 1}, ".sha256Hash"),
    ({**RIGHT, HASH: None}, ".sha256Hash"),
    ({**RIGHT, HASH: 5}, ".sha256Hash"),
    ({**RIGHT, HASH: ""}, ".sha256Hash"),
    ({**RIGHT, HASH: sha256(GREET).upper()}, ".sha256Hash"),
    ({**RIGHT, HASH: sha256(GREET)[:-1]}, ".sha256Hash"),
    ({**RIGHT, HASH: sha256(GREET) + "0"}, ".sha256Hash"),
    ({**RIGHT, HASH: f"md5:{sha256(GREET)}"}, ".sha256Hash"),
    ({**RIGHT, HASH: "\uff11" * 64}, ".sha256Hash"),
]


@pytest.mark.parametrize("query", [None, GREET], ids=["hash alone", "text too"])
@pytest.mark.parametrize(("persisted", "field"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_extension_is_422(
    bound: EdgeServer, probe: Probe, persisted: Json, field: str, query: str | None
) -> None:
    """The field at fault is named, on every transport, and a socket goes on."""
    request = {"query": query, "extensions": {"persistedQuery": persisted}}
    for transport in ("post", "event stream", "websocket"):
        status, answer = sent(bound, transport, request)
        assert status == (422 if transport == "post" else 200)
        code, message = refusal(answer)
        assert code == "BAD_REQUEST"
        assert message.startswith(f"extensions.persistedQuery{field} has to be ")
    assert probe.counts == {}


def test_without_text_and_hash_there_is_no_request(bound: EdgeServer) -> None:
    """Neither of the two, or a text that is none, is 422 as ever."""
    bodies: list[Json] = [
        {"extensions": {}},
        {"extensions": {"persistedQuery": None}},
        {"query": 5, **by_hash(GREET)},
    ]
    for body in bodies:
        status, answer = sent(bound, "post", body)
        assert status == 422
        assert refusal(answer) == ("BAD_REQUEST", "query has to be a string.")


def test_an_empty_text_by_get_counts_as_left_out(bound: EdgeServer) -> None:
    """As every other parameter that is empty there."""
    assert sent(bound, "get", {"query": "", **by_hash(GREET)})[0] == 200


def test_a_browser_that_asks_for_a_document_is_shown_no_page(bound: EdgeServer) -> None:
    """An address with a hash is a query, whoever opens it."""
    extensions = json.dumps(by_hash(GREET)["extensions"])
    response = bound.get({"accept": "text/html,*/*;q=0.8"}, extensions=extensions)
    assert response.json() == {"data": {"hello": "Hello you"}}


def test_where_browsers_are_not_bound_they_run_anything(
    make_edge: Callable[..., EdgeServer],
) -> None:
    """In development the documents are known by their hashes, and nobody is kept to them."""
    server = make_edge(documents=Documents(SCHEMA, trusted=TRUSTED))
    for request in ({"query": OTHER}, {"query": OTHER, **by_hash(OTHER)}, by_hash(GREET)):
        assert sent(server, "post", request, "Bearer browser")[0] == 200


def test_other_texts_never_push_a_trusted_document_out() -> None:
    """It is prepared once, at the start, whatever is sent meanwhile."""
    documents = Documents(SCHEMA, trusted=TRUSTED)
    before = documents.asked_for(_request(GREET), BACK_END)
    for number in range(limits.DOCUMENTS_KEPT + 10):
        documents.asked_for(_request(f"query Q{number} {{ hello }}"), BACK_END)
    assert documents.asked_for(_request(GREET), BACK_END) is before
    assert documents.find.cache_info().misses == limits.DOCUMENTS_KEPT + 10


def _request(text: str) -> GraphQLRequest:
    return GraphQLRequest(text, None, None)
