"""Whether the process lives, and whether it can work."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.errors import StoreBusy

NO_STORE = {"cache-control": "no-store"}


def health_routes(is_ready: Callable[[], Awaitable[bool]]) -> list[Route]:
    """Give the two addresses; `is_ready` reads the database, and is false while the server is ending."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=NO_STORE)

    async def ready(_request: Request) -> Response:
        try:
            can_work = await is_ready()
        except StoreBusy:
            can_work = False
        if can_work:
            return JSONResponse({"status": "ready"}, headers=NO_STORE)
        return JSONResponse({"status": "not ready"}, 503, NO_STORE)

    return [Route("/health/live", live), Route("/health/ready", ready)]
