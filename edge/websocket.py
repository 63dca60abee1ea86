"""GraphQL over a WebSocket: subscriptions and queries by graphql-transport-ws."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from graphql import OperationType
from starlette.types import Message as ASGIMessage
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from edge import limits, request_log, websocket_messages
from edge.authentication import Authenticate
from edge.connections import End, Ending, OpenConnections, TooManyStreams, end
from edge.errors import ErrorEntry, RequestRefused, describe, entry_of, named, refuse
from edge.execution.engine import ClientLost, Engine, Payload
from edge.rate_limits.allowances import RateLimited
from edge.request_scope import RequestScope, request_id_from
from edge.requests import read_request
from edge.transport.websocket_connection import admit
from edge.websocket_messages import PROTOCOL, Message, SocketClosed
from payments.model.callers import Caller
from payments.model.errors import Denied, StoreFailed, TillgraphError

OriginCheck = Callable[[str, WebSocket], bool]

_CLOSED_BY: Final = {
    End.SERVER_STOPS: SocketClosed(1012, "Service restart"),
    End.CREDENTIAL_ENDED: SocketClosed(4403, "Forbidden"),
    End.NO_INIT: SocketClosed(4408, "Connection initialisation timeout"),
    End.STALLED: SocketClosed(1008, "Client takes no messages"),
}


class WebSocketEndpoint:
    """`/graphql` over a WebSocket, as an ASGI application."""

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        connections: OpenConnections,
        is_origin_allowed: OriginCheck,
    ) -> None:
        self.engine = engine
        self.authenticate = authenticate
        self.connections = connections
        self._is_origin_allowed = is_origin_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a socket until it closes."""
        websocket = WebSocket(scope, receive, send)
        await receive()  # websocket.connect
        origin = websocket.headers.get("origin")
        # Programs send no Origin; a browser always does, and any page may open a socket to this server.
        if origin is not None and not self._is_origin_allowed(origin, websocket):
            await send({"type": "websocket.close", "code": 1008})  # 403, as it is not accepted yet
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not known"})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await Socket(self, websocket, receive, send).serve()


