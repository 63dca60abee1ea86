"""Subscribers over both transports, one connection each, as many customers have."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

WATCH = (
    "subscription ($id: ID!) { paymentCollectionUpdates(id: $id)"
    " { cursor event { type occurredAt } paymentCollection { status amount } } }"
)

OPENING = 32
"""Subscriptions that are opened at the same time."""

LINE_BYTES = 64 * 1024

Item = Any
"""An answer, decoded."""

Items = AsyncIterator[Item]

Arrival = asyncio.Future[tuple[float, Item]]


@asynccontextmanager
async def over_websocket(port: int, id: str) -> AsyncIterator[Items]:
    """Subscribe by graphql-transport-ws."""
    async with connect(
        f"ws://127.0.0.1:{port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        compression=None,
        proxy=None,
        ping_interval=None,
    ) as socket:
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        payload = {"query": WATCH, "variables": {"id": id}}
        message = {"type": "subscribe", "id": "1", "payload": payload}
        await socket.send(orjson.dumps(message).decode())

        async def items() -> Items:
            async for text in socket:
                given = orjson.loads(text)
                if given["type"] == "ping":
                    await socket.send('{"type":"pong"}')
                elif given["type"] == "next":
                    yield given["payload"]
                else:
                    raise RuntimeError(f"The subscription ended: {text!r}")

        yield items()


@asynccontextmanager
async def over_event_stream(port: int, id: str) -> AsyncIterator[Items]:
    """Subscribe by server-sent events; the server writes each of them as one chunk."""
    body = orjson.dumps({"query": WATCH, "variables": {"id": id}})
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE_BYTES)
    try:
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"accept: text/event-stream\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"No event stream: {head.decode()}")

        async def items() -> Items:
            async for line in reader:
                if line.startswith(b"data: {"):
                    yield orjson.loads(line[6:])

        yield items()
    finally:
        writer.close()


TRANSPORTS = {"event stream": over_event_stream, "WebSocket": over_websocket}


class Crowd:
    """Subscribers, each to a collection of its own."""

    def __init__(self, transport: str) -> None:
        self._subscribe = TRANSPORTS[transport]
        self._opening = asyncio.Semaphore(OPENING)
        self._tasks: list[asyncio.Task[None]] = []
        self._next: dict[str, Arrival] = {}

    async def __aenter__(self) -> "Crowd":
        """Begin with nobody."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every subscription."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, port: int, ids: Sequence[str]) -> None:
        """Subscribe to these collections at a server, and wait until each subscription has its first item."""
        firsts = [self.arrival(id) for id in ids]
        for id in ids:
            task = asyncio.create_task(self._follow(port, id))
            task.add_done_callback(partial(self._end, id))
            self._tasks.append(task)
        await asyncio.gather(*firsts)

    def arrival(self, id: str) -> "Arrival":
        """Return a collection's next item, with the instant (`time.time`) at which it comes."""
        self._next[id] = asyncio.get_running_loop().create_future()
        return self._next[id]

    async def _follow(self, port: int, id: str) -> None:
        async with AsyncExitStack() as stack:
            async with self._opening:
                items = await stack.enter_async_context(self._subscribe(port, id))
                item = await anext(items)
                self._arrive(id, item)
            async for item in items:
                self._arrive(id, item)
        raise RuntimeError(f"The server ended a subscription after {item}")

    def _arrive(self, id: str, item: Item) -> None:
        awaited = self._next[id]
        if not awaited.done():
            awaited.set_result((time.time(), item))

    def _end(self, id: str, task: asyncio.Task[None]) -> None:
        """Tell whoever waits for a subscription that it failed."""
        awaited = self._next[id]
        if not task.cancelled() and (error := task.exception()) and not awaited.done():
            awaited.set_exception(error)
