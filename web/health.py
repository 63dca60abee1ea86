"""Liveness and readiness."""

from collections.abc import Awaitable, Callable
from enum import Enum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.model.errors import StoreFailed

NO_STORE = {"cache-control": "no-store"}


class Readiness(Enum):
    """Whether a server accepts new work, as an operator reads it."""

    READY = "ready"
    ENDING = "the server is ending"
    STORE_UNAVAILABLE = "the database does not answer, or accepts no changes"
    PROVIDER_MISCONFIGURED = (
        "a provider refuses the configured key, or the key belongs to another account"
    )


def health_routes(readiness: Callable[[], Awaitable[Readiness]]) -> list[Route]:
    """Return the two routes; `readiness` may raise StoreFailed."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=NO_STORE)

    async def ready(_request: Request) -> Response:
        try:
            found = await readiness()
        except StoreFailed:
            found = Readiness.STORE_UNAVAILABLE
        if found is Readiness.READY:
            return JSONResponse({"status": "ready"}, headers=NO_STORE)
        return JSONResponse({"status": "not ready", "reason": found.value}, 503, NO_STORE)

    return [Route("/health/live", live), Route("/health/ready", ready)]