class Socket:
    """One accepted socket: its credential and its operations."""

    def __init__(
        self, endpoint: WebSocketEndpoint, websocket: WebSocket, receive: Receive, send: Send
    ) -> None:
        self._endpoint = endpoint
        self._websocket = websocket
        self._receive = receive
        self._asgi_send = send
        self._ending: Ending = endpoint.connections.enter()
        self._init_received = False
        self._caller: Caller | None = None
        self._authorization: str | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve the socket until either side ends it; none of its operations outlives it."""
        reader = asyncio.create_task(self._read())
        self._no_init = asyncio.get_running_loop().call_later(
            limits.INIT_SECONDS, end, self._ending, End.NO_INIT
        )
        closed: SocketClosed | None = None
        try:
            closed = await self._attend(reader)
        finally:
            self._no_init.cancel()
            self._endpoint.connections.leave(self._ending)
            reader.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.wait((reader, *self._tasks))
        if closed is not None:
            await self._close(closed)

    async def _attend(self, reader: asyncio.Task[SocketClosed | None]) -> SocketClosed | None:
        """Wait for the end, sending heartbeats; return None if the client has left."""
        while True:
            done, _ = await asyncio.wait(
                (reader, self._ending),
                timeout=limits.HEARTBEAT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if reader in done:
                return reader.result()
            if self._ending in done:
                return _CLOSED_BY[self._ending.result()]
            if self._caller is not None:
                with suppress(ClientLost):
                    await self._send(websocket_messages.ping())

    async def _read(self) -> SocketClosed | None:
        """Handle the client's messages; return how to close, or None if the client has left."""
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return None
                await self._handle(message)
        except SocketClosed as closed:
            return closed
        except ClientLost:
            return None
        except Exception as error:  # noqa: BLE001 - the outermost edge: masked, and in the log.
            request_log.unexpected(error, request_id_from(None))
            return SocketClosed(1011, "Internal error")

    async def _handle(self, asgi_message: ASGIMessage) -> None:
        message = websocket_messages.read(asgi_message.get("text"))
        match message.type:
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                await self._cancel(message.id)
            case "connection_init":
                await self._initialise(message)
            case "ping":
                await self._send(websocket_messages.pong(message.payload))
            case _:  # A pong needs no answer.
                pass

    async def _initialise(self, message: Message) -> None:
        if self._init_received:
            raise SocketClosed(4429, "Too many initialisation requests")
        self._init_received = True
        authorization = websocket_messages.read_authorization(message)
        if authorization is None:
            authorization = self._websocket.headers.get("authorization")
        try:
            caller, _ = await self._endpoint.authenticate(authorization, self._websocket)
        except (StoreFailed, RateLimited):
            raise SocketClosed(1013, "Try again later") from None
        except Denied as denied:
            raise SocketClosed(4403, f"Forbidden: {denied}") from None
        except (TillgraphError, RequestRefused):
            raise SocketClosed(4403, "Forbidden") from None
        try:
            self._endpoint.connections.bind(self._ending, caller)
        except TooManyStreams:
            raise SocketClosed(1013, "Too many connections") from None
        admit(self._websocket.scope)
        self._authorization = authorization
        self._no_init.cancel()
        self._caller = caller
        await self._send(websocket_messages.ack())

    async def _subscribe(self, message: Message) -> None:
        if self._caller is None:
            raise SocketClosed(4401, "Unauthorized")
        if message.id in self._operations:
            raise SocketClosed(4409, f"Subscriber for {message.id[:32]!a} already exists")
        scope = RequestScope(request_id_from(None), self._caller, self._websocket, "websocket")
        if len(self._tasks) >= limits.SUBSCRIPTIONS:
            too_many = entry_of(
                f"A socket carries at most {limits.SUBSCRIPTIONS} operations at a time.",
                "LIMIT_EXCEEDED",
            )
            await self._send(
                websocket_messages.error(message.id, named([too_many], scope.request_id))
            )
            _record(scope, "LIMIT_EXCEEDED")
            return
        task = asyncio.create_task(self._operate(message, scope))
        self._operations[message.id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _cancel(self, operation_id: str) -> None:
        """End an operation that its client no longer wants, with its source."""
        task = self._operations.pop(operation_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _operate(self, message: Message, scope: RequestScope) -> None:
        """Run one operation to its last message."""
        operation_id = message.id
        status = "canceled"
        try:
            errors = await self._outcome(message, scope)
            # Forgotten before the last message: its client may reuse the id from then on.
            self._forget(operation_id)
            codes = [_code(error) for error in errors]
            if "UNAUTHENTICATED" in codes:
                end(self._ending, End.CREDENTIAL_ENDED)
            elif errors:
                await self._send(websocket_messages.error(operation_id, errors))
            else:
                await self._send(websocket_messages.complete(operation_id))
            status = codes[0] if codes else "complete"
        except ClientLost:
            pass
        finally:
            self._forget(operation_id)
            _record(scope, status)

    async def _outcome(self, message: Message, scope: RequestScope) -> list[ErrorEntry]:
        """Run one operation and send its responses; return the errors that ended it, if any."""
        engine = self._endpoint.engine
        try:
            # Each operation is counted, and a client secret may have been replaced since the socket was opened.
            await self._endpoint.authenticate(self._authorization, self._websocket)
            # A malformed request ends its own operation, and no other.
            request = read_request(message.payload)
            scope.operation_name = request.operation_name
            operation = engine.prepare(request, scope)
            if operation.type is OperationType.MUTATION:
                raise refuse(
                    405,
                    "METHOD_NOT_ALLOWED",
                    "A mutation has to be sent by HTTP POST: a socket that closes would leave it"
                    " without an answer.",
                )
            if operation.type is OperationType.SUBSCRIPTION:
                subscription = engine.subscribe(operation, request, scope)
                return await subscription.deliver(partial(self._next, message.id))
            executed = await engine.run(operation, request, scope)
            if executed.is_unauthenticated:
                raise RequestRefused(401, [error.entry for error in executed.errors])
            await self._send(websocket_messages.next_(message.id, executed.payload))
        except ClientLost:
            raise
        except RequestRefused as refused:
            return named(refused.entries, scope.request_id)
        except Exception as error:  # noqa: BLE001 - the outermost edge: masked, and in the log.
            return named([describe(error, scope.request_id).entry], scope.request_id)
        return []

    def _forget(self, operation_id: str) -> None:
        """Free an operation's id, unless its client has given it to a later one already."""
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _next(self, operation_id: str, payload: Payload) -> None:
        await self._transmit(websocket_messages.next_(operation_id, payload))

    async def _send(self, text: str) -> None:
        """Send a message; a client that stops reading for too long is given up."""
        try:
            async with asyncio.timeout(limits.STALLED_SECONDS):
                await self._transmit(text)
        except TimeoutError:
            end(self._ending, End.STALLED)
            raise ClientLost from None

    async def _transmit(self, text: str) -> None:
        try:
            await self._asgi_send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError):
            # The first if the client has left, the second if uvicorn has closed the socket.
            raise ClientLost from None

    async def _close(self, closed: SocketClosed) -> None:
        with suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(limits.CLOSE_SECONDS):
                await self._asgi_send(
                    {"type": "websocket.close", "code": closed.code, "reason": closed.reason}
                )


def _code(entry: ErrorEntry) -> str:
    extensions = entry.get("extensions")
    return str(extensions.get("code")) if isinstance(extensions, dict) else ""


def _record(scope: RequestScope, status: str) -> None:
    request_log.finished(
        request_log.Record(
            scope.request_id,
            "websocket",
            scope.started,
            status,
            scope.operation_name,
            scope.operation_type,
            scope.collection_id,
        )
    )
