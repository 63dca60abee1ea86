"""Settings and commands: a wrong setting stops start-up with one sentence that names it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.api.conftest import SECRET_KEY
from tests.api.raw import refused
from tests.support.running import ROOT, RunningServer, clean_environment, free_port
from tests.support.starting import COMMAND_SECONDS, Ended, run

SIGNING_KEY = "signing-key-of-more-than-16-characters"
PRODUCTION = {
    "TILLGRAPH_ENVIRONMENT": "production",
    "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
    "TILLGRAPH_SIGNING_KEYS": SIGNING_KEY,
}
SHORT = "tooshortsecret"

STRIPE = {"TILLGRAPH_STRIPE_SECRET_KEY": "sk_test_of_this_test"}

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "everybody as a proxy": (
        {"TILLGRAPH_TRUSTED_PROXIES": "0.0.0.0/0"},
        "TILLGRAPH_TRUSTED_PROXIES",
    ),
    "unknown name": ({"TILLGRAPH_SECRET_KEY": SECRET_KEY}, "TILLGRAPH_SECRET_KEY"),
    "every address": ({"HOST": "0.0.0.0"}, "HOST"),  # noqa: S104
    "a name that is not loopback": ({"HOST": "pay.example"}, "HOST"),
    "production without secret keys": (
        {**PRODUCTION, "TILLGRAPH_SECRET_KEYS": ""},
        "TILLGRAPH_SECRET_KEYS",
    ),
    "production without signing keys": (
        {**PRODUCTION, "TILLGRAPH_SIGNING_KEYS": ""},
        "TILLGRAPH_SIGNING_KEYS",
    ),
    "production with a sandbox without its secret": (
        {**PRODUCTION, "TILLGRAPH_SANDBOX_ENABLED": "true"},
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET",
    ),
    "a publishable key as the secret one": (
        {"TILLGRAPH_STRIPE_SECRET_KEY": "pk_test_of_this_test"},
        "TILLGRAPH_STRIPE_SECRET_KEY",
    ),
    "a secret key as the publishable one": (
        {**STRIPE, "TILLGRAPH_STRIPE_PUBLISHABLE_KEY": "sk_test_of_this_test"},
        "TILLGRAPH_STRIPE_PUBLISHABLE_KEY",
    ),
    "a publishable key of the other mode": (
        {**STRIPE, "TILLGRAPH_STRIPE_PUBLISHABLE_KEY": "pk_live_of_this_test"},
        "TILLGRAPH_STRIPE_PUBLISHABLE_KEY",
    ),
    "a webhook secret that is none": (
        {**STRIPE, "TILLGRAPH_STRIPE_WEBHOOK_SECRETS": "whsec_right,wrong"},
        "TILLGRAPH_STRIPE_WEBHOOK_SECRETS",
    ),
    "webhook secrets without a key": (
        {"TILLGRAPH_STRIPE_WEBHOOK_SECRETS": "whsec_right"},
        "TILLGRAPH_STRIPE_SECRET_KEY",
    ),
    "Stripe's address with a path": (
        {**STRIPE, "TILLGRAPH_STRIPE_API_BASE": "http://localhost:1/v1"},
        "TILLGRAPH_STRIPE_API_BASE",
    ),
    "another way to capture": (
        {**STRIPE, "TILLGRAPH_STRIPE_CAPTURE_METHOD": "later"},
        "TILLGRAPH_STRIPE_CAPTURE_METHOD",
    ),
    "production with Stripe without webhook secrets": (
        {**PRODUCTION, **STRIPE},
        "TILLGRAPH_STRIPE_WEBHOOK_SECRETS",
    ),
    "a folder of documents that is not there": (
        {"TILLGRAPH_DOCUMENTS": "queries/nowhere"},
        "TILLGRAPH_DOCUMENTS",
    ),
    "a file as the folder of documents": (
        {"TILLGRAPH_DOCUMENTS": "server.py"},
        "TILLGRAPH_DOCUMENTS",
    ),
    "another store": (
        {"TILLGRAPH_RATE_LIMIT_STORE": "memcached://127.0.0.1:11211"},
        "TILLGRAPH_RATE_LIMIT_STORE",
    ),
    "a Redis without a host": (
        {"TILLGRAPH_RATE_LIMIT_STORE": "redis://:hunter2@/0"},
        "TILLGRAPH_RATE_LIMIT_STORE",
    ),
    "a Redis at a port that is none": (
        {"TILLGRAPH_RATE_LIMIT_STORE": "redis://:hunter2@localhost:http"},
        "TILLGRAPH_RATE_LIMIT_STORE",
    ),
    "a Redis at a port that is too large": (
        {"TILLGRAPH_RATE_LIMIT_STORE": "redis://:hunter2@localhost:99999"},
        "TILLGRAPH_RATE_LIMIT_STORE",
    ),
    "a rate without a time": (
        {"TILLGRAPH_RATE_LIMIT_BROWSER": "600"},
        "TILLGRAPH_RATE_LIMIT_BROWSER",
    ),
    "a rate of nothing": (
        {"TILLGRAPH_RATE_LIMIT_ADDRESS": "0/minute"},
        "TILLGRAPH_RATE_LIMIT_ADDRESS",
    ),
    "two rates": (
        {"TILLGRAPH_RATE_LIMIT_BACK_END": "10/second; 100/minute"},
        "TILLGRAPH_RATE_LIMIT_BACK_END",
    ),
    "a rate of no known time": (
        {"TILLGRAPH_RATE_LIMIT_BROWSER": "600/fortnight"},
        "TILLGRAPH_RATE_LIMIT_BROWSER",
    ),
    "a proxy by name": (
        {"TILLGRAPH_TRUSTED_PROXIES": "10.0.0.1,proxy.example"},
        "TILLGRAPH_TRUSTED_PROXIES",
    ),
    "a network that starts elsewhere": (
        {"TILLGRAPH_TRUSTED_PROXIES": "10.0.0.1/8"},
        "TILLGRAPH_TRUSTED_PROXIES",
    ),
    "another environment": ({"TILLGRAPH_ENVIRONMENT": "staging"}, "TILLGRAPH_ENVIRONMENT"),
    "a port that is no number": ({"PORT": "http"}, "PORT"),
    "a port that is too large": ({"PORT": "65536"}, "PORT"),
    "no hours": ({"TILLGRAPH_CLIENT_SECRET_HOURS": "0"}, "TILLGRAPH_CLIENT_SECRET_HOURS"),
    "hours that are no number": (
        {"TILLGRAPH_CLIENT_SECRET_HOURS": "soon"},
        "TILLGRAPH_CLIENT_SECRET_HOURS",
    ),
    "hours without end": (
        {"TILLGRAPH_CLIENT_SECRET_HOURS": "inf"},
        "TILLGRAPH_CLIENT_SECRET_HOURS",
    ),
    "hours that are NaN": (
        {"TILLGRAPH_CLIENT_SECRET_HOURS": "nan"},
        "TILLGRAPH_CLIENT_SECRET_HOURS",
    ),
    "recovery without pause": (
        {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0"},
        "TILLGRAPH_RECOVERY_INTERVAL_SECONDS",
    ),
    "recovery that is NaN": (
        {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "nan"},
        "TILLGRAPH_RECOVERY_INTERVAL_SECONDS",
    ),
    "PostgreSQL": (
        {"TILLGRAPH_DATABASE_URL": "postgresql+asyncpg://user:hunter2@localhost/till"},
        "TILLGRAPH_DATABASE_URL",
    ),
    "a database in memory": (
        {"TILLGRAPH_DATABASE_URL": "sqlite+aiosqlite:///:memory:"},
        "TILLGRAPH_DATABASE_URL",
    ),
    "a database that is nothing": ({"TILLGRAPH_DATABASE_URL": "till.db"}, "TILLGRAPH_DATABASE_URL"),
    "an origin with a path": (
        {"TILLGRAPH_ALLOWED_ORIGINS": "https://shop.example/"},
        "TILLGRAPH_ALLOWED_ORIGINS",
    ),
    "every origin": ({"TILLGRAPH_ALLOWED_ORIGINS": "*"}, "TILLGRAPH_ALLOWED_ORIGINS"),
    "an origin without a scheme": (
        {"TILLGRAPH_ALLOWED_ORIGINS": "https://shop.example,shop.example"},
        "TILLGRAPH_ALLOWED_ORIGINS",
    ),
    "a public address with a path": (
        {"TILLGRAPH_PUBLIC_URL": "https://pay.example/till"},
        "TILLGRAPH_PUBLIC_URL",
    ),
    "a public address that is none": (
        {"TILLGRAPH_PUBLIC_URL": "javascript:x"},
        "TILLGRAPH_PUBLIC_URL",
    ),
    "a short secret key": ({"TILLGRAPH_SECRET_KEYS": SHORT}, "TILLGRAPH_SECRET_KEYS"),
    "a short secret key among others": (
        {"TILLGRAPH_SECRET_KEYS": f"{SECRET_KEY},{SHORT}"},
        "TILLGRAPH_SECRET_KEYS",
    ),
    "a hash that is none": (
        {"TILLGRAPH_SECRET_KEYS": f"sha256:{'g' * 64}"},
        "TILLGRAPH_SECRET_KEYS",
    ),
    "a short signing key": ({"TILLGRAPH_SIGNING_KEYS": SHORT}, "TILLGRAPH_SIGNING_KEYS"),
    "an unknown provider for browsers": (
        {"TILLGRAPH_BROWSER_PROVIDERS": "sandbox,nope"},
        "TILLGRAPH_BROWSER_PROVIDERS",
    ),
    "a sandbox that is neither on nor off": (
        {"TILLGRAPH_SANDBOX_ENABLED": "maybe"},
        "TILLGRAPH_SANDBOX_ENABLED",
    ),
}


def run_command(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run `python server.py` in a folder of its own to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**clean_environment(), "PORT": str(free_port()), **environment}
    return run("server", arguments, folder=folder, environment=settings)


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


def test_a_wrong_setting_stops_an_interpreter_of_its_own(tmp_path: Path) -> None:
    """As the README starts it, with the import of the program before it."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "server.py"), "serve"],
        cwd=tmp_path,
        env={**clean_environment(), "TILLGRAPH_SIGNING_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "TILLGRAPH_SIGNING_KEY " in line


def test_help_names_every_command(tmp_path: Path) -> None:
    """`--help` ends well and lists what there is."""
    process = run_command(tmp_path, "--help")
    assert process.returncode == 0
    for command in ("serve", "migrate", "check", "recover", "schema", "documents", "sandbox"):
        assert command in process.stdout


@pytest.mark.parametrize("arguments", [[], ["nope"], ["serve", "--nope"]])
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


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A variable that is in both has the environment's value."""
    (tmp_path / ".env").write_text("TILLGRAPH_DATABASE_URL=sqlite+aiosqlite:///from-file.db\n")
    url = "sqlite+aiosqlite:///from-environment.db"
    assert run_command(tmp_path, "migrate", TILLGRAPH_DATABASE_URL=url).returncode == 0
    assert (tmp_path / "from-environment.db").exists()
    assert not (tmp_path / "from-file.db").exists()


def test_an_unknown_setting_in_the_file_stops_start_up(tmp_path: Path) -> None:
    """A misspelled name there is no more ignored than in the environment."""
    (tmp_path / ".env").write_text("TILLGRAPH_SIGNING_KEY=x\n")
    process = run_command(tmp_path, "migrate")
    assert process.returncode == 2
    assert "TILLGRAPH_SIGNING_KEY " in process.stderr


def test_the_example_of_settings_starts(tmp_path: Path) -> None:
    """`.env.example`, copied as it is, is a valid file of settings."""
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    process = run_command(tmp_path, "migrate")
    assert process.returncode == 0, process.stderr


# ── Production ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server in production."""
    server = RunningServer(
        tmp_path_factory.mktemp("production"),
        {**PRODUCTION, "TILLGRAPH_ALLOWED_ORIGINS": "https://shop.example"},
    )
    server.credential = SECRET_KEY
    server.start()
    yield server
    server.close()


def test_production_shows_no_graphiql(production: RunningServer) -> None:
    """A browser that asks for a page gets 406, and the page's own addresses are not there."""
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
    """What is not there is not told by what is near it."""
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


def test_production_allows_the_listed_origins_alone(production: RunningServer) -> None:
    """A listed origin is named by CORS; loopback, which development trusts, is not."""

    def allowed(origin: str) -> str | None:
        body = orjson.dumps({"query": "{ __typename }"})
        headers = {"content-type": "application/json", "origin": origin}
        response = production.client.post("/graphql", content=body, headers=headers)
        return response.headers.get("access-control-allow-origin")

    assert allowed("https://shop.example") == "https://shop.example"
    assert allowed("http://localhost:3000") is None
    assert allowed("https://shop.example.evil.example") is None


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://shop.example/back", True),
        ("https://SHOP.example/back", True),
        ("http://shop.example/back", False),
        ("https://shop.example:444/back", False),
        ("https://www.shop.example/back", False),
        ("http://localhost:3000/back", False),
    ],
)
def test_production_sends_customers_back_to_listed_origins_alone(
    production: RunningServer, url: str, is_taken: bool
) -> None:
    """Scheme, host and port have to be a listed origin's."""
    made = production.change("createPaymentCollection", {"amount": "1.00", "currencyCode": "USD"})
    value = production.change(
        "createPaymentSession",
        {"paymentCollectionId": made["id"], "providerId": "system", "returnUrl": url},
    )
    assert value["__typename"] == ("PaymentSession" if is_taken else "RequestRejected")
