"""The sandbox's public addresses at this server; the gateway answers them, wherever it runs."""

from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import quote

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from providers.routes import Endpoint, Guard, Trusts
from providers.sandbox.gateway.app import KEYLESS
from providers.sandbox.gateway.requests import RequestRefused, body_of
from providers.sandbox.transport import GatewayUnreachable

PASSED_ON = ("accept", "content-type", "content-encoding")
"""The headers of a request that the gateway reads."""

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
"""The headers of the gateway's answer that are passed on; the others are about its connection."""

NO_STORE = {"cache-control": "no-store"}


class Forwarder(Protocol):
    """The way to the gateway."""

    def build_request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str],
        content: bytes = b"",
        **headers: str,
    ) -> httpx2.Request:
        """Return a request to the gateway."""

    async def forward(self, request: httpx2.Request) -> httpx2.Response:
        """Forward a request; raises GatewayUnreachable."""


def sandbox_routes(gateway: Forwarder, guard: Guard, trusts: Trusts) -> list[BaseRoute]:
    """Return the sandbox's addresses.

    `guard` protects the reports and the ledger. A request that `trusts` accepts may leave out the unguessable part of a
    challenge's address.
    """

    async def challenge(request: Request) -> Response:
        key = request.query_params.get("key")
        params = {} if key is None else {"key": key}
        if key is None and trusts(request):
            params = {KEYLESS: "allowed"}
        return await _forward(gateway, request, _path(request, "challenges"), params)

    async def report(request: Request) -> Response:
        return await _forward(gateway, request, _path(request, "reports"), {})

    async def movement(request: Request) -> Response:
        return await _forward(gateway, request, _path(request, "movements"), {})

    async def ledger(request: Request) -> Response:
        named = request.query_params.get("session")
        params = {} if named is None else {"session": named}
        return await _forward(gateway, request, "/ledger", params)

    session = "{session_id}"
    return [
        Route(f"/sandbox/challenges/{session}", _refusing(challenge), methods=["GET", "POST"]),
        Route(f"/sandbox/reports/{session}", guard(_refusing(report)), methods=["POST"]),
        Route(f"/sandbox/movements/{session}", guard(_refusing(movement)), methods=["POST"]),
        Route("/sandbox/ledger", guard(_refusing(ledger)), methods=["GET"]),
    ]


async def _forward(
    gateway: Forwarder, request: Request, path: str, params: Mapping[str, str]
) -> Response:
    headers = {name.replace("-", "_"): value for name, value in _passed_on(request)}
    method = "GET" if request.method == "HEAD" else request.method
    sent = gateway.build_request(
        method, path, params=params, content=await body_of(request), **headers
    )
    answer = await gateway.forward(sent)
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


def _refusing(endpoint: Endpoint) -> Endpoint:
    async def refusing(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RequestRefused as refused:
            return _refusal(refused.status, str(refused))
        except GatewayUnreachable:
            return _refusal(503, "The sandbox gateway can't be reached.", {"retry-after": "1"})

    return refusing


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"message": message}, status, {**NO_STORE, **(headers or {})})


def _path(request: Request, what: str) -> str:
    return f"/{what}/{quote(request.path_params['session_id'], safe='')}"
