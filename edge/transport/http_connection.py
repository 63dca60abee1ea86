"""A connection that carries HTTP: uvicorn's own, with a bound on what it buffers before a credential is known.

Derived from uvicorn's protocol for httptools; tests/transport/edge/test_derived.py checks the names that are used here.
"""

import asyncio
from enum import Enum
from typing import Any, Final, cast

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from edge import limits
from edge.transport.connection_limits import Places
from edge.transport.websocket_connection import SocketConnection

_END: Final = b"\r\n\r\n"
"""The end of a head, and of a chunked body with its trailers. The parser accepts no other line endings."""


class Fault(Exception):
    """An error: a connection's bytes are refused with this status, and it is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


NOT_HTTP: Final = Fault(400, "This is not HTTP.")


class Awaited(Enum):
    """The input that a client has to send within a time limit."""

    HEAD = "head"
    BODY = "body"
    NEXT = "next request"


class Flow(FlowControl):
    """Flow control that keeps reading paused while received bytes still wait to be parsed."""

    is_held = False

    def resume_reading(self) -> None:
        """Resume, unless it is held."""
        if not self.is_held:
            super().resume_reading()


class HTTPConnection(HttpToolsProtocol):
    """A connection that carries HTTP.

    Its bytes are parsed in pieces that end where a request ends, each after the previous request is answered.
    """

    flow: Flow

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        places: Places,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._places = places
        self.ws_protocol_class = cast("type[asyncio.Protocol]", self._become_socket)
        self._socket: SocketConnection | None = None
        self._rest = b""
        """Bytes that were read and not parsed yet."""
        self._tail = b""
        """The last parsed bytes, where the end of a head may have begun."""
        self._is_in_body = False
        """Whether a request's body is being read, rather than its head."""
        self._body_bytes = 0
        """The missing bytes of a body with a length."""
        self._held_bytes = 0
        """Bytes parsed since the last whole head or piece of a body; the parser holds them."""
        self._fields = 0
        self._is_deaf = False
        """Whether nothing is parsed any more."""
        self._dropped_bytes = 0
        self._awaited: Awaited | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def awaits_client(self) -> bool:
        """Return whether neither a whole request nor a socket with a credential is being served."""
        if self._socket is not None:
            return not self._socket.is_admitted
        return self._awaited is not None

    def give_way(self) -> None:
        """Close at once: another connection needs the place."""
        self._is_deaf = True
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)
        if self._places.take(self, self.client[0] if self.client else ""):
            self._time_client()
        else:
            self._is_deaf = True
            self._answer(Fault(503, "Too many connections."))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_deaf = True
        self._await(None)
        self._places.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            self._drop(data)
            return
        self._rest += data
        self._parse()

    def _parse(self) -> None:
        """Parse what has been read, up to the end of a request that has to be answered first."""
        data, start = self._rest, 0
        while start < len(data) and not self._is_answering and not self._is_deaf:
            start += self._feed(self._piece(data, start))
        self._rest = b"" if self._is_deaf else data[start:]
        if self._is_deaf:
            return
        self.flow.is_held = bool(self._rest)
        if self.flow.is_held:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()
        self._time_client()

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """Return the latest request whose head was read; uvicorn's types don't say that there may be none yet."""
        return self.cycle

    @property
    def _is_answering(self) -> bool:
        latest = self._latest
        return not self._is_in_body and latest is not None and not latest.response_complete

    def _piece(self, data: bytes, start: int) -> bytes:
        """Return the bytes that belong to one request and no other."""
        if self._body_bytes:
            return data[start : start + self._body_bytes]
        piece = data[start : start + limits.PIECE_BYTES]
        end = (self._tail + piece).find(_END)
        if end >= 0:
            piece = piece[: end + len(_END) - len(self._tail)]
        self._tail = b"" if end >= 0 else (self._tail + piece)[1 - len(_END) :]
        return piece

    def _feed(self, piece: bytes) -> int:
        """Parse a piece; return how much of it was parsed."""
        self._held_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
            self._require_small()
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade()
            return int(upgrade.args[0])
        except httptools.HttpParserError as error:
            # An exception of a callback is found there.
            raised = error.__context__
            self._refuse(raised if isinstance(raised, Fault) else NOT_HTTP)
        except Fault as fault:
            self._refuse(fault)
        return len(piece)

    def _require_small(self) -> None:
        if self._held_bytes > limits.HEAD_BYTES:
            status = 414 if not self._is_in_body and self._fields == 0 else 431
            raise Fault(status, f"A head has at most {limits.HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._fields = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        if self._fields > limits.HEAD_FIELDS:
            raise Fault(431, f"A head has at most {limits.HEAD_FIELDS} fields.")
        # A trailer is discarded: it was not checked when the head was judged.
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._require_small()
        names = [name for name, _ in self.headers]
        has_to_name_host = self.parser.get_http_version() == "1.1"
        if names.count(b"host") not in ((1,) if has_to_name_host else (0, 1)):
            raise Fault(400, "A request names one Host.")
        if self.parser.get_method() == b"CONNECT":
            raise Fault(405, "CONNECT is not served here.")
        self._is_in_body = True
        self._held_bytes = 0
        lengths = [value for name, value in self.headers if name == b"content-length"]
        self._body_bytes = int(lengths[0]) if lengths else 0
        if not self._is_offered_another_protocol:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        self._body_bytes = max(0, self._body_bytes - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._require_small()
        self._is_in_body = False
        self._held_bytes = self._body_bytes = 0
        if not self._is_offered_another_protocol:
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Return whether a WebSocket begins; an offer that its library would close without an answer is ignored."""
        bodies = [
            (name, value)
            for name, value in self.headers
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        ]
        return self.parser.get_method() == b"GET" and not bodies and bool(super()._should_upgrade())

    @property
    def _is_offered_another_protocol(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def _upgrade(self) -> None:
        if self._should_upgrade():
            self._is_deaf = True
            self._await(None)
            self.handle_websocket_upgrade()
            return
        # Such as h2c. The parser took the body for the other protocol's: it reads the head again, without the offer.
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s\r\n" % (method, self.url, version)]
        head += [b"%s: %s\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        self._feed(b"".join(head) + b"\r\n")

    def _become_socket(self, **given: Any) -> SocketConnection:
        self._socket = SocketConnection(leave=lambda: self._places.leave(self), **given)
        return self._socket

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, self._ended(cycle, app))

    def _ended(self, cycle: RequestResponseCycle, app: ASGIApp) -> Any:
        """Return the application, wrapped: if it leaves its answer unfinished, the client has read too little of it."""

        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            if cycle.response_started and not cycle.response_complete and not cycle.disconnected:
                cycle.disconnected = True
                end = self.transport.abort if self.flow.write_paused else self.transport.close
                end()

        return run

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if self._rest:
            self.loop.call_soon(self._go_on)
        else:
            self._go_on()

    def _go_on(self) -> None:
        if self._is_deaf or self.transport.is_closing():
            return
        if self._rest:
            self._parse()
        else:
            self._time_client()

    def _refuse(self, fault: Fault) -> None:
        """Answer refused bytes, and close."""
        self._is_deaf = True
        self._await(None)
        if self.transport.is_closing():
            return
        latest = self._latest
        if latest is not None and self._is_in_body:
            if latest.response_started:
                self.transport.abort()
                return
            latest.disconnected = True
            latest.message_event.set()
        self._answer(fault)
        # If it is closed before all its bytes are read, the connection is reset, and the answer may be lost.
        self.flow.is_held = False
        self.flow.resume_reading()
        self.transport.write_eof()
        self._timer = self.loop.call_later(limits.LINGER_SECONDS, self.transport.abort)

    def _answer(self, fault: Fault) -> None:
        body = fault.message.encode()
        self.transport.write(
            STATUS_LINE[fault.status]
            + b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
            + b"connection: close\r\n\r\n"
            + body
        )

    def _drop(self, data: bytes) -> None:
        self._dropped_bytes += len(data)
        if self._dropped_bytes > limits.LINGER_BYTES:
            self.transport.abort()

    def _time_client(self) -> None:
        """Limit the client's time for what is awaited now."""
        if self._is_in_body:
            self._await(Awaited.BODY, limits.REQUEST_SECONDS)
        elif self._is_answering:
            self._await(None)
        elif self._latest is None or self._held_bytes:
            self._await(Awaited.HEAD, limits.HEAD_SECONDS)
        else:
            self._await(Awaited.NEXT, self.timeout_keep_alive)

    def _await(self, awaited: Awaited | None, within_seconds: float = 0.0) -> None:
        if awaited is self._awaited and awaited is not None:
            return  # Its time continues.
        self._awaited = awaited
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if awaited is not None:
            self._timer = self.loop.call_later(within_seconds, self._give_up)

    def _give_up(self) -> None:
        if self._held_bytes or self._is_in_body:
            self._refuse(Fault(408, "The request did not arrive in time."))
        else:
            self.transport.close()
