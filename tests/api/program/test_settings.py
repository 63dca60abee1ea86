"""Settings and commands: a wrong setting stops start-up with one sentence that names it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.callers.raw_requests import refused
from tests.support.program.commands import PRODUCTION, SIGNING_KEY, run_command
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import ROOT, RunningServer

pytestmark = pytest.mark.once

SHORT = "tooshortsecret"
NOBODY = 1
"""A port below those that the system gives out, on which nobody listens."""

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "one alone": (
        {"TILLGRAPH_SECRET_KEYS": f"{SECRET_KEY},{SHORT}"},
        "TILLGRAPH_SECRET_KEYS",
    ),
    "two together": ({**PRODUCTION, "TILLGRAPH_SIGNING_KEYS": ""}, "TILLGRAPH_SIGNING_KEYS"),
    "an unknown provider for browsers": (
        {"TILLGRAPH_BROWSER_PROVIDERS": "sandbox,nope"},
        "TILLGRAPH_BROWSER_PROVIDERS",
    ),
    "a Redis at a port that is too large": (
        {"TILLGRAPH_RATE_LIMIT_STORE": "redis://:hunter2@localhost:99999"},
        "TILLGRAPH_RATE_LIMIT_STORE",
    ),
    "a PostgreSQL that is not there": (
        {"TILLGRAPH_DATABASE_URL": f"postgresql+asyncpg://user:hunter2@127.0.0.1:{NOBODY}/till"},
        "TILLGRAPH_DATABASE_URL",
    ),
    "a name in PostgreSQL's address that is not taken": (
        {
            "TILLGRAPH_DATABASE_URL": "postgresql+asyncpg://user:hunter2@127.0.0.1/till?channel_binding=require"
        },
        "channel_binding",
    ),
}
"""Settings wrong alone, together, or in what is built from them (tests/parsing/test_settings.py has each)."""


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_setting_stops_start_up_with_a_sentence(tmp_path: Path, kind: str) -> None:
    """Exit code 2, one line on standard error that names the setting, no traceback, and no value that is secret."""
    environment, name = WRONG[kind]
    ended = run_command(tmp_path, "serve", **environment)
    error = ended.stderr
    assert ended.returncode == 2, error
    (line,) = error.splitlines()
    assert name in line
    assert line.endswith(".")
    assert "Traceback" not in error
    for secret in (SHORT, "hunter2", SECRET_KEY, SIGNING_KEY):
        assert secret not in error
    assert ended.stdout == ""


def test_help_names_every_command(tmp_path: Path) -> None:
    """`--help` ends well and lists what there is."""
    process = run_command(tmp_path, "--help")
    assert process.returncode == 0
    for command in ("serve", "migrate", "check", "recover", "schema", "documents", "sandbox"):
        assert command in process.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["nope"], ["serve", "--nope"], ["sandbox", "--port", "65536"]]
)
def test_an_unknown_command_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 2 and the usage."""
    process = run_command(tmp_path, *arguments)
    assert process.returncode == 2
    assert process.stderr.startswith("usage: ")
    assert "Traceback" not in process.stderr


def test_schema_prints_the_committed_schema(tmp_path: Path) -> None:
    """`schema` prints schema/schema.graphql to the letter, without a database."""
    process = run_command(tmp_path, "schema")
    assert process.returncode == 0, process.stderr
    assert process.stdout == (ROOT / "schema" / "schema.graphql").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_settings_is_read(tmp_path: Path) -> None:
    """`.env` in the working directory says where the database is."""
    (tmp_path / ".env").write_text('TILLGRAPH_DATABASE_URL="sqlite+aiosqlite:///from-file.db"\n')
    assert run_command(tmp_path, "migrate").returncode == 0
    assert (tmp_path / "from-file.db").exists()
    assert not (tmp_path / "tillgraph.db").exists()


# ── Production ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server in production."""
    server = RunningServer(tmp_path_factory.mktemp("production"), PRODUCTION)
    server.credential = SECRET_KEY
    server.start()
    yield server
    server.close()


def test_production_shows_no_graphiql(production: RunningServer) -> None:
    """A browser that requests the page gets 406, and its address for examples does not exist."""
    response = production.client.get("/graphql", headers={"accept": "text/html"})
    assert response.status_code == 406
    assert production.client.post("/graphql/examples").status_code in (404, 405)


def test_production_refuses_introspection(production: RunningServer) -> None:
    """__schema and __type are HTTP 422, with the secret key too; __typename is no introspection."""
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
        assert refused(production.post(query)) == (422, "GRAPHQL_VALIDATION_FAILED")
    assert production.execute("{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize(
    "query",
    [
        "{ paymentCollectio(id: 1) { id } }",
        "{ payment(idd: 1) { id } }",
        "{ payment(id: 1) { statu } }",
        "query ($i: CreatePaymentCollectionInpu) { __typename }",
        "{ paymentCollections(sort: NEWEST_FIRS) { edges { cursor } } }",
        'mutation { createPaymentCollection(input: {amoun: "1"}) { __typename } }',
        "mutation { createPaymentCollection(input: {}) { ... on PaymentCollectio { id } } }",
    ],
)
def test_production_makes_no_suggestions(production: RunningServer, query: str) -> None:
    """In production the error for an unknown name suggests no similar name."""
    response = production.post(query)
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")
    assert "did you mean" not in response.text.lower()


def test_production_makes_no_suggestions_for_variables(production: RunningServer) -> None:
    """A misspelled key of an input in the variables is not corrected either."""
    query = "mutation ($i: CreatePaymentCollectionInput!) { createPaymentCollection(input: $i) { __typename } }"
    for given in ({"amoun": "1"}, {"amount": "1", "currencyCode": "USD", "referenc": "x"}):
        response = production.post(query, {"i": given})
        assert refused(response) == (422, "BAD_USER_INPUT")
        assert "did you mean" not in response.text.lower()


def test_development_does_make_suggestions(open_server: RunningServer) -> None:
    """The setting has an effect: development names the field that is near."""
    response = open_server.post("{ payment(id: 1) { statu } }")
    assert "did you mean" in response.text.lower()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandbox/ledger"),
        ("GET", "/sandbox/challenges/payses_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("POST", "/sandbox/challenges/payses_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("POST", "/sandbox/reports/payses_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("POST", "/webhooks/sandbox"),
    ],
)
def test_the_sandbox_is_not_there_in_production(
    production: RunningServer, method: str, path: str
) -> None:
    """Its addresses are 404, with the secret key too."""
    headers = {"authorization": f"Bearer {SECRET_KEY}"}
    response = production.client.request(method, path, json={}, headers=headers)
    assert response.status_code == 404


def test_production_has_the_system_provider_alone(production: RunningServer) -> None:
    """The sandbox is not among the providers, disabled ones included."""
    found = production.run("back_end/13_list_payment_providers")
    assert [provider["id"] for provider in found] == ["system"]
