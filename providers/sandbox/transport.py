"""The way to the gateway: across a network, or in this process as if it were."""

import asyncio

import httpx2
from starlette.types import ASGIApp

from providers.sandbox.gateway.responses import ReplyLost


class GatewayUnreachable(Exception):
    """An error: a request that moves nothing had no answer from the gateway."""


class InProcess(httpx2.AsyncBaseTransport):
    """Calls an application, with the limits and the failures that a network connection has."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx2.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request; raises what a network transport raises.

        The application runs in the caller's task: what it has to finish runs in tasks of the gateway's own.
        """
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                return await self._transport.handle_async_request(request)
        except TimeoutError:
            raise httpx2.ReadTimeout("The gateway did not answer in time.") from None
        except ReplyLost:
            raise httpx2.RemoteProtocolError("The gateway broke off.") from None
        except Exception:  # noqa: BLE001 - logged by the application; over a network it would be a 500, too
            return httpx2.Response(500)
