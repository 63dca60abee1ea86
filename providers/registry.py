"""The one place that knows which providers there are: ours by name, others by their entry point."""

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from starlette.types import ASGIApp

from payments.ports.provider import Provider
from providers import sandbox, stripe, system
from providers.settings import ProviderFault, ProviderSettings

Factory = Callable[[ProviderSettings], Provider | None]
"""Returns a provider; None where its settings leave it off."""

BUILT_IN: tuple[Factory, ...] = (
    system.create,
    sandbox.create,
)

GATEWAYS = (stripe.create,)
"""Our factories that create several providers each."""

ENTRY_POINTS = "tillgraph.providers"
"""The entry point group in which another package names its factory."""

PROVIDER_ID = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
"""Ids appear in addresses, settings and GraphQL variables."""

PORT = tuple(name for name in (*Provider.__annotations__, *vars(Provider)) if name[0] != "_")
"""The attributes that every provider needs."""


def load_providers(
    settings: ProviderSettings, *, packages: Iterable[EntryPoint] | None = None
) -> Sequence[Provider]:
    """Return every provider: ours in their order, then other packages' by name; raises ProviderFault.

    `packages` defaults to the installed entry points.
    """
    found = entry_points(group=ENTRY_POINTS) if packages is None else packages
    providers: dict[str, Provider] = {}
    for factory in BUILT_IN:
        _add(providers, factory(settings), "Tillgraph")
    for gateway in GATEWAYS:
        for provider in gateway(settings):
            _add(providers, provider, "Tillgraph")
    for entry_point in sorted(found, key=lambda one: (one.name, one.value)):
        _add(providers, _from_package(entry_point, settings), _origin(entry_point))
    return tuple(providers.values())


def sandbox_gateway(settings: ProviderSettings) -> ASGIApp:
    """Return the sandbox's gateway as a program of its own; its lifespan has to be run. Raises ProviderFault."""
    return sandbox.create_app(settings)


def _from_package(entry_point: EntryPoint, settings: ProviderSettings) -> Provider | None:
    try:
        factory = cast(Factory, entry_point.load())
        provider = factory(settings)
    except ProviderFault:
        raise
    except Exception as error:  # Another package's code may raise anything.
        raise ProviderFault(
            f"{_origin(entry_point)} can't be set up: {type(error).__name__}: {error}"
        ) from error
    if provider is not None:
        _hold_to_port(provider, _origin(entry_point))
    return provider


def _hold_to_port(provider: Provider, origin: str) -> None:
    missing = [name for name in PORT if not hasattr(provider, name)]
    if missing:
        raise ProviderFault(
            f"{origin} makes something that is no provider: it has no {missing[0]}."
        )
    if PROVIDER_ID.fullmatch(str(provider.id)) is None:
        raise ProviderFault(
            f"{origin} has an id that is not a lower-case letter followed by lower-case letters,"
            " digits and underscores."
        )


def _add(providers: dict[str, Provider], provider: Provider | None, origin: str) -> None:
    if provider is None:
        return
    if provider.id in providers:
        raise ProviderFault(f"{origin} brings a provider {provider.id}, and there is one already.")
    providers[provider.id] = provider


def _origin(entry_point: EntryPoint) -> str:
    package = entry_point.dist.name if entry_point.dist is not None else "?"
    return f"The provider {entry_point.name} of the package {package}"
