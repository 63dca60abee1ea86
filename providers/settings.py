"""The settings of providers, which their factories receive."""

from dataclasses import dataclass
from pathlib import Path

READ_SECONDS = 5.0
"""A gateway that is silent for longer is not waited for: all tries of one request end within eight seconds."""


class ProviderFault(Exception):
    """An error: a provider can't be set up; start-up ends with its one sentence."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The operator's settings for the sandbox."""

    database: Path
    """The file of the gateway's own ledger; used if the gateway runs in this process."""
    webhook_secret: str
    """The secret that signs the gateway's reports, and restricts the gateway to this server."""
    url: str | None = None
    """The address of a gateway in a process of its own; None: it runs in this one."""


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """The operator's settings for Stripe."""

    secret_key: str
    publishable_key: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    api_base: str | None = None
    """Another address that speaks Stripe's API; None: Stripe's own."""
    captures_later: bool = True
    """Whether to authorize first where a payment method can; otherwise everything is captured at once."""
    has_multicapture: bool = False
    """Whether the account can capture an authorization in several parts."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The settings that every factory receives; a provider in a package of its own also reads its own variables."""

    public_url: str
    """The address at which customers' browsers reach the server, without a slash at its end."""
    local_url: str
    """The address at which this machine reaches the server, without a slash at its end."""
    is_development: bool = True
    read_seconds: float = READ_SECONDS
    """How long a gateway may be silent during an answer."""
    sandbox: SandboxSettings | None = None
    """None: the sandbox is off."""
    stripe: StripeSettings | None = None
    """None: there is no key, and no Stripe provider."""
