"""The sandbox: a gateway for building a front end and for tests, over a real network or a simulated one."""

import httpx2
from starlette.types import ASGIApp

from payments.ports.provider import Provider
from providers.sandbox.gateway.app import BreaksOff, gateway_app
from providers.sandbox.gateway.connection_pool import POOL_LIMITS, authorities
from providers.sandbox.gateway.gateway import Gateway
from providers.sandbox.gateway.ledger import Ledger
from providers.sandbox.gateway.report_delivery import Deliveries
from providers.sandbox.gateway.signing import check_secret
from providers.sandbox.provider import SandboxProvider
from providers.sandbox.saving import SavingSandboxProvider
from providers.sandbox.transport import InProcess
from providers.settings import ProviderFault, ProviderSettings, SandboxSettings

__all__ = ["SandboxProvider", "create", "create_app"]


def create(settings: ProviderSettings) -> Provider | None:
    """Return the provider with its gateway, or with the way to it; None where the sandbox is off."""
    if settings.sandbox is None:
        return None
    return create_provider(settings.sandbox, settings)


def create_provider(sandbox: SandboxSettings, settings: ProviderSettings) -> SandboxProvider:
    """Return the provider; the gateway runs in this process unless the settings name another place."""
    secret = _secret_of(sandbox)
    if sandbox.url is not None:
        return SavingSandboxProvider(
            httpx2.AsyncHTTPTransport(verify=authorities(), trust_env=False, limits=POOL_LIMITS),
            secret=secret,
            public_url=settings.public_url,
            gateway_url=sandbox.url,
            read_seconds=settings.read_seconds,
        )
    gateway = _gateway(sandbox, settings)
    return SavingSandboxProvider(
        InProcess(gateway_app(gateway, secret)),
        secret=secret,
        public_url=settings.public_url,
        gateway=gateway,
        read_seconds=settings.read_seconds,
    )


def create_app(settings: ProviderSettings) -> ASGIApp:
    """Return the gateway as a program of its own; its lifespan has to be run. Raises ProviderFault."""
    if settings.sandbox is None:
        raise ProviderFault("The sandbox is off.")
    gateway = _gateway(settings.sandbox, settings)
    return BreaksOff(gateway_app(gateway, _secret_of(settings.sandbox)))


def _gateway(sandbox: SandboxSettings, settings: ProviderSettings) -> Gateway:
    ledger = Ledger(sandbox.database)
    webhook_url = f"{settings.local_url}/webhooks/{SandboxProvider.id}"
    deliveries = Deliveries(ledger, webhook_url=webhook_url, secret=_secret_of(sandbox))
    return Gateway(ledger, deliveries)


def _secret_of(sandbox: SandboxSettings) -> str:
    try:
        return check_secret(sandbox.webhook_secret)
    except ValueError as error:
        raise ProviderFault(str(error)) from None
