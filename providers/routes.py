"""The addresses that a provider has at this server next to that of its reports."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

Endpoint = Callable[[Request], Awaitable[Response]]

Guard = Callable[[Endpoint], Endpoint]
"""Restricts an endpoint to secret keys: other callers get the refusal."""

Trusts = Callable[[Request], bool]
"""Whether a request comes from the developer whose machine this is; false for every request in production."""


@runtime_checkable
class HasRoutes(Protocol):
    """A provider with pages or addresses of its own at this server."""

    def routes(self, guard: Guard, trusts: Trusts) -> Sequence[BaseRoute]:
        """Return the provider's addresses, each below `/` and the provider's id."""
