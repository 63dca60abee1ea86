"""Server-sent events: the distinct connections mode of graphql-sse.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.types import Receive, Send

from edge import limits
from edge.accept_header import EVENT_STREAM
from edge.connections import End, OpenConnections, TooManyStreams
from edge.errors import ErrorEntry, entry_of, named
from edge.execution.engine import Payload, Subscription
from edge.request_scope import RequestScope
from edge.responses import Headers, encode, headers, result

Start = Callable[[int, Headers], Awaitable[None]]

# Frames end in LF alone: urql's reader does not accept CRLF.
_COMPLETE = b"event: complete\ndata:\n\n"
_HEARTBEAT = b":\n\n"


def next_frame(payload: Payload) -> bytes:
    """Return the frame of one response."""
    return b"event: next\ndata: " + encode(payload) + b"\n\n"


class EventStream:
    """One answer as an event stream."""

    def __init__(self, start: Start, send: Send, request_id: str) -> None:
        self._start = start
        self._send = send
        self._request_id = request_id

    async def answer(self, payload: Payload) -> None:
        """Send a single response and end."""
        await self._begin()
        await self._write(next_frame(payload) + _COMPLETE, more=False)

    async def refuse(self, entries: Sequence[ErrorEntry]) -> None:
        """Send a refusal as the protocol requires: browsers do not expose the body of another status."""
        await self.answer(result(named(entries, self._request_id)))

    async def follow(
        self,
        subscription: Subscription,
        scope: RequestScope,
        receive: Receive,
        connections: OpenConnections,
    ) -> None:
        """Send a subscription's items until it ends, the client leaves or this side has to end it."""
        await self._begin()
        ending = connections.enter()
        try:
            connections.bind(ending, scope.caller)
        except TooManyStreams:
            connections.leave(ending)
            too_many = entry_of("This client secret has too many streams open.", "LIMIT_EXCEEDED")
            await self._finish(named([too_many], scope.request_id))
            return
        delivery = asyncio.create_task(subscription.deliver(self._deliver))
        gone = asyncio.create_task(_gone(receive))
        try:
            while True:
                done, _ = await asyncio.wait(
                    (delivery, gone, ending),
                    timeout=limits.HEARTBEAT_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if done:
                    break
                await self._within(limits.SLOW_SECONDS, _HEARTBEAT)
        finally:
            delivery.cancel()
            gone.cancel()
            await asyncio.wait((delivery, gone))
            reason = ending.result() if ending.done() else None
            connections.leave(ending)
        if reason is End.CREDENTIAL_ENDED:
            await self._finish(
                named([entry_of("The credential has ended.", "UNAUTHENTICATED")], scope.request_id)
            )
        elif reason is None and not delivery.cancelled():
            await self._finish(delivery.result())
        # Otherwise the stream ends without "complete": its client reconnects, to another process.

    async def _begin(self) -> None:
        # A proxy that buffers (nginx) would hold the items back.
        unbuffered = (b"x-accel-buffering", b"no")
        await self._start(200, [*headers(EVENT_STREAM, self._request_id), unbuffered])

    async def _deliver(self, payload: Payload) -> None:
        await self._write(next_frame(payload))

    async def _finish(self, errors: Sequence[ErrorEntry]) -> None:
        last = next_frame(result(errors)) if errors else b""
        await self._within(limits.STALLED_SECONDS, last + _COMPLETE, more=False)

    async def _within(self, seconds: float, frame: bytes, *, more: bool = True) -> None:
        """Send a frame, unless the client has stopped reading."""
        try:
            async with asyncio.timeout(seconds):
                await self._write(frame, more=more)
        except TimeoutError:
            return

    async def _write(self, frame: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": frame, "more_body": more})


async def _gone(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
