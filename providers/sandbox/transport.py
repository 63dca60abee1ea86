"""The way to the gateway: over a network, or inside this process as if it were one."""

import asyncio

import httpx2
from starlette.types import ASGIApp

from providers.sandbox.gateway.responses import ReplyLost


class GatewayUnreachable(Exception):
    """An error: a request that moves nothing got no answer from the gateway."""


class InProcess(httpx2.AsyncBaseTransport):
    """Calls to an application in this process, with the limits and the failures of a network connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx2.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer to a request; raises what a network transport raises.

        The application runs in the caller's task; work that it must finish runs in the gateway's own tasks.
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
