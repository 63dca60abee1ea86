"""Trusted documents in production: what a browser may run, which folders are refused, and the list of hashes."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from graphql import parse, print_ast

from tests.support.callers.manifests import apollos_manifest, codegens_manifest, sha256
from tests.support.callers.raw_requests import refused
from tests.support.callers.sockets import open_socket, receive, send, subscribe
from tests.support.flow.shop import open_collection
from tests.support.program.commands import PRODUCTION, run_command
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import QUERIES, Json, RunningServer, document, document_names

pytestmark = pytest.mark.once

FOLDER = "trusted"
CREATE = "front_end/02_create_payment_session"
AUTHORIZE = "front_end/04_authorize_payment_session"
SHOW = "back_end/02_show_payment_collection"
UPDATE = "back_end/04_update_payment_collection"
WATCH = "front_end/06_watch_payment_collection"

HOME_MADE = """query Mine($id: ID!) { paymentCollection(id: $id) { id } }"""
"""Fits the schema, and a browser may read all of it; in the folder it is not."""


def printed(name: str) -> str:
    """Return a document as code generators print it: without comments, and without space around it."""
    return print_ast(parse(document(name)))


def by_hash(text: str) -> Json:
    """Make the extension that stands for a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a production server with a folder of its own: a file and the manifests of two generators."""
    folder = tmp_path_factory.mktemp("production")
    trusted = folder / FOLDER
    (trusted / "pages" / "checkout").mkdir(parents=True)
    for suffix in (".graphql", ".variables.json"):
        shutil.copy(QUERIES / f"{CREATE}{suffix}", trusted / "pages" / "checkout")
    generated = trusted / "generated"
    generated.mkdir()
    (generated / "persisted-documents.json").write_bytes(
        codegens_manifest(printed(AUTHORIZE), printed("back_end/03_list_payment_collections"))
    )
    (generated / "persisted-query-manifest.json").write_bytes(apollos_manifest(printed(WATCH)))
    settings = {
        **PRODUCTION,
        "TILLGRAPH_DOCUMENTS": str(trusted),
        "TILLGRAPH_BROWSER_PROVIDERS": "system",
    }
    running = RunningServer(folder, settings)
    running.credential = SECRET_KEY
    yield running.start()
    running.close()


def post(server: RunningServer, bearer: str, **request: Json) -> tuple[int, Json]:
    """Send a request as it is; give status and answer."""
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    response = server.client.post("/graphql", content=orjson.dumps(request), headers=headers)
    return response.status_code, orjson.loads(response.content)


def test_a_browser_pays_by_hashes_alone(production: RunningServer) -> None:
    """A session is opened by a file's hash, authorized by the hash of a generator's text, and seen in the stream."""
    collection = open_collection(production)
    secret = collection["clientSecret"]
    _, opened_session = post(
        production,
        secret,
        extensions=by_hash(document(CREATE)),
        variables={"input": {"paymentCollectionId": collection["id"], "providerId": "system"}},
    )
    session = opened_session["data"]["createPaymentSession"]
    _, paid = post(
        production,
        secret,
        extensions=by_hash(printed(AUTHORIZE)),
        variables={"input": {"id": session["id"]}},
    )
    assert paid["data"]["authorizePaymentSession"]["status"] == "AUTHORIZED"
    with open_socket(production, bearer=secret) as socket:
        assert receive(socket) == {"type": "connection_ack"}
        payload = {"extensions": by_hash(printed(WATCH)), "variables": {"id": collection["id"]}}
        send(socket, {"id": "1", "type": "subscribe", "payload": payload})
        item = receive(socket)["payload"]["data"]["paymentCollectionUpdates"]
        assert item["paymentCollection"]["status"] == "AUTHORIZED"


def test_the_space_around_a_trusted_text_does_not_matter(production: RunningServer) -> None:
    """A browser's text runs as the file has it, without the space around it, and with more of it."""
    collection = open_collection(production)
    text = document(CREATE)
    given = {"input": {"paymentCollectionId": collection["id"], "providerId": "system"}}
    for sent in (text, text.strip(), f"\n    {text.strip()}\n    "):
        status, answer = post(production, collection["clientSecret"], query=sent, variables=given)
        assert (status, answer["data"]["createPaymentSession"]["__typename"]) == (
            200,
            "PaymentSession",
        )


def test_an_empty_text_beside_a_hash_counts_as_left_out(production: RunningServer) -> None:
    """By POST and by GET; without a hash it is the text that has no operation."""
    collection = open_collection(production)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    hashed = by_hash(document(CREATE))
    given = {"input": {"paymentCollectionId": collection["id"], "providerId": "system"}}
    status, answer = post(production, secret, query="", extensions=hashed, variables=given)
    assert (status, answer["data"]["createPaymentSession"]["__typename"]) == (200, "PaymentSession")
    unknown = orjson.dumps(by_hash("{ __typename }")).decode()
    response = production.client.get(
        "/graphql",
        params={"query": "", "extensions": unknown},
        headers={"authorization": f"Bearer {secret}"},
    )
    assert refused(response) == (404, "PERSISTED_QUERY_NOT_FOUND")
    status, answer = post(production, SECRET_KEY, query="", variables=variables)
    assert (status, _code(answer)) == (400, "GRAPHQL_PARSE_FAILED")


