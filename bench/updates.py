"""The delay from a change to its subscriber on an idle machine, over both transports."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.flows import CREATE
from bench.wire import Connection

WATCH = (
    "subscription ($id: ID!) { paymentCollectionUpdates(id: $id)"
    " { cursor event { type occurredAt } paymentCollection { status amount } } }"
)
UPDATE = (
    "mutation ($input: UpdatePaymentCollectionInput!) { updatePaymentCollection(input: $input)"
    " { ... on PaymentCollection { id } ... on Failure { code message } } }"
)

PAUSE_SECONDS = 0.02
"""The pause between an update and the next change: without it the server is never idle, and its caches stay warm."""

Items = AsyncIterator[Any]


@asynccontextmanager
async def over_websocket(port: int, id: str) -> AsyncIterator[Items]:
    """Subscribe by graphql-transport-ws."""
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[protocol]) as socket:
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        payload = {"query": WATCH, "variables": {"id": id}}
        message = {"type": "subscribe", "id": "1", "payload": payload}
        await socket.send(orjson.dumps(message).decode())

        async def items() -> Items:
            async for text in socket:
                if orjson.loads(text)["type"] == "next":
                    yield text

        yield items()


@asynccontextmanager
async def over_event_stream(port: int, id: str) -> AsyncIterator[Items]:
    """Subscribe by server-sent events."""
    async with (
        httpx2.AsyncClient(timeout=60) as client,
        client.stream(
            "POST",
            f"http://127.0.0.1:{port}/graphql",
            headers={"accept": "text/event-stream"},
            json={"query": WATCH, "variables": {"id": id}},
        ) as response,
    ):

        async def items() -> Items:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    yield line

        yield items()


TRANSPORTS = {"WebSocket": over_websocket, "event stream": over_event_stream}


async def delays(port: int, transport: str, updates: int) -> list[float]:
    """Change a collection repeatedly; return the seconds from sending each change to its update.

    This includes the change itself, so that one clock measures everything: the delay after its commit is shorter.
    """
    writer = await Connection.open(port)
    given = {"currencyCode": "USD", "amount": "10.00"}
    id = (await writer.execute(CREATE, {"input": given}))["id"]
    seconds: list[float] = []
    async with TRANSPORTS[transport](port, id) as items:
        await anext(items)
        for number in range(1, updates + 1):
            arrived = asyncio.create_task(_arrival(items))
            amount = f"{10 + number % 2}.{number % 100:02}"
            sent = time.perf_counter()
            await writer.execute(UPDATE, {"input": {"id": id, "amount": amount}})
            seconds.append(await arrived - sent)
            await asyncio.sleep(PAUSE_SECONDS)
    writer.close()
    return seconds


async def _arrival(items: Items) -> float:
    await anext(items)
    return time.perf_counter()
