"""The addresses that a provider has at this server next to that of its reports."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from payments.model.ids import ProviderId
from providers.settings import ProviderFault

Endpoint = Callable[[Request], Awaitable[Response]]

Guard = Callable[[Endpoint], Endpoint]
"""Restricts an endpoint to secret keys: other callers get the refusal."""

Trusts = Callable[[Request], bool]
"""Whether a request comes from the developer whose machine this is; false for every request in production."""


@runtime_checkable
class HasRoutes(Protocol):
    """A provider with pages or addresses of its own at this server."""

    id: ProviderId

    def routes(self, guard: Guard, trusts: Trusts) -> Sequence[BaseRoute]:
        """Return the provider's addresses, each below `/` and the provider's id."""


def routes_of(provider: HasRoutes, guard: Guard, trusts: Trusts) -> Sequence[BaseRoute]:
    """Return a provider's addresses; raises ProviderFault where one is not below the provider's id."""
    routes = provider.routes(guard, trusts)
    for route in routes:
        path = str(getattr(route, "path", ""))
        if not path.startswith(f"/{provider.id}/"):
            raise ProviderFault(
                f"The provider {provider.id} has an address that is not its own: {path}"
            )
    return routes
