"""The pool of connections between a server and a sandbox gateway in a process of its own."""

import ssl
from functools import cache

import httpx2

CONNECTIONS = 100
IDLE_CONNECTIONS = 20

IDLE_SECONDS = 2.0
"""Far less than either server keeps an idle connection: a request sent as it closes would have an unknown outcome."""

POOL_LIMITS = httpx2.Limits(
    max_connections=CONNECTIONS,
    max_keepalive_connections=IDLE_CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


@cache
def authorities() -> ssl.SSLContext:
    """Return the certificate authorities of this machine, read once for all connections: it takes some 50 ms."""
    return httpx2.create_ssl_context(trust_env=False)
