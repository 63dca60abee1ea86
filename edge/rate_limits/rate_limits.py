"""Rate limits: how much each credential may send, and how often an address may present a wrong one."""

import time
from dataclasses import dataclass

from limits import RateLimitItem, parse_many
from starlette.requests import HTTPConnection

from edge import limits
from edge.rate_limits.allowances import Allowance, RateLimited
from edge.rate_limits.client_addresses import ClientAddresses
from edge.rate_limits.counters import Counts
from payments.model.callers import Caller
from payments.model.client_secrets import ClientSecret

NO_RATE = "none"


def read_rate(text: str) -> RateLimitItem | None:
    """Return a rate in the notation of `limits`, such as 600/minute; None for "none". Raises ValueError."""
    if text == NO_RATE:
        return None
    try:
        [rate] = parse_many(text)
    except ValueError:
        rate = None
    if rate is None or rate.amount < 1 or rate.get_expiry() < 1:
        raise ValueError(f"must be a rate such as 600/minute, or {NO_RATE}")
    return rate


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be sent; None: no limit."""

    back_end: RateLimitItem | None = None
    """For each secret key."""
    browser: RateLimitItem | None = None
    """For each client secret."""
    address: RateLimitItem | None = None
    """For each address with a wrong credential, or without one."""


class RateLimit:
    """A limit by windows of time, which begin for everybody at the same moment.

    One step at the store then counts a request and shows what is left, and until when. A client that waits for the
    moment between two windows can send twice as much around it, which does no harm.
    """

    def __init__(self, name: str, rate: RateLimitItem, counts: Counts) -> None:
        self.name = name
        self._quota = rate.amount
        self._window_seconds = rate.get_expiry()
        self._counts = counts
        self._spent: set[str] = set()
        """Exhausted quotas stay exhausted until their window ends: a flood costs a shared store nothing more."""

    async def take(self, partition: str) -> Allowance:
        """Count a request; raises RateLimited where it is one too many."""
        key, reset_seconds = self._window(partition)
        if key in self._spent:
            raise RateLimited(self._allowance(self._quota, reset_seconds))
        count = await self._counts.incr(key, self._window_seconds)
        allowance = self._allowance(count, reset_seconds)
        if count > self._quota:
            self._note_spent(key)
            raise RateLimited(allowance)
        return allowance

    async def require(self, partition: str) -> None:
        """Raise RateLimited where no request is left, without counting one."""
        key, reset_seconds = self._window(partition)
        count = await self._counts.get(key)
        if count >= self._quota:
            raise RateLimited(self._allowance(count, reset_seconds))

    def _note_spent(self, key: str) -> None:
        if len(self._spent) >= limits.COUNTS_SPENT:
            self._spent.clear()
        self._spent.add(key)

    def _window(self, partition: str) -> tuple[str, int]:
        """Return the key of the current window, and after how many seconds the next one begins."""
        number, passed_seconds = divmod(int(time.time()), self._window_seconds)
        key = f"{self.name}/{partition}/{self._window_seconds}/{number}"
        return key, self._window_seconds - passed_seconds

    def _allowance(self, count: int, reset_seconds: int) -> Allowance:
        remaining = max(0, self._quota - count)
        return Allowance(self.name, self._quota, self._window_seconds, remaining, reset_seconds)


Origin = tuple[str, str]
"""An address with the hash of a credential that came from there."""


class RateLimits:
    """Every rate limit of a server; where a rate is not set, nothing is counted."""

    def __init__(self, rates: Rates, counts: Counts, addresses: ClientAddresses) -> None:
        self._back_end = _limit("back-end", rates.back_end, counts)
        self._browser = _limit("browser", rates.browser, counts)
        self._address = _limit("address", rates.address, counts)
        self._counts = counts
        self._addresses = addresses
        self._known: dict[Origin, None] = {}
        """The places from which secret keys were right, oldest first."""

    async def take_browser(self, secret: ClientSecret) -> Allowance | None:
        """Count a request by a genuine client secret, expired or not; raises RateLimited."""
        if self._browser is None:
            return None
        return await self._browser.take(f"{secret.collection_id}/{secret.version}")

    async def take_back_end(self, caller: Caller) -> Allowance | None:
        """Count a request by a secret key, if the caller has one; raises RateLimited."""
        if self._back_end is None or caller.key_hash is None:
            return None
        return await self._back_end.take(caller.key_hash[:32])

    async def require_address(self, connection: HTTPConnection, digest: str) -> Origin | None:
        """Return the address of a credential; raises RateLimited where too many wrong ones came from it.

        A credential that was right before from the same address passes: another client behind the same proxy or in the
        same network can't lock a back end out.
        """
        if self._address is None:
            return None
        origin = (self._addresses.of(connection), digest)
        if origin not in self._known:
            try:
                await self._address.require(origin[0])
            except RateLimited:
                # Another process may have seen it.
                if not await self._counts.get(_right_key(origin)):
                    raise
        return origin

    async def take_failure(self, origin: Origin | None) -> None:
        """Count a wrong credential by its address; raises RateLimited."""
        if self._address is not None and origin is not None:
            await self._address.take(origin[0])

    async def note_right(self, origin: Origin | None) -> None:
        """Remember the address of a right credential, and share it with processes that use the same store."""
        if origin is None or origin in self._known:
            return
        if len(self._known) >= limits.CREDENTIALS_KEPT:
            del self._known[next(iter(self._known))]
        self._known[origin] = None
        await self._counts.incr(_right_key(origin), limits.RIGHT_SECONDS)

    async def close(self) -> None:
        """Close the store."""
        await self._counts.close()


def _right_key(origin: Origin) -> str:
    address, digest = origin
    return f"right/{address}/{digest[:32]}"


def _limit(name: str, rate: RateLimitItem | None, counts: Counts) -> RateLimit | None:
    return None if rate is None else RateLimit(name, rate, counts)