def test_another_document_of_a_browsers_is_refused_everywhere(production: RunningServer) -> None:
    """DOCUMENT_NOT_TRUSTED over each transport, with its hash too; the secret key runs the same text."""
    collection = open_collection(production)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    headers = {"authorization": f"Bearer {secret}"}
    for more in ({}, {"extensions": by_hash(HOME_MADE)}):
        status, answer = post(production, secret, query=HOME_MADE, variables=variables, **more)
        assert (status, _code(answer)) == (403, "DOCUMENT_NOT_TRUSTED")
    response = production.client.get(
        "/graphql",
        params={"query": HOME_MADE, "variables": orjson.dumps(variables).decode()},
        headers=headers,
    )
    assert refused(response) == (403, "DOCUMENT_NOT_TRUSTED")
    response = production.client.post(
        "/graphql",
        json={"query": HOME_MADE, "variables": variables},
        headers={**headers, "accept": "text/event-stream"},
    )
    assert '"code":"DOCUMENT_NOT_TRUSTED"' in response.text
    with open_socket(production, bearer=secret) as socket:
        subscribe(socket, HOME_MADE, variables)
        message = receive(socket)
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    assert production.execute(HOME_MADE, variables) == {"paymentCollection": variables}


def _code(answer: Json) -> str:
    [error] = answer["errors"]
    code: str = error["extensions"]["code"]
    return code


def test_a_refused_mutation_changes_nothing(production: RunningServer) -> None:
    """One that the browser might run by a trusted text, written in another way, writes no row."""
    collection = open_collection(production)
    text = document(CREATE).replace("CreatePaymentSession(", "Another(")
    given = {"paymentCollectionId": collection["id"], "providerId": "system"}
    before = _written(production)
    response = production.post(text, {"input": given}, bearer=collection["clientSecret"])
    assert refused(response) == (403, "DOCUMENT_NOT_TRUSTED")
    assert _written(production) == before


def _written(server: RunningServer) -> Json:
    return {
        table: server.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - constants alone
        for table in ("payment_sessions", "payment_events", "idempotency_keys", "operations")
    }


def test_a_trusted_document_opens_nothing_that_is_closed(production: RunningServer) -> None:
    """A client secret gets FORBIDDEN for a back end's document, even if the document is trusted."""
    collection = open_collection(production)
    status, answer = post(
        production,
        collection["clientSecret"],
        extensions=by_hash(printed("back_end/03_list_payment_collections")),
    )
    assert (status, answer["data"], _code(answer)) == (200, None, "FORBIDDEN")


# ── The documents that Tillgraph brings ────────────────────────────────────────


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a production server with the documents of `queries/`."""
    running = RunningServer(tmp_path_factory.mktemp("shipped"), PRODUCTION)
    running.credential = SECRET_KEY
    yield running.start()
    running.close()


BACK_END = [name for name in document_names() if name.startswith("back_end/")]


def test_a_browser_runs_the_documents_of_front_ends(shipped: RunningServer) -> None:
    """By its hash and by its text; with a secret key it runs, too."""
    collection = open_collection(shipped)
    text = document("front_end/01_show_checkout")
    for bearer in (collection["clientSecret"], SECRET_KEY):
        for request in ({"extensions": by_hash(text)}, {"query": text}):
            status, answer = post(shipped, bearer, variables={"id": collection["id"]}, **request)
            assert (status, answer["data"]["paymentCollection"]["id"]) == (200, collection["id"])


def test_a_browser_runs_no_document_of_back_ends(shipped: RunningServer) -> None:
    """Each is refused by hash and by text, whatever its operation may be permitted, and writes no row."""
    secret = open_collection(shipped)["clientSecret"]
    before = _written(shipped)
    for name in BACK_END:
        text = document(name)
        for request in ({"extensions": by_hash(text)}, {"query": text}, {"query": text.strip()}):
            status, answer = post(shipped, secret, **request)
            assert (status, _code(answer)) == (403, "DOCUMENT_NOT_TRUSTED"), name
    assert _written(shipped) == before


def test_a_document_of_back_ends_is_refused_over_streams_too(shipped: RunningServer) -> None:
    """By an event stream and over a socket, by its hash: the collection that it would show is the browser's own."""
    collection = open_collection(shipped)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    hashed = by_hash(document(SHOW))
    response = shipped.client.post(
        "/graphql",
        json={"extensions": hashed, "variables": variables},
        headers={"authorization": f"Bearer {secret}", "accept": "text/event-stream"},
    )
    assert '"code":"DOCUMENT_NOT_TRUSTED"' in response.text
    with open_socket(shipped, bearer=secret) as socket:
        assert receive(socket) == {"type": "connection_ack"}
        payload = {"extensions": hashed, "variables": variables}
        send(socket, {"id": "1", "type": "subscribe", "payload": payload})
        message = receive(socket)
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def test_a_secret_key_runs_the_documents_of_back_ends(shipped: RunningServer) -> None:
    """A query shows what the mutation before it changed, each by its hash."""
    collection = open_collection(shipped)
    given = {"input": {"id": collection["id"], "reference": "order-7"}}
    _, changed = post(shipped, SECRET_KEY, extensions=by_hash(document(UPDATE)), variables=given)
    assert changed["data"]["updatePaymentCollection"]["__typename"] == "PaymentCollection"
    variables = {"id": collection["id"]}
    _, shown = post(shipped, SECRET_KEY, extensions=by_hash(document(SHOW)), variables=variables)
    assert shown["data"]["paymentCollection"]["reference"] == "order-7"


