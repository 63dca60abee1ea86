"""The gateway as an HTTP application: in this process or in one of its own, the same."""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from payments.model.ids import SESSION, SETUP, is_id
from payments.model.instants import Instant
from payments.model.money import AmountFault
from providers.sandbox.gateway.gateway import Done, Gateway, Stopped
from providers.sandbox.gateway.ledger import LedgerBusy
from providers.sandbox.gateway.pages import challenge_page, message_page, saving_page
from providers.sandbox.gateway.requests import (
    FORM,
    JSON,
    RESULTS,
    RequestRefused,
    body_of,
    is_approval,
    media_type,
    parse_form,
    parse_json,
    read_json,
    read_movement,
    read_result,
)
from providers.sandbox.gateway.responses import NO_STORE, LostReply, ReplyLost, refusal_of
from providers.sandbox.gateway.rules import KeyTaken, NoSuchThing, NothingHappened, NothingPending
from providers.sandbox.gateway.wallet_app import savings_routes
from providers.sandbox.gateway.wire import KEY, Entry, EntryStatus, Malformed, read_instruction

log = structlog.get_logger("sandbox")

Endpoint = Callable[[Request], Awaitable[Response]]

LONGEST_NUMBER = 18
"""Digits of a number in an address: it fits into 64 bits."""

KEYLESS = "keyless"
"""The query parameter by which the server trusts a caller without the challenge's key."""

ANSWERED = "This payment was already answered, or is no longer wanted."
UNKNOWN = "There is nothing to confirm at this address."


class BreaksOff:
    """The end of a call whose reply is lost: the server then closes the connection without the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ReplyLost:
            log.info("reply lost", path=scope["path"])


class BearerRequired:
    """A guard that admits only the server, which knows the secret."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._expected = f"Bearer {secret}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = refusal_of(401, "The gateway answers its server alone.")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def gateway_app(gateway: Gateway, secret: str) -> Starlette:
    """Return the application; its lifespan opens and closes the gateway."""
    endpoints = _Endpoints(gateway)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await gateway.open()
        try:
            yield
        finally:
            await gateway.close()

    challenge = "/challenges/{session}"
    return Starlette(
        routes=[
            Route("/operations", endpoints.ask, methods=["POST"]),
            Route("/operations", endpoints.page, methods=["GET"]),
            Route("/operations/{key}", endpoints.find, methods=["GET"]),
            Route(challenge, endpoints.show_challenge, methods=["GET"]),
            Route(challenge, endpoints.answer_challenge, methods=["POST"]),
            Route("/reports/{session}", endpoints.settle, methods=["POST"]),
            Route("/movements/{session}", endpoints.begin, methods=["POST"]),
            Route("/ledger", endpoints.ledger, methods=["GET"]),
            *savings_routes(gateway.keeping),
        ],
        middleware=[Middleware(BearerRequired, secret=secret)],
        exception_handlers={
            RequestRefused: _refused,
            HTTPException: _http_refused,
            LedgerBusy: _busy,
            Exception: _failed,
        },
        lifespan=lifespan,
    )


