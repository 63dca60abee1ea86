"""How the edge asks who calls."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import HTTPConnection

from payments.access import Allowance, Caller


class Admitted(NamedTuple):
    """A caller who is let in, and what is left of the rate limit that counts them, if one does."""

    caller: Caller
    allowance: Allowance | None = None


Authenticate = Callable[[str | None, HTTPConnection], Awaitable[Admitted]]
"""Takes an Authorization header's value as it came, None without one; raises Unauthenticated and RateLimited.

Over a WebSocket the value is the one of connection_init, or else the header's.
"""

StillKnows = Callable[[Caller], bool]
"""Whether the credential that a caller came with is one yet: keys may be taken away meanwhile."""
