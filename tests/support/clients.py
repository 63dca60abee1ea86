"""What every HTTP client of the tests is made with."""

import httpx2

POOL = httpx2.Limits(keepalive_expiry=1.0)
"""A server closes what was idle for 5 s, and resets the request that comes at that very instant."""