class _Endpoints:
    """The endpoints: requests become calls of the gateway, and its results become answers."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def ask(self, request: Request) -> Response:
        body = await read_json(request)
        try:
            instruction = read_instruction(body)
        except Malformed as fault:
            raise RequestRefused(422, str(fault)) from None
        answer = await self._gateway.ask(instruction)
        match answer:
            case Done(is_reply_lost=True):
                return LostReply()
            case Done():
                return JSONResponse(answer.entry.to_wire(), headers=NO_STORE)
            case NothingHappened():
                return refusal_of(503, "The gateway can't be reached.")
            case KeyTaken():
                return JSONResponse(
                    {"message": "This key belongs to another operation."}, 409, NO_STORE
                )

    async def find(self, request: Request) -> Response:
        key = request.path_params["key"]
        entry = await self._gateway.find(key) if KEY.fullmatch(key) else None
        if entry is None:
            return refusal_of(404, "Nothing was asked with this key.")
        return JSONResponse(entry.to_wire(), headers=NO_STORE)

    async def show_challenge(self, request: Request) -> Response:
        try:
            if is_id(request.path_params["session"], SETUP):
                return await self._show_saving(request)
            entry = await self._gateway.challenge(_session_of(request), _key_of(request))
        except NoSuchThing:
            return _told(request, 404, "Nothing here", UNKNOWN)
        if entry.status is not EntryStatus.CHALLENGED:
            return _told(request, 409, "Already answered", ANSWERED)
        return challenge_page(entry)

    async def answer_challenge(self, request: Request) -> Response:
        kind = media_type(request)
        if kind not in (JSON, FORM):
            raise RequestRefused(415, f"The body has to be {JSON} or {FORM}.")
        raw = await body_of(request)
        is_approved = is_approval(parse_json(raw) if kind == JSON else parse_form(raw))
        try:
            if is_id(request.path_params["session"], SETUP):
                return await self._answer_saving(request, kind, is_approved=is_approved)
            entry = await self._gateway.answer_challenge(
                _session_of(request), _key_of(request), is_approved=is_approved
            )
        except NoSuchThing:
            return _told(request, 404, "Nothing here", UNKNOWN)
        except NothingPending:
            return _told(request, 409, "Already answered", ANSWERED)
        if kind == JSON:
            return JSONResponse(
                {"session": entry.session, "result": entry.status.value}, headers=NO_STORE
            )
        return _back(entry)

    async def _show_saving(self, request: Request) -> Response:
        key = request.path_params["session"]
        saving = await self._gateway.keeping.challenge(key, _key_of(request))
        if saving.status is not EntryStatus.CHALLENGED:
            return _told(request, 409, "Already answered", ANSWERED)
        return saving_page()

    async def _answer_saving(self, request: Request, kind: str, *, is_approved: bool) -> Response:
        saving = await self._gateway.keeping.answer_challenge(
            request.path_params["session"], _key_of(request), is_approved=is_approved
        )
        if kind == JSON:
            return JSONResponse(
                {"session": saving.key, "result": saving.status.value}, headers=NO_STORE
            )
        title = "Card saved" if saving.status is EntryStatus.APPROVED else "Card not saved"
        return message_page(title, "Done; you may close this page.")

    async def settle(self, request: Request) -> Response:
        body = await read_json(request)
        result = read_result(body, RESULTS, others=frozenset({"movement"}))
        assert isinstance(body, dict)
        movement = body.get("movement")
        if movement is not None and (not isinstance(movement, str) or not KEY.fullmatch(movement)):
            raise RequestRefused(422, 'movement is the id of a capture or refund, or "cancel".')
        session = _session_of(request)
        if result == "reverse":
            return await _reported(self._gateway.reverse(session, movement))
        is_approved = result == "approve"
        return await _reported(self._gateway.settle(session, movement, is_approved=is_approved))

    async def begin(self, request: Request) -> Response:
        kind, amount = read_movement(await read_json(request))
        try:
            return await _reported(self._gateway.begin(_session_of(request), kind, amount))
        except AmountFault:
            raise RequestRefused(422, 'amount is a text such as "5.00".') from None

    async def page(self, request: Request) -> Response:
        since, behind = (_number(request, name) for name in ("since", "behind"))
        found = await self._gateway.page(since=Instant(since), behind=behind)
        return JSONResponse(
            {
                "operations": [entry.to_wire() for _, entry in found],
                "last": found[-1][0] if found else None,
            },
            headers=NO_STORE,
        )

    async def ledger(self, request: Request) -> Response:
        session = request.query_params.get("session")
        if session is None:
            entries = await self._gateway.entries()
        elif is_id(session, SESSION):
            entries = await self._gateway.entries_of(session)
        else:
            raise RequestRefused(422, "session is a payment session's id.")
        lines = [entry.to_ledger() for entry in entries]
        return JSONResponse(lines, headers=NO_STORE)


async def _reported(made: Awaitable[str]) -> Response:
    try:
        return JSONResponse({"report": await made}, 202, NO_STORE)
    except NoSuchThing:
        raise RequestRefused(404, "The sandbox knows no such session.") from None
    except NothingPending:
        raise RequestRefused(409, "Nothing is pending there.") from None


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise RequestRefused(422, f"{name} is a number.")
    return int(text)


def _session_of(request: Request) -> str:
    """Return the session in the path; an invalid id never reaches the ledger."""
    session: str = request.path_params["session"]
    return session if is_id(session, SESSION) else ""


def _key_of(request: Request) -> str | None:
    """Return the challenge's key; None where the server trusts the caller and none is given."""
    key = request.query_params.get("key")
    return None if key is None and KEYLESS in request.query_params else key or ""


def _back(entry: Entry) -> Response:
    """Send the customer back to the shop, or show that they are done."""
    if entry.return_url is not None:
        return RedirectResponse(entry.return_url, 303, NO_STORE)
    approved = entry.status is EntryStatus.APPROVED
    title = "Payment approved" if approved else "Payment failed"
    return message_page(title, "Done; you may close this page.")


def _told(request: Request, status: int, title: str, sentence: str) -> Response:
    """Answer people with a page, and programs with JSON."""
    is_program = JSON in request.headers.get("accept", "") or media_type(request) == JSON
    if is_program:
        return refusal_of(status, sentence)
    return message_page(title, sentence, status=status)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return refusal_of(error.status, str(error))


async def _http_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = refusal_of(error.status_code, f"{error.detail}.")
    refusal.headers.update(error.headers or {})
    return refusal


async def _busy(_request: Request, _error: Exception) -> Response:
    return refusal_of(503, "The gateway's ledger is busy.")


async def _failed(request: Request, error: Exception) -> Response:
    """Answer that something failed, and promise nothing: it may have happened."""
    if not isinstance(error, ReplyLost | Stopped):
        log.error(
            "gateway failed", path=request.url.path, error=type(error).__name__, exc_info=error
        )
    return JSONResponse({"message": "The gateway has failed."}, 500, NO_STORE)
