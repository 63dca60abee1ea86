"""The operator's settings, from the environment or a `.env` file. A wrong value stops start-up with one sentence."""

import hashlib
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.environment import PREFIX, SettingsError, require_known
from app.private_files import SHORTEST_KEY
from edge.origins import is_loopback_name
from edge.rate_limits.client_addresses import Network
from edge.rate_limits.rate_limits import NO_RATE, Rates, read_rate

CHECKOUT = Path(__file__).parent.parent
ENV_FILE = ".env"

OWN_DOCUMENTS = Path("queries")
FRONT_END = "front_end"
"""The folder below the documents whose files a client secret may run in production; those of back_end are refused."""

HASHED_KEY = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
SQLITE_PREFIX = "sqlite+aiosqlite:///"
SQLITE_ADDRESS = re.compile(re.escape(SQLITE_PREFIX) + r"[^:?#]+")
POSTGRESQL_PREFIX = "postgresql+asyncpg://"
POSTGRESQL_ADDRESS = re.compile(re.escape(POSTGRESQL_PREFIX) + r"[^/?#]*/[^/?#]+(\?[^#]*)?")
STRIPE_SECRET_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{4,255}", re.ASCII)
STRIPE_PUBLISHABLE_KEY = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{4,255}", re.ASCII)
STRIPE_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_]{4,255}", re.ASCII)
ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+", re.ASCII)

BROWSER_RATE = "600/minute"
"""In production: a checkout page sends some ten requests, a script that tries everything thousands."""

ADDRESS_RATE = "60/minute"
"""In production: a key is right or wrong, so that more of these are guesses, or a faulty program."""

ADDRESS_CONNECTIONS = 200
"""In production: a household has some ten browsers, and a large network behind one address some hundred customers."""

MEMORY_STORE = "memory://"
DATABASE_STORE = "database://"
REDIS_ADDRESS = re.compile(
    r"rediss?://([^/?#@]*@)?([^/?#@:\[\]]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?(/[0-9]*)?(\?[^#]*)?",
    re.ASCII,
)

List = Annotated[tuple[str, ...], NoDecode]


def _is_origin(value: str) -> bool:
    """Return whether an address has a scheme, a host and, if it names one, a valid port."""
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and ORIGIN.fullmatch(value) is not None


