"""GraphQL over HTTP.

Source: https://graphql.github.io/graphql-over-http/draft/ (September 2026)
"""

from collections.abc import Awaitable, Callable

from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge import request_log
from edge.accept_header import JSON
from edge.authentication import Authenticate
from edge.connections import OpenConnections
from edge.documents.documents import Operation
from edge.errors import RequestRefused, describe, refuse
from edge.event_stream import EventStream
from edge.exchange import Exchange
from edge.execution.engine import Engine, refuse_failed
from edge.rate_limits.allowances import RateLimited
from edge.request_scope import RequestScope
from edge.requests import (
    CLOSING,
    GraphQLRequest,
    check_media_type,
    read_body,
    read_json,
    read_parameters,
    read_query_string,
    read_request,
)
from edge.responses import allowance_headers, encode, headers, refusal
from edge.transport.bodies import ClientGone
from payments.model.errors import TillgraphError

Page = Callable[[Request], Awaitable[Response]]

CLIENT_GONE = 499
"""A status that is only logged, never sent: nobody is there to read it. The number is nginx's."""


class HTTPEndpoint:
    """`/graphql` over HTTP, as an ASGI application."""

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        connections: OpenConnections,
        page: Page | None,
    ) -> None:
        self._engine = engine
        self._authenticate = authenticate
        self._connections = connections
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any request."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except ClientGone:
            exchange.status = CLIENT_GONE
        except RequestRefused as refused:
            await _refuse(exchange, refused)
        except Exception as error:  # noqa: BLE001 - the outermost edge: masked, and in the log.
            await _refuse(exchange, _failed(error, exchange.request_id))
        request_log.finished(exchange.record())

    async def _serve(self, exchange: Exchange) -> None:
        method = exchange.transport_scope["method"]
        if method == "POST":
            await self._posted(exchange)
        elif method == "GET":
            await self._got(exchange)
        else:
            raise _method_not_allowed("GET and POST are served here.", b"GET, POST")

    async def _posted(self, exchange: Exchange) -> None:
        """Serve a POST request; the caller is authenticated before the body is read."""
        _check_accepted(exchange)
        read = exchange.headers.get
        check_media_type(read(b"content-type"), read(b"content-encoding"))
        scope = await self._admit(exchange)
        body = await read_body(exchange.receive, read(b"content-length"))
        exchange.is_read = True
        await self._respond(exchange, scope, read_request(read_json(body)))

    async def _got(self, exchange: Exchange) -> None:
        """Serve a GET request: the page, for clients that ask for it and for nothing else, or a query."""
        parameters = read_query_string(exchange.transport_scope["query_string"])
        if exchange.accepted.page and not {"query", "extensions"} & parameters.keys():
            await self._show_page(exchange)
            return
        _check_accepted(exchange)
        scope = await self._admit(exchange)
        await self._respond(exchange, scope, read_parameters(parameters))

    async def _admit(self, exchange: Exchange) -> RequestScope:
        header = exchange.headers.get(b"authorization")
        connection = HTTPConnection(exchange.transport_scope)
        try:
            admitted = await self._authenticate(
                None if header is None else header.decode("latin-1"), connection
            )
        except TillgraphError as error:
            raise _failed(error, exchange.request_id) from None
        exchange.allowance = admitted.allowance
        exchange.scope = RequestScope(
            exchange.request_id, admitted.caller, connection, exchange.transport
        )
        return exchange.scope

    async def _respond(
        self, exchange: Exchange, scope: RequestScope, request: GraphQLRequest
    ) -> None:
        exchange.request = request
        if exchange.accepted.streams:
            await self._stream(exchange, scope, request)
        else:
            await self._answer(exchange, scope, request)

    async def _answer(
        self, exchange: Exchange, scope: RequestScope, request: GraphQLRequest
    ) -> None:
        operation = self._engine.prepare(request, scope)
        _check_method(exchange, operation)
        if operation.type is OperationType.SUBSCRIPTION:
            raise refuse(
                406,
                "NOT_ACCEPTABLE",
                "A subscription is answered as text/event-stream, which has to be the first choice"
                " of the Accept header, or over a WebSocket.",
            )
        executed = await self._engine.run(operation, request, scope)
        if executed.errors:
            refuse_failed(executed, operation)
        await exchange.answer(
            200,
            encode(executed.payload),
            headers(exchange.accepted.answer or JSON, exchange.request_id),
        )

    async def _stream(
        self, exchange: Exchange, scope: RequestScope, request: GraphQLRequest
    ) -> None:
        stream = EventStream(exchange.start, exchange.send, exchange.request_id)
        try:
            operation = self._engine.prepare(request, scope)
        except RequestRefused as refused:
            await stream.refuse(refused.entries)
            return
        _check_method(exchange, operation)
        if operation.type is OperationType.SUBSCRIPTION:
            subscription = self._engine.subscribe(operation, request, scope)
            await stream.follow(subscription, scope, exchange.receive, self._connections)
            return
        try:
            executed = await self._engine.run(operation, request, scope)
        except RequestRefused as refused:
            await stream.refuse(refused.entries)
            return
        await stream.answer(executed.payload)

    async def _show_page(self, exchange: Exchange) -> None:
        if self._page is None:
            raise _not_acceptable()
        request = Request(exchange.transport_scope, exchange.receive)
        response = await self._page(request)
        exchange.status = response.status_code
        await response(exchange.transport_scope, exchange.receive, exchange.send)


def _check_accepted(exchange: Exchange) -> None:
    if exchange.accepted.answer is None and not exchange.accepted.streams:
        raise _not_acceptable()


def _check_method(exchange: Exchange, operation: Operation) -> None:
    if operation.type is OperationType.MUTATION and exchange.transport_scope["method"] != "POST":
        raise _method_not_allowed("A mutation has to be sent by POST.", b"POST")


async def _refuse(exchange: Exchange, refused: RequestRefused) -> None:
    if exchange.status:
        # The answer has begun: nothing can be added to it; its connection can only end.
        return
    body, answer_headers = refusal(refused, exchange.request_id)
    if exchange.has_unread_body:
        answer_headers.extend(CLOSING)
    await exchange.answer(refused.status, body, answer_headers)


def _failed(error: Exception, request_id: str) -> RequestRefused:
    """Refuse a request because of an exception outside its execution."""
    described = describe(error, request_id)
    status = 403 if described.code == "FORBIDDEN" else described.status
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(error, RateLimited):
        retry_after = (b"retry-after", b"%d" % error.allowance.reset_seconds)
        headers = (retry_after, *allowance_headers(error.allowance))
    return RequestRefused(status if status != 200 else 500, [described.entry], headers)


def _not_acceptable() -> RequestRefused:
    return refuse(
        406,
        "NOT_ACCEPTABLE",
        "Answers are application/graphql-response+json, application/json or text/event-stream.",
    )


def _method_not_allowed(message: str, allowed: bytes) -> RequestRefused:
    return refuse(405, "METHOD_NOT_ALLOWED", message, ((b"allow", allowed),))
