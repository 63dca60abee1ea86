"""The sandbox's public addresses at this server; the gateway answers behind them, wherever it runs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from payments.model.errors import Denied, RateLimited, StoreBusy, Unauthenticated
from providers.sandbox.gateway.app import KEYLESS
from providers.sandbox.gateway.requests import RequestRefused, read_body
from providers.sandbox.provider import GatewayUnreachable, SandboxProvider

Authorize = Callable[[Request], Awaitable[None]]
"""Passes a secret key alone; raises Denied and RateLimited."""

Trusts = Callable[[Request], bool]
"""Whether a caller may leave the unguessable part of a challenge's address out."""

PASSED_ON = ("accept", "content-type", "content-encoding")
"""Headers of a request that the gateway looks at."""

BROUGHT_BACK = frozenset(
    {
        "allow",
        "cache-control",
        "content-security-policy",
        "content-type",
        "location",
        "referrer-policy",
        "x-content-type-options",
    }
)
"""Headers of the gateway's answer; the others are about its connection."""

NO_STORE = {"cache-control": "no-store"}


def sandbox_routes(
    provider: SandboxProvider, authorize: Authorize, trusts: Trusts
) -> list[BaseRoute]:
    """Return the sandbox's addresses.

    `authorize` guards the reports and the ledger. `trusts` is for development alone, and nobody's elsewhere.
    """

    async def challenge(request: Request) -> Response:
        key = request.query_params.get("key")
        params = {} if key is None else {"key": key}
        if key is None and trusts(request):
            params = {KEYLESS: "allowed"}
        return await _forward(provider, request, _path(request, "challenges"), params)

    async def report(request: Request) -> Response:
        await authorize(request)
        return await _forward(provider, request, _path(request, "reports"), {})

    async def movement(request: Request) -> Response:
        await authorize(request)
        return await _forward(provider, request, _path(request, "movements"), {})

    async def ledger(request: Request) -> Response:
        await authorize(request)
        named = request.query_params.get("session")
        params = {} if named is None else {"session": named}
        return await _forward(provider, request, "/ledger", params)

    session = "{session_id}"
    return [
        Route(f"/sandbox/challenges/{session}", _guarded(challenge), methods=["GET", "POST"]),
        Route(f"/sandbox/reports/{session}", _guarded(report), methods=["POST"]),
        Route(f"/sandbox/movements/{session}", _guarded(movement), methods=["POST"]),
        Route("/sandbox/ledger", _guarded(ledger), methods=["GET"]),
    ]


async def _forward(
    provider: SandboxProvider, request: Request, path: str, params: Mapping[str, str]
) -> Response:
    headers = {name.replace("-", "_"): value for name, value in _passed_on(request)}
    method = "GET" if request.method == "HEAD" else request.method
    sent = provider.build_request(
        method, path, params=params, content=await read_body(request), **headers
    )
    answer = await provider.forward(sent)
    kept = {name: value for name, value in answer.headers.items() if name in BROUGHT_BACK}
    return Response(answer.content, answer.status_code, kept)


def _passed_on(request: Request) -> Iterator[tuple[str, str]]:
    for name in PASSED_ON:
        value = request.headers.get(name)
        if value is None:
            continue
        if not value.isascii():
            raise RequestRefused(400, f"The header {name} has ASCII characters alone.")
        yield name, value


def _guarded(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Unauthenticated as denied:
            return _refusal(401, str(denied), {"www-authenticate": "Bearer"})
        except Denied as denied:
            return _refusal(403, str(denied))
        except RateLimited as limited:
            after_seconds = str(limited.allowance.reset_seconds)
            return _refusal(429, str(limited), {"retry-after": after_seconds})
        except RequestRefused as refused:
            return _refusal(refused.status, str(refused))
        except StoreBusy as busy:
            return _refusal(503, str(busy), {"retry-after": "1"})
        except GatewayUnreachable:
            return _refusal(503, "The sandbox gateway can't be reached.", {"retry-after": "1"})

    return guarded


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, {**NO_STORE, **(headers or {})})


def _path(request: Request, what: str) -> str:
    return f"/{what}/{quote(request.path_params['session_id'], safe='')}"
