"""Webhooks over HTTP: only to allowed addresses, within a time limit, and without following redirects."""

import time
from collections.abc import Mapping

import aiohttp

from payments.model import instants
from webhooks.address_policy import AddressIsPrivate, PublicAddresses
from webhooks.model import DeliveryAttempt, DeliveryFailure
from webhooks.ports import AddressRefused

ATTEMPT_SECONDS = 15.0
"""For one attempt as a whole. Source: Standard Webhooks, "Operational considerations": 15 to 30 seconds."""

CONNECT_SECONDS = 5.0

IDLE_SECONDS = 2.0
"""Many servers close connections idle for 5 s; a webhook sent at that instant would fail."""

GONE = 410
"""The status of an endpoint that no longer exists. Source: Standard Webhooks, "Operational considerations"."""


class Poster:
    """An HTTP client that posts bodies."""

    def __init__(self, *, allows_private: bool, attempt_seconds: float = ATTEMPT_SECONDS) -> None:
        self._attempt_seconds = attempt_seconds
        self.addresses = PublicAddresses(allows_private=allows_private)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the client."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self.addresses.resolver,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=IDLE_SECONDS,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._attempt_seconds, connect=CONNECT_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> DeliveryAttempt:
        """Send once, and return the outcome."""
        at, started_at = instants.now(), time.monotonic()
        status, failure = await self._answer(url, headers, body)
        return DeliveryAttempt(
            at=at,
            duration_milliseconds=round((time.monotonic() - started_at) * 1_000),
            response_status=status,
            failure=failure,
        )

    async def _answer(
        self, url: str, headers: Mapping[str, str], body: str
    ) -> tuple[int | None, DeliveryFailure | None]:
        assert self._session is not None
        try:
            # The setting may have changed since the address was registered.
            self.addresses.check_written(url)
            async with self._session.post(
                url, data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                is_taken = 200 <= response.status < 300
                return response.status, None if is_taken else DeliveryFailure.STATUS
        except AddressRefused:
            return None, DeliveryFailure.PRIVATE_ADDRESS
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return None, _failure_of(error)


def _failure_of(error: Exception) -> DeliveryFailure:
    """Return what went wrong; the more special classes of aiohttp's tree come first."""
    causes = (error, error.__cause__, getattr(error, "os_error", None))
    if any(isinstance(one, AddressIsPrivate) for one in causes):
        return DeliveryFailure.PRIVATE_ADDRESS
    match error:
        case TimeoutError():
            return DeliveryFailure.TIMEOUT
        case aiohttp.ClientConnectorDNSError():
            return DeliveryFailure.HOST_NOT_FOUND
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return DeliveryFailure.TLS
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError() | ValueError():
            return DeliveryFailure.RESPONSE_BROKEN
        case _:
            return DeliveryFailure.CONNECTION
