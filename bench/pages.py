"""A page of 50 collections with everything under them: sessions, payments, captures, refunds, holders and events."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from bench import servers
from bench.figures import Times
from bench.floors import TYPENAME
from bench.wire import Connection
from tests.api.lists.copies import copy_everything
from tests.api.lists.everything import PAGE, make_everything

COLLECTIONS = 50
REQUESTS = 50
TYPENAMES = 1_000
WARM_UP_REQUESTS = 5


@dataclass(frozen=True, slots=True)
class Page:
    """What a page costs, asked for by one client."""

    times: Times
    server_cpu_ms: float
    database_cpu_ms: float | None
    kilobytes: float
    typenames: float
    """Its server CPU, in answers to `{ __typename }` of the same server."""


async def measure(kind: str) -> Page:
    """Measure a page on a database of one of databases.KINDS."""
    with servers.running(kind) as server:
        make_everything(server)
        copy_everything(server, COLLECTIONS - 1)
        server.rows("ANALYZE")  # As a database is after its first minutes.
        measured = servers.Measured.of(server)
        connection = await Connection.open(server.port)

        async def page() -> object:
            return await connection.execute(PAGE, {"first": COLLECTIONS})

        async def typename() -> object:
            return await connection.execute(TYPENAME, {})

        size = len(orjson.dumps(await page()))
        cost, seconds = await _cost(measured, page, REQUESTS)
        floor, _ = await _cost(measured, typename, TYPENAMES)
        connection.close()
    server_ms, database_ms = cost.each_ms(REQUESTS)
    floor_ms, _ = floor.each_ms(TYPENAMES)
    return Page(
        times=Times.of(seconds),
        server_cpu_ms=server_ms,
        database_cpu_ms=database_ms,
        kilobytes=round(size / 1_000, 1),
        typenames=round(server_ms / floor_ms, 1),
    )


async def _cost(
    measured: servers.Measured, send: Callable[[], Awaitable[object]], requests: int
) -> tuple[servers.Cpu, list[float]]:
    """Return what so many requests cost together, and the seconds of each."""
    for _ in range(WARM_UP_REQUESTS):
        await send()
    seconds = []
    before = measured.cpu()
    for _ in range(requests):
        started = time.perf_counter()
        await send()
        seconds.append(time.perf_counter() - started)
    return measured.cpu().since(before), seconds
