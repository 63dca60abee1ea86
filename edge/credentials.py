"""How the edge asks who calls."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from payments.access import Caller

Authenticate = Callable[[str | None, HTTPConnection], Awaitable[Caller]]
"""Takes an Authorization header's value as it came, None without one; raises Unauthenticated.

Over a WebSocket the value is the one of connection_init, or else the header's.
"""

StillKnows = Callable[[Caller], bool]
"""Tells whether the credential that a caller came with is one yet: keys may be taken away meanwhile."""
