"""Authentication: a secret key, a client secret, or, where no keys are set, a caller on this very machine."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from edge.loopback import is_from_here
from edge.rate_limits.allowances import Allowance, RateLimited
from edge.rate_limits.rate_limits import RateLimits
from payments.model import instants
from payments.model.callers import BACK_END, Caller
from payments.model.client_secrets import ClientSecret, ClientSecrets
from payments.model.errors import Forbidden, StoreBusy, Unauthenticated
from payments.ports.reads import Reads


class Admitted(NamedTuple):
    """An authenticated caller, with what is left of the rate limit that counts it, if one does."""

    caller: Caller
    allowance: Allowance | None = None


Authenticate = Callable[[str | None, HTTPConnection], Awaitable[Admitted]]
"""A function that takes the Authorization header's value as it came, or None; raises Unauthenticated and RateLimited.

Over a WebSocket the value is the one of connection_init, or else the header's.
"""

Endpoint = Callable[[Request], Awaitable[Response]]

StillKnows = Callable[[Caller], bool]
"""A function that returns whether a caller's credential is still valid: keys may be removed meanwhile."""

BEARER = "bearer "
LONGEST_CREDENTIAL = 512
"""Characters: longer than any key or client secret, so that nothing large is hashed for strangers."""

NOT_KNOWN = "This credential is not known."

NEEDED = "A secret key or a client secret is needed."

ELSEWHERE = (
    "This server has no secret keys and serves callers on its own machine alone, without a proxy between:"
    " set TILLGRAPH_SECRET_KEYS to serve others."
)


class Authentication:
    """The translation of credentials into callers."""

    def __init__(
        self,
        secret_key_hashes: frozenset[str],
        client_secrets: ClientSecrets,
        reads: Reads,
        limits: RateLimits,
    ) -> None:
        self._back_ends: Mapping[str, Caller] = {}
        self.replace_keys(secret_key_hashes)
        self._client_secrets = client_secrets
        self._reads = reads
        self._limits = limits

    async def __call__(self, credential: str | None, connection: HTTPConnection) -> Admitted:
        """Return the caller of a request, and count it; raises Unauthenticated and RateLimited."""
        token = _token(credential)
        secret = self._client_secrets.read(token)
        if secret is not None:
            # Counted by the signed content before the database is asked whether the secret is still current.
            allowance = await self._limits.take_browser(secret)
            return Admitted(await self._browser(secret), allowance)
        digest = hashlib.sha256(token.encode()).hexdigest()
        origin = await self._limits.require_address(connection, digest)
        caller = self._trusted(connection) if credential is None else self._back_end(digest)
        if caller is None:
            await self._limits.take_failure(origin)
            raise Unauthenticated(NOT_KNOWN if credential is not None else self._missing)
        await self._limits.note_right(origin)
        return Admitted(caller, await self._limits.take_back_end(caller))

    async def close(self) -> None:
        """Close the store of the rate limits."""
        await self._limits.close()

    @property
    def requires_keys(self) -> bool:
        """Return whether every caller needs a credential."""
        return bool(self._back_ends)

    def replace_keys(self, secret_key_hashes: frozenset[str]) -> None:
        """Accept these secret keys from now on, and no others."""
        self._back_ends = {known: Caller(key_hash=known) for known in secret_key_hashes}

    def still_knows(self, caller: Caller) -> bool:
        """Return whether a caller's secret key is still valid; a browser has none."""
        return caller.is_browser or (
            caller.key_hash in self._back_ends if self.requires_keys else caller.key_hash is None
        )

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Restrict an endpoint next to GraphQL to secret keys; other callers get the refusal."""

        async def guard(request: Request) -> Response:
            try:
                await self._require_secret_key(request)
                return await endpoint(request)
            except Unauthenticated as denied:
                return _refusal(401, str(denied), {"www-authenticate": "Bearer"})
            except Forbidden as denied:
                return _refusal(403, str(denied))
            except RateLimited as limited:
                after_seconds = str(limited.allowance.reset_seconds)
                return _refusal(429, str(limited), {"retry-after": after_seconds})
            except StoreBusy as busy:
                return _refusal(503, str(busy), {"retry-after": "1"})

        return guard

    async def _require_secret_key(self, connection: HTTPConnection) -> None:
        admitted = await self(connection.headers.get("authorization"), connection)
        if admitted.caller.is_browser:
            raise Forbidden("A client secret does not permit this.")

    def _back_end(self, digest: str) -> Caller | None:
        # Every hash is compared, so that the time taken does not reveal which one is nearest.
        matches = [
            caller
            for known, caller in self._back_ends.items()
            if hmac.compare_digest(digest, known)
        ]
        return matches[0] if matches else None

    async def _browser(self, secret: ClientSecret) -> Caller:
        found = await self._reads.collections([secret.collection_id])
        collection = found.get(secret.collection_id)
        if collection is None or not secret.is_current(collection, instants.now()):
            raise Unauthenticated(NOT_KNOWN)
        return Caller(secret.collection_id, secret.ends_at, secret.version)

    def require_here(self, connection: HTTPConnection) -> None:
        """If no keys are set, accept only callers on this machine; raises Unauthenticated."""
        if not self.requires_keys and not is_from_here(connection):
            raise Unauthenticated(ELSEWHERE)

    def _trusted(self, connection: HTTPConnection) -> Caller | None:
        """Return the trusted caller if a request without a credential comes from this machine and that is enough."""
        return BACK_END if not self.requires_keys and is_from_here(connection) else None

    @property
    def _missing(self) -> str:
        return NEEDED if self.requires_keys else ELSEWHERE


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        {"message": message}, status, {"cache-control": "no-store", **(headers or {})}
    )


def _token(credential: str | None) -> str:
    """Return the bearer token of a credential; empty where there is none that could be valid."""
    if credential is None or len(credential) > LONGEST_CREDENTIAL or not credential.isascii():
        return ""
    return credential[len(BEARER) :].strip() if credential.lower().startswith(BEARER) else ""
