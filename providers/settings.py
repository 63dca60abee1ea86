"""What a provider's factory is given: the operator's decisions that are about providers."""

from dataclasses import dataclass
from pathlib import Path

READ_SECONDS = 5.0
"""A gateway that says nothing for longer is not waited for: all tries of one ask are over in eight seconds."""


class ProviderFault(Exception):
    """One sentence on why a provider can't be set up; start-up ends with it."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What the operator decides about the sandbox."""

    database: Path
    """The file of the gateway's own ledger; used where the gateway runs in this process."""
    webhook_secret: str
    """Signs what the gateway reports, and opens the gateway to this server alone."""
    url: str | None = None
    """Where the gateway runs in a process of its own; None: in this one."""


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """What the operator decides about Stripe."""

    secret_key: str
    publishable_key: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    api_base: str | None = None
    """Another address that speaks Stripe's API; None: Stripe's own."""
    captures_later: bool = True
    """Authorizes first where a way of paying can; else everything is captured at once."""
    has_multicapture: bool = False
    """The account can capture an authorization in several parts."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What every factory is given; a provider in a package of its own reads its own variables beside it."""

    public_url: str
    """The address that customers' browsers reach, without a slash at its end."""
    local_url: str
    """The address at which this machine reaches the server, without a slash at its end."""
    is_development: bool = True
    read_seconds: float = READ_SECONDS
    """How long a gateway may say nothing in the midst of an answer."""
    sandbox: SandboxSettings | None = None
    """None: the sandbox is off."""
    stripe: StripeSettings | None = None
    """None: there is no key, and no provider of Stripe's."""
