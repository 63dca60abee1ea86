"""Settings: which are wrong, and the sentence that says so.

tests/api/program/test_settings.py ends start-up with it.
"""

import shutil
from pathlib import Path

import pytest

from app.environment import SettingsError
from app.settings import ENV_FILE, Settings, load
from tests.api.program.test_settings import SHORT
from tests.support.program.commands import PRODUCTION, SIGNING_KEY
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import ROOT

pytestmark = pytest.mark.usefixtures("alone")

STRIPE = {"TILLGRAPH_STRIPE_SECRET_KEY": "sk_test_of_this_test"}

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "everybody as a proxy": (
        {"TILLGRAPH_TRUSTED_PROXIES": "0.0.0.0/0"},
        "TILLGRAPH_TRUSTED_PROXIES",
    ),
    "a connection kept for no time": (
        {"TILLGRAPH_KEEP_ALIVE_SECONDS": "0"},
        "TILLGRAPH_KEEP_ALIVE_SECONDS",
    ),
    "no connection": ({"TILLGRAPH_CONNECTIONS": "0"}, "TILLGRAPH_CONNECTIONS"),
    "fewer connections of an address than none": (
        {"TILLGRAPH_CONNECTIONS_PER_ADDRESS": "-1"},
        "TILLGRAPH_CONNECTIONS_PER_ADDRESS",
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
    "an address whose port is none": (
        {"TILLGRAPH_STRIPE_API_BASE": "http://127.0.0.1:99999"},
        "TILLGRAPH_STRIPE_API_BASE",
    ),
    "an address without its host": (
        {"TILLGRAPH_PUBLIC_URL": "http://:8000"},
        "TILLGRAPH_PUBLIC_URL",
    ),
    "an origin whose port is none": (
        {"TILLGRAPH_ALLOWED_ORIGINS": "https://shop.example:https"},
        "TILLGRAPH_ALLOWED_ORIGINS",
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
    "the host under our prefix": ({"TILLGRAPH_HOST": "0.0.0.0"}, "TILLGRAPH_HOST"),  # noqa: S104
    "the port under our prefix": ({"TILLGRAPH_PORT": "8001"}, "TILLGRAPH_PORT"),
    "a key in quotes": ({"TILLGRAPH_SECRET_KEYS": f'"{SECRET_KEY}"'}, "TILLGRAPH_SECRET_KEYS"),
    "one key of two in quotes": (
        {"TILLGRAPH_SIGNING_KEYS": f"{SIGNING_KEY}, '{SIGNING_KEY}'"},
        "TILLGRAPH_SIGNING_KEYS",
    ),
    "a number in quotes": ({"PORT": "'8000'"}, "PORT"),
    "a secret of the sandbox in quotes": (
        {"TILLGRAPH_SANDBOX_WEBHOOK_SECRET": f"'{SIGNING_KEY}'"},
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET",
    ),
    "a list of nothing": ({"TILLGRAPH_SECRET_KEYS": " , "}, "TILLGRAPH_SECRET_KEYS"),
    "a sandbox that is neither on nor off": (
        {"TILLGRAPH_SANDBOX_ENABLED": "maybe"},
        "TILLGRAPH_SANDBOX_ENABLED",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_setting_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """One line that names the setting, and no value that is secret."""
    environment, name = WRONG[kind]
    for one, value in environment.items():
        monkeypatch.setenv(one, value)
    with pytest.raises(SettingsError) as refusal:
        load()
    (line,) = str(refusal.value).splitlines()
    assert name in line
    assert line.endswith(".")
    for secret in (SHORT, "hunter2", SECRET_KEY, SIGNING_KEY):
        assert secret not in line


def test_what_is_right_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Production's settings, from which most of the table departs, are taken; with keys, on every address."""
    for name, value in {**PRODUCTION, "HOST": "0.0.0.0"}.items():  # noqa: S104 - nothing is bound
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.host == "0.0.0.0"  # noqa: S104 - the same
    assert not settings.is_development
    assert (settings.secret_keys, settings.signing_keys) == ((SECRET_KEY,), (SIGNING_KEY,))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        (PRODUCTION, 200),
        ({**PRODUCTION, "TILLGRAPH_CONNECTIONS_PER_ADDRESS": "0"}, None),
        ({"TILLGRAPH_CONNECTIONS_PER_ADDRESS": "5"}, 5),
    ],
)
def test_connections_of_an_address_are_bounded_in_production(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: int | None
) -> None:
    """Elsewhere by whoever says so, and 0 is any number; an idle one is kept for 75 seconds."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert (settings.address_connections, settings.keep_alive_seconds) == (expected, 75)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` in the working directory is read; a variable that is in both has the environment's value."""
    Path(".env").write_text('TILLGRAPH_DATABASE_URL="sqlite+aiosqlite:///from-file.db"\n')
    assert load().database_path == Path("from-file.db")
    monkeypatch.setenv("TILLGRAPH_DATABASE_URL", "sqlite+aiosqlite:///from-environment.db")
    assert load().database_path == Path("from-environment.db")


def test_an_unknown_setting_in_the_file_is_told() -> None:
    """A misspelled name there is no more ignored than in the environment."""
    Path(".env").write_text("TILLGRAPH_SIGNING_KEY=x\n")
    with pytest.raises(SettingsError, match=r"^TILLGRAPH_SIGNING_KEY is not a setting"):
        load()


OF_KUBERNETES = {
    "TILLGRAPH_SERVICE_HOST": "10.96.0.17",
    "TILLGRAPH_SERVICE_PORT": "80",
    "TILLGRAPH_SERVICE_PORT_HTTP": "80",
    "TILLGRAPH_PORT": "tcp://10.96.0.17:80",
    "TILLGRAPH_PORT_80_TCP": "tcp://10.96.0.17:80",
    "TILLGRAPH_PORT_80_TCP_PROTO": "tcp",
    "TILLGRAPH_PORT_80_TCP_PORT": "80",
    "TILLGRAPH_PORT_80_TCP_ADDR": "10.96.0.17",
    "TILLGRAPH_SANDBOX_SERVICE_HOST": "fd00::17",
    "TILLGRAPH_SANDBOX_SERVICE_PORT": "8001",
    "TILLGRAPH_SANDBOX_PORT": "tcp://[fd00::17]:8001",
    "TILLGRAPH_SANDBOX_PORT_53_UDP": "udp://[fd00::17]:53",
    "TILLGRAPH_SANDBOX_PORT_53_UDP_PROTO": "udp",
}


def test_what_kubernetes_sets_for_a_service_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service named tillgraph, and one named tillgraph-sandbox, neither stop the start nor change a setting."""
    before = load()
    for name, value in OF_KUBERNETES.items():
        monkeypatch.setenv(name, value)
    assert load() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TILLGRAPH_SERVICE_HOST", "pay.example"),
        ("TILLGRAPH_SERVICE_HOSTS", "10.96.0.17"),
        ("TILLGRAPH_SERVICE_PORT", "http"),
        ("TILLGRAPH_PORT_80_TCP", "80"),
        ("TILLGRAPH_SECRET_KEYS_PORT", "8000"),
        ("TILLGRAPH_ALLOWED_ORIGIN", "tcp://10.96.0.17:80"),
    ],
)
def test_what_kubernetes_does_not_set_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Name and value both have to be of its forms: a misspelled setting is none of them."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{name} is not a setting"):
        load()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TILLGRAPH_SECRET_KEY", ": perhaps TILLGRAPH_SECRET_KEYS is meant."),
        ("TILLGRAPH_HOST", ": it is HOST."),
        ("TILLGRAPH_COLOUR", "; docs/settings.md lists them."),
    ],
)
def test_a_wrong_name_brings_the_right_one(
    monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    """A name that is close to a setting's says which; what is like none points at the list."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError) as refusal:
        load()
    assert str(refusal.value) == f"{name} is not a setting of this server{hint}"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_an_empty_setting_counts_as_left_out(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """As compose files and charts write what they have no value for: the default holds, in the file too."""
    before = load()
    name = field.upper() if field in ("host", "port") else f"TILLGRAPH_{field.upper()}"
    monkeypatch.setenv(name, "")
    assert load() == before
    monkeypatch.delenv(name)
    Path(ENV_FILE).write_text(f"{name}=\n")
    assert load() == before


FILES: dict[str, tuple[bytes, str]] = {
    "UTF-16": ("TILLGRAPH_UNIQUE_REFERENCE=true\n".encode("utf-16"), "UTF-8"),
    "UTF-16 without its mark": ("TILLGRAPH_SECRET_KEY=x\n".encode("utf-16-le"), "UTF-8"),
    "Latin-1": ("TILLGRAPH_SANDBOX_WEBHOOK_SECRET=schlüssel\n".encode("latin-1"), "UTF-8"),
    "a colon": (b"# keys\n\nTILLGRAPH_SECRET_KEYS: x\n", "line 3 "),
    "a name alone": (b"PORT=8000\nTILLGRAPH_SECRET_KEYS\n", "line 2 "),
    "a quote without its end": (b"TILLGRAPH_SECRET_KEYS='x\n", "line 1 "),
    "quotes within quotes": (b"TILLGRAPH_SECRET_KEYS='\"x\"'\n", "quotes"),
    "a name of the environment's": (b"TILLGRAPH_PORT=tcp://10.96.0.17:80\n", "not a setting"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_meant_so_is_told(kind: str) -> None:
    """No line of `.env` is passed over in silence, and none ends in a traceback."""
    content, reason = FILES[kind]
    Path(ENV_FILE).write_bytes(content)
    with pytest.raises(SettingsError) as refusal:
        load()
    assert reason in str(refusal.value)


def test_a_file_that_begins_with_a_byte_order_mark_is_read() -> None:
    """As editors on Windows write UTF-8."""
    Path(ENV_FILE).write_text("PORT=8123\n", encoding="utf-8-sig")
    assert load().port == 8123


def test_the_example_of_settings_is_taken() -> None:
    """`.env.example`, copied as it is, is a valid file of settings."""
    shutil.copy(ROOT / ".env.example", ".env")
    assert load().is_development


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.2", "http://127.0.0.2:8000"),
        ("localhost", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - nothing is bound
        ("::", "http://127.0.0.1:8000"),
        ("0:0::0", "http://127.0.0.1:8000"),
    ],
)
def test_the_address_of_a_host(monkeypatch: pytest.MonkeyPatch, host: str, address: str) -> None:
    """Every address is none to call: loopback's stands for it."""
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("TILLGRAPH_SECRET_KEYS", SECRET_KEY)
    assert load().local_url == address


@pytest.mark.parametrize("spelling", ["as it is", "with a detour", "through a link"])
def test_the_checkout_s_own_documents_by_any_spelling(tmp_path: Path, spelling: str) -> None:
    """A browser may run those of the front end alone, however the folder is written."""
    link = tmp_path / "current"
    link.symlink_to(ROOT)
    written = {
        "as it is": "queries",
        "with a detour": "queries/../queries",
        "through a link": str(link / "queries"),
    }
    settings = Settings(documents=Path(written[spelling]))
    assert settings.trusts_own_documents
    assert settings.browser_documents_folder.resolve() == ROOT / "queries" / "front_end"
