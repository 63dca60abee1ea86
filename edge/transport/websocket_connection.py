"""A connection that carries a WebSocket: uvicorn's own, with a bound on what it buffers, whatever its client does.

Derived from uvicorn's protocol for websockets; tests/transport/edge/test_derived.py checks the names that are used
here.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Scope
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from edge import limits

ADMISSION: Final = "tillgraph.admission"
"""The extension of a socket's scope by which its application reports a credential."""


def admit(scope: Scope) -> None:
    """Tell a socket's connection that its client has presented a credential."""
    scope["extensions"][ADMISSION]["admit"]()


class SocketConnection(WebSocketsSansIOProtocol):
    """A connection that carries a WebSocket.

    Reading pauses while its application has messages to handle, or its client does not read what is written.
    """

    def __init__(self, *, leave: Callable[[], None], **given: Any) -> None:
        super().__init__(**given)
        self._leave = leave
        self.is_admitted = False
        """Whether its client has presented a credential."""
        self._rest = b""
        """Bytes that were read and not parsed yet."""
        self._abort_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leave()
        self._rest = b""
        if self._abort_timer is not None:
            self._abort_timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        self._parse()

    def _parse(self) -> None:
        data, start = self._rest, 0
        while start < len(data) and not self._is_held and not self.transport.is_closing():
            super().data_received(data[start : start + limits.PIECE_BYTES])
            start += limits.PIECE_BYTES
        self._rest = data[start:]
        self._end_failed_handshake()
        if self._rest or not self.writable.is_set():
            self.transport.pause_reading()
        elif not self.read_paused:
            self.transport.resume_reading()

    @property
    def _is_held(self) -> bool:
        return self.read_paused or not self.writable.is_set()

    def _end_failed_handshake(self) -> None:
        """Send the answer of websockets to a handshake that it can't read, which uvicorn would not send."""
        if not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"] = {
                **(self.scope["extensions"] or {}),
                ADMISSION: {"admit": self._admit},
            }

    def _admit(self) -> None:
        self.is_admitted = True

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._parse()

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if not self.disconnected:
            self._parse()
        return message

    def handle_cont(self, event: Frame) -> None:
        """Handle a part of a message; empty parts are counted, since they add nothing to its size."""
        if len(self.frames) < limits.MESSAGE_FRAMES:
            super().handle_cont(event)
        else:
            self._fail(CloseCode.MESSAGE_TOO_BIG)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; one that is not UTF-8 is the client's fault and not logged."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self._fail(CloseCode.INVALID_DATA)
        else:
            super().send_receive_event_to_app()

    def _fail(self, code: CloseCode) -> None:
        self.frames = []
        self.conn.fail(code)
        self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
        else:
            self.transport.abort()

    async def run_asgi(self) -> None:
        """Run the application; after its end, do not wait for a client that stopped reading."""
        await super().run_asgi()
        if not self.writable.is_set():
            self.transport.abort()
        elif not self.disconnected:
            self._abort_timer = self.loop.call_later(limits.CLOSE_SECONDS, self.transport.abort)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
