"""What the tests' HTTP clients that keep connections are made with; a test opens as many at once as it needs."""

import httpx2

POOL_LIMITS = httpx2.Limits(keepalive_expiry=1.0)
"""A server closes what is idle after a while, and resets the request that comes at that very instant."""