class Settings(BaseSettings):
    """The settings, described in docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Literal["development", "production"] = "development"
    host: str = Field(default="127.0.0.1", validation_alias="HOST")
    port: int = Field(default=8000, ge=0, le=65_535, validation_alias="PORT")
    database_url: str = "sqlite+aiosqlite:///tillgraph.db"
    database_connections: int = Field(default=10, ge=1, le=100)
    secret_keys: List = ()
    signing_keys: List = ()
    unique_reference: bool = False
    client_secret_hours: float = Field(default=72, gt=0, le=24 * 366)
    browser_providers: List | None = None
    allowed_origins: List = ()
    public_url: str | None = None
    recovery_interval_seconds: float = Field(default=10, ge=0.1, le=3_600)
    check_interval_seconds: float = Field(default=900, ge=0, le=86_400)
    """0: never."""
    sandbox_enabled: bool | None = None
    sandbox_database: Path | None = None
    sandbox_url: str | None = None
    sandbox_webhook_secret: str | None = None
    webhooks_allow_private: bool = False
    stripe_secret_key: str | None = None
    stripe_publishable_key: str | None = None
    stripe_webhook_secrets: List = ()
    stripe_api_base: str | None = None
    stripe_capture_method: Literal["manual", "automatic"] = "manual"
    stripe_multicapture: bool = False
    documents: Path = OWN_DOCUMENTS
    rate_limit_store: str = MEMORY_STORE
    rate_limit_back_end: str = NO_RATE
    rate_limit_browser: str | None = None
    rate_limit_address: str | None = None
    """None, for either: the rate below in production, and no limit in development."""
    trusted_proxies: List = ()
    keep_alive_seconds: int = Field(default=75, ge=1, le=3_600)
    connections: int = Field(default=1_000, ge=1, le=100_000)
    connections_per_address: int | None = Field(default=None, ge=0, le=100_000)
    """0: no limit. None: the limit below in production, and none in development."""

    @field_validator(
        "secret_keys",
        "signing_keys",
        "browser_providers",
        "allowed_origins",
        "stripe_webhook_secrets",
        "trusted_proxies",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = tuple(part.strip() for part in value.split(",") if part.strip())
        if not parts:
            raise ValueError("must name something, or be left out")
        return parts

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if not (SQLITE_ADDRESS.fullmatch(value) or POSTGRESQL_ADDRESS.fullmatch(value)):
            raise ValueError(
                "must be a file, such as sqlite+aiosqlite:///tillgraph.db, or a server's database,"
                " such as postgresql+asyncpg://user:password@host/tillgraph"
            )
        return value

    @field_validator("secret_keys", "signing_keys")
    @classmethod
    def _are_long(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for key in value:
            if not key.isascii() or not key.isprintable() or " " in key or len(key) < SHORTEST_KEY:
                raise ValueError(
                    f"must hold keys of at least {SHORTEST_KEY} printable ASCII characters without spaces"
                )
            if key.startswith("sha256:") and HASHED_KEY.fullmatch(key) is None:
                raise ValueError("must give a hash as sha256: and 64 lower-case hex digits")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _is_origin(origin):
                raise ValueError("must hold origins such as https://shop.example, without a path")
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _is_stripe_secret(cls, value: str | None) -> str | None:
        if value is not None and STRIPE_SECRET_KEY.fullmatch(value) is None:
            raise ValueError("must be a secret or restricted key of Stripe's, such as sk_test_…")
        return value

    @field_validator("stripe_publishable_key")
    @classmethod
    def _is_stripe_publishable(cls, value: str | None) -> str | None:
        if value is not None and STRIPE_PUBLISHABLE_KEY.fullmatch(value) is None:
            raise ValueError("must be a publishable key of Stripe's, such as pk_test_…")
        return value

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _are_webhook_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(STRIPE_WEBHOOK_SECRET.fullmatch(secret) is None for secret in value):
            raise ValueError("must hold webhook secrets of Stripe's, such as whsec_…")
        return value

    @field_validator("rate_limit_store")
    @classmethod
    def _is_store(cls, value: str) -> str:
        if value not in (MEMORY_STORE, DATABASE_STORE) and REDIS_ADDRESS.fullmatch(value) is None:
            raise ValueError(
                f"must be {MEMORY_STORE}, {DATABASE_STORE} or a Redis, such as redis://127.0.0.1:6379/0"
            )
        return value

    @field_validator("rate_limit_back_end", "rate_limit_browser", "rate_limit_address")
    @classmethod
    def _is_rate(cls, value: str | None) -> str | None:
        if value is not None:
            read_rate(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                is_everything = ipaddress.ip_network(network).prefixlen == 0
            except ValueError:
                is_everything = True
            if is_everything:
                raise ValueError(
                    "must hold addresses or networks, such as 10.0.0.7 or 10.0.0.0/24"
                ) from None
        return value

    @field_validator("public_url", "sandbox_url", "stripe_api_base")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not _is_origin(value.rstrip("/")):
            raise ValueError("must be an address such as https://pay.example, without a path")
        return value.rstrip("/") if value is not None else None

    @property
    def is_development(self) -> bool:
        """Return whether this is a developer's own server."""
        return self.environment == "development"

    @property
    def is_sandbox_enabled(self) -> bool:
        """Return whether the sandbox is on: in development unless turned off, in production only if turned on."""
        return self.is_development if self.sandbox_enabled is None else self.sandbox_enabled

    @property
    def database_path(self) -> Path | None:
        """Return the SQLite database's file; None if the database is a server's."""
        is_file = self.database_url.startswith(SQLITE_PREFIX)
        return Path(self.database_url.removeprefix(SQLITE_PREFIX)) if is_file else None

    @property
    def sandbox_path(self) -> Path:
        """Return the file of the sandbox's own ledger: beside the database's file, else in the working directory."""
        name = "tillgraph-sandbox.db"
        if self.sandbox_database is not None:
            return self.sandbox_database
        return self.database_path.with_name(name) if self.database_path else Path(name)

    @property
    def databases(self) -> tuple[Path, ...]:
        """Return the files of this machine's databases, which need not exist."""
        own = self.database_path
        return (self.sandbox_path,) if own is None else (own, self.sandbox_path)

    @property
    def documents_folder(self) -> Path:
        """Return the folder of trusted documents; a relative one lies in the checkout, as its default does."""
        return CHECKOUT / self.documents

    @property
    def trusts_own_documents(self) -> bool:
        """Return whether the trusted documents are the checkout's own, which the tests check against the schema."""
        # However it is written, or through a link: another folder is one that a shop trusts browsers with, whole.
        return self.documents_folder.resolve() == (CHECKOUT / OWN_DOCUMENTS).resolve()

    @property
    def browser_documents_folder(self) -> Path:
        """Return the folder of the documents that a client secret may run in production.

        Of a shop's own folder, browsers may run every document.
        """
        folder = self.documents_folder
        return folder / FRONT_END if self.trusts_own_documents else folder

    @property
    def rates(self) -> Rates:
        """Return the rate limit of each kind of caller."""
        is_production = not self.is_development
        return Rates(
            back_end=read_rate(self.rate_limit_back_end),
            browser=read_rate(
                self.rate_limit_browser or (BROWSER_RATE if is_production else NO_RATE)
            ),
            address=read_rate(
                self.rate_limit_address or (ADDRESS_RATE if is_production else NO_RATE)
            ),
        )

    @property
    def address_connections(self) -> int | None:
        """Return how many connections one address may have open at a process; None: any number."""
        shipped = 0 if self.is_development else ADDRESS_CONNECTIONS
        given = self.connections_per_address
        return (shipped if given is None else given) or None

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Return the networks of the trusted proxies."""
        return tuple(ipaddress.ip_network(text) for text in self.trusted_proxies)

    @property
    def secret_key_hashes(self) -> frozenset[str]:
        """Return the SHA-256 of each secret key, in hex."""
        return frozenset(
            key.removeprefix("sha256:")
            if key.startswith("sha256:")
            else hashlib.sha256(key.encode()).hexdigest()
            for key in self.secret_keys
        )

    @property
    def local_url(self) -> str:
        """Return the address at which this machine reaches the server."""
        return f"http://{in_address(_reaching(self.host))}:{self.port}"

    @property
    def reachable_url(self) -> str:
        """Return the address that customers' browsers reach."""
        return self.public_url or self.local_url