def test_a_complete_document_is_not_trusted(shipped: RunningServer) -> None:
    """The tests' own documents have no hash there, and a browser may not run their text."""
    text = document("complete/createPaymentSession")
    collection = open_collection(shipped)
    given = {"input": {"paymentCollectionId": collection["id"], "providerId": "system"}}
    for bearer in (SECRET_KEY, collection["clientSecret"]):
        status, answer = post(shipped, bearer, extensions=by_hash(text), variables=given)
        assert (status, _code(answer)) == (404, "PERSISTED_QUERY_NOT_FOUND")
    status, answer = post(shipped, collection["clientSecret"], query=text, variables=given)
    assert (status, _code(answer)) == (403, "DOCUMENT_NOT_TRUSTED")


def test_an_unknown_hash_is_404(production: RunningServer) -> None:
    """PersistedQueryNotFound, for the secret key too, and with the document's own hash once it was sent as text."""
    assert production.execute("{ __typename }")
    for bearer in (SECRET_KEY, open_collection(production)["clientSecret"]):
        status, answer = post(production, bearer, extensions=by_hash("{ __typename }"))
        assert status == 404
        [error] = answer["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_the_limits_hold_for_trusted_documents_too(production: RunningServer) -> None:
    """A body that is too large is 413, whatever its hash says."""
    request = {"extensions": by_hash(document(CREATE)), "variables": {"x": "x" * 65_536}}
    assert post(production, SECRET_KEY, **request)[0] == 413


def test_in_development_a_browser_runs_anything(keyed_server: RunningServer) -> None:
    """The trusted documents are known by their hashes, and nobody is kept to them."""
    collection = open_collection(keyed_server)
    secret, variables = collection["clientSecret"], {"id": collection["id"]}
    status, answer = post(keyed_server, secret, query=HOME_MADE, variables=variables)
    assert (status, answer) == (200, {"data": {"paymentCollection": variables}})
    known = by_hash(document("front_end/01_show_checkout"))
    assert post(keyed_server, secret, extensions=known, variables=variables)[0] == 200


# ── The command ────────────────────────────────────────────────────────────────


def test_the_documents_are_listed_with_their_hashes(tmp_path: Path) -> None:
    """One line each: the hash that sha256sum gives, the operation's name, the file; no database is made."""
    process = run_command(tmp_path, "documents")
    assert process.returncode == 0, process.stderr
    listed = [line.split() for line in process.stdout.splitlines()]
    files = sorted(QUERIES.rglob("*.graphql"))
    assert [row[2] for row in listed] == [str(file.relative_to(QUERIES)) for file in files]
    for (digest, name, _), file in zip(listed, files, strict=True):
        assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
        assert f" {name}" in file.read_text()
    assert list(tmp_path.iterdir()) == []


# ── Folders that are refused: tests/parsing/test_trusted_folders.py has each ───


def test_such_a_document_stops_start_up(tmp_path: Path) -> None:
    """`serve` ends with the sentence before it binds or touches a database."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "wrong.graphql").write_text("query A { zzz }")
    process = run_command(tmp_path, "serve", TILLGRAPH_DOCUMENTS=str(tmp_path / "documents"))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == (
        "Tillgraph does not start. TILLGRAPH_DOCUMENTS: wrong.graphql: "
        "Cannot query field 'zzz' on type 'Query' (line 1).\n"
    )
    assert not (tmp_path / "tillgraph.db").exists()


def test_introspection_is_no_trusted_document_in_production(tmp_path: Path) -> None:
    """Production refuses to trust a document with introspection and names its file; development accepts it."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "schema.graphql").write_text("{ __schema { types { name } } }")
    settings = {"TILLGRAPH_DOCUMENTS": str(tmp_path / "documents")}
    process = run_command(tmp_path, "documents", **settings)
    assert process.returncode == 0, process.stderr
    process = run_command(tmp_path, "documents", **settings, **PRODUCTION)
    assert process.returncode == 2
    assert "schema.graphql: " in process.stderr
