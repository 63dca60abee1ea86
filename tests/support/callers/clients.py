"""The settings of the tests' HTTP clients that keep connections; a test opens as many at once as it needs."""

import httpx2

POOL_LIMITS = httpx2.Limits(keepalive_expiry=1.0)
"""A server closes idle connections after a while, and resets a request that arrives at that very instant."""