def load() -> Settings:
    """Read and check every setting; raises SettingsError."""
    require_known(os.environ, Path(ENV_FILE), {_variable(name) for name in Settings.model_fields})
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    _check_together(settings)
    return settings


def in_address(host: str) -> str:
    """Return a host as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _reaching(host: str) -> str:
    """Return an address at which a server bound to a host can be reached: a wildcard address is not one."""
    try:
        is_every = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        is_every = False
    return "127.0.0.1" if is_every else host


def are_keys_fixed() -> bool:
    """Return whether the secret keys are in the environment, which a running process keeps."""
    return bool(os.environ.get("TILLGRAPH_SECRET_KEYS"))


def _variable(name: str) -> str:
    """Return the name of a setting's variable."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = str(first["loc"][0])
    name = _variable(place) if place in Settings.model_fields else place
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[0].lower() + message[1:]
    return f"{name}: {message}."


def _check_together(settings: Settings) -> None:
    if not settings.secret_keys and not is_loopback_name(settings.host):
        raise SettingsError(
            f"HOST is {settings.host}, which is not loopback: set TILLGRAPH_SECRET_KEYS first,"
            " or everybody could take and refund payments."
        )
    _check_stripe(settings)
    if settings.database_path is not None:
        _require_writable("TILLGRAPH_DATABASE_URL", settings.database_path)
    if settings.is_sandbox_enabled and settings.sandbox_url is None:
        _require_writable("TILLGRAPH_SANDBOX_DATABASE", settings.sandbox_path)
    if not settings.documents_folder.is_dir():
        raise SettingsError(
            f"TILLGRAPH_DOCUMENTS: {settings.documents_folder} has to be a folder that exists."
        )
    if settings.is_development:
        return
    if not settings.secret_keys:
        raise SettingsError("TILLGRAPH_SECRET_KEYS must be set in production.")
    if not settings.signing_keys:
        raise SettingsError("TILLGRAPH_SIGNING_KEYS must be set in production.")
    if settings.is_sandbox_enabled and not settings.sandbox_webhook_secret:
        raise SettingsError(
            "TILLGRAPH_SANDBOX_WEBHOOK_SECRET must be set where the sandbox is on in production."
        )


def _check_stripe(settings: Settings) -> None:
    key, publishable = settings.stripe_secret_key, settings.stripe_publishable_key
    if key is None:
        if publishable is not None or settings.stripe_webhook_secrets:
            raise SettingsError("TILLGRAPH_STRIPE_SECRET_KEY must be set where Stripe is used.")
        return
    if publishable is not None and ("_live_" in publishable) is not ("_live_" in key):
        raise SettingsError(
            "TILLGRAPH_STRIPE_PUBLISHABLE_KEY: must be of the same mode, live or test, as the secret key."
        )
    if not settings.is_development and not settings.stripe_webhook_secrets:
        raise SettingsError(
            "TILLGRAPH_STRIPE_WEBHOOK_SECRETS must be set in production where Stripe is used."
        )


def _require_writable(name: str, path: Path) -> None:
    if not os.access(path.parent, os.W_OK | os.X_OK) or path.is_dir():
        raise SettingsError(
            f"{name}: {path} has to lie in a folder that exists and can be written."
        )
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise SettingsError(f"{name}: {path} has to be a file that can be read and written.")
