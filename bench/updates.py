"""The delay from a change to its subscriber, with few and with many of them, on the same process and on another.

Every subscriber has a collection of its own and a connection of its own, and one collection changes at a time: what is
measured is how long one customer waits for their update while many others are connected.
"""

import asyncio
import itertools
import resource
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from bench import servers
from bench.figures import Times, counted
from bench.flows import CREATE
from bench.subscribers import Crowd
from bench.wire import Connection
from tests.support.program.running import RunningServer

UPDATE = (
    "mutation ($input: UpdatePaymentCollectionInput!) { updatePaymentCollection(input: $input)"
    " { ... on PaymentCollection { id } ... on Failure { code message } } }"
)

UPDATES = 100
"""For each number of subscriptions."""

PAUSE_SECONDS = 0.02
"""The pause between an update and the next change: without it the server is never idle, and its caches stay warm."""

WRITERS = 8
"""Connections that open the collections."""

MOST_OVER_WEBSOCKET = 100
"""Both transports wait for the same thing; the large numbers are measured over event streams."""

OWN_DESCRIPTORS = 256
"""Of the load generator and of the server, for other things than subscriptions."""

ARRIVAL_SECONDS = 120.0
"""On a machine that does other work as well."""

FAULTS = (RuntimeError, TimeoutError, OSError, EOFError)
"""A subscription that ends, or an update that does not come: what was measured before counts all the same."""

QUIET_SHARE = 0.2
QUIET_LOOK_SECONDS = 0.25
QUIET_SECONDS = 15.0
"""After thousands of connections were opened or closed; the server's processor time tells when that is over."""


@dataclass(frozen=True, slots=True)
class Delays:
    """The delay of an update with so many subscriptions."""

    since_change: Times
    """From the change's own instant, which its transaction takes just before it commits."""
    since_request: Times
    """From sending the mutation."""
    resident_mb: float
    """Of the server that the subscribers are connected to."""


amounts = itertools.count(11)
"""Each one once: a collection that has its amount already does not change."""

ByTransport = dict[str, dict[str, Delays]]


def most_subscriptions() -> int:
    """Return how many subscriptions this machine's file limits permit, after raising our own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - OWN_DESCRIPTORS


async def measure(
    kind: str, subscriptions: Sequence[int], failed: list[str]
) -> dict[str, ByTransport]:
    """Measure delays on a database of one of databases.KINDS, by process, transport and number of subscriptions.

    What failed is added to a list, in sentences.
    """
    settings = {"TILLGRAPH_CONNECTIONS": str(max(subscriptions) + OWN_DESCRIPTORS // 2)}
    with ExitStack() as stack:
        first = stack.enter_context(servers.running(kind, settings))
        second = stack.enter_context(servers.beside(first, settings))
        ids = await _collections(first.port, max(subscriptions))
        few = [many for many in subscriptions if many <= MOST_OVER_WEBSOCKET]
        found: dict[str, ByTransport] = {}
        for where, server in (("same process", first), ("another process", second)):
            found[where] = {}
            for transport, numbers in (("WebSocket", few), ("event stream", subscriptions)):
                delays: dict[str, Delays] = {}
                found[where][transport] = delays
                try:
                    await _measure(
                        first.port, server, Crowd(transport), ids=ids, numbers=numbers, found=delays
                    )
                except FAULTS as error:
                    failed.append(f"Updates on {kind}, {where}, {transport}: {error!r}")
    return found


async def _collections(port: int, many: int) -> list[str]:
    left = iter(range(many))
    ids: list[str] = []

    async def write() -> None:
        connection = await Connection.open(port)
        for _ in left:  # All writers share it.
            given = {"currencyCode": "USD", "amount": "10.00"}
            ids.append((await connection.execute(CREATE, {"input": given}))["id"])
        connection.close()

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    return ids


async def _measure(
    port: int,
    server: RunningServer,
    crowd: Crowd,
    *,
    ids: Sequence[str],
    numbers: Sequence[int],
    found: dict[str, Delays],
) -> None:
    """Change collections at one server for subscribers at the same or at another one; add what is found."""
    measured = servers.Measured.of(server)
    async with crowd:
        subscribed = 0
        for many in sorted(numbers):
            await crowd.add(server.port, ids[subscribed:many])
            subscribed = many
            await _quiet(measured)
            since_change, since_request = await _delays(port, crowd, ids[:many])
            found[counted(many, "subscription")] = Delays(
                Times.of(since_change), Times.of(since_request), measured.resident_mb()
            )
    await _quiet(measured)


async def _delays(port: int, crowd: Crowd, ids: Sequence[str]) -> tuple[list[float], list[float]]:
    """Change collections from all over the crowd, one at a time; return the seconds since change and since request."""
    since_change, since_request = [], []
    writer = await Connection.open(port)
    for number in range(UPDATES):
        id = ids[number * len(ids) // UPDATES]
        arrival = crowd.arrival(id)
        amount = f"{next(amounts)}.00"
        sent_at = time.time()
        await writer.execute(UPDATE, {"input": {"id": id, "amount": amount}})
        arrived_at, item = await asyncio.wait_for(arrival, ARRIVAL_SECONDS)
        changed = item["data"]["paymentCollectionUpdates"]["event"]["occurredAt"]
        since_change.append(arrived_at - datetime.fromisoformat(changed).timestamp())
        since_request.append(arrived_at - sent_at)
        await asyncio.sleep(PAUSE_SECONDS)
    writer.close()
    return since_change, since_request


async def _quiet(measured: servers.Measured) -> None:
    """Wait until a server has nothing to do, at most QUIET_SECONDS."""
    ends_at = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < ends_at:
        before = measured.cpu_seconds()
        await asyncio.sleep(QUIET_LOOK_SECONDS)
        if measured.cpu_seconds() - before < QUIET_SHARE * QUIET_LOOK_SECONDS:
            return
