"""A database of a size under a running server: real flows, and SQL's copies of them."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.flows import AUTHORIZE, CREATE, SESSION, pay_once, run_flows
from bench.size import copies
from bench.wire import Connection
from db.engine.database import Database, create_database
from tests.support.program.running import RunningServer
from tests.support.stores import databases

FLOWS_MAX: Final = 2_000
"""Real flows; the rest is copied."""

COPIES_MIN: Final = 4
"""With fewer, no collection is in the second currency."""

CLIENTS: Final = 8

UNFINISHED_EACH: Final = 20
"""One more flow of so many ends after its authorization, so that lists have another status to find."""

QUIET: Final = {
    "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600",
    "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0",
}


@dataclass(frozen=True, slots=True)
class Sized:
    """A server on a database of a known size."""

    server: RunningServer
    database: Database
    """The same database, opened by this process."""
    values: dict[str, Any]
    """What the costs look for: ids, a reference, a place in the log, all from the middle."""
    counts: dict[str, int]
    made_seconds: float


@contextmanager
def made(kind: str, collections: int, folder: Path) -> Iterator[Sized]:
    """Make a database of a kind with about so many collections, and run a server on it."""
    databases.use(kind)
    began = time.perf_counter()
    folder.mkdir()
    server = RunningServer(folder, QUIET, is_started_afresh=True)
    server.start()
    server.stop()  # It has made its tables.
    flows = min(FLOWS_MAX, collections // (COPIES_MIN + 1))
    number = min(copies.COPIES_MAX, max(COPIES_MIN, collections // flows - 1))
    copies.make_room(server.database, flows, number)
    server.start()
    try:
        asyncio.run(_flow(server.port, flows))
        server.stop()
        copies.multiply(server.database, number)
        copies.analyze(server.database)
        made_seconds = time.perf_counter() - began
        server.start()
        yield Sized(
            server,
            create_database(server.database, command_seconds=None),
            _values(server),
            {f"{table.name}": _count(server, table.name) for table in copies.COPIED},
            made_seconds,
        )
    finally:
        server.close()


async def _flow(port: int, flows: int) -> None:
    await run_flows(port, pay_once, clients=CLIENTS, flows=flows)
    connection = await Connection.open(port)
    for _ in range(max(1, flows // UNFINISHED_EACH)):
        given = {"currencyCode": "USD", "amount": "49.90"}
        collection = await connection.execute(CREATE, {"input": given})
        opened = {"paymentCollectionId": collection["id"], "providerId": "system"}
        session = await connection.execute(SESSION, {"input": opened})
        await connection.execute(AUTHORIZE, {"input": {"id": session["id"]}})
    connection.close()


def _values(server: RunningServer) -> dict[str, Any]:
    count = _count(server, "payment_collections")
    ((id, reference),) = server.rows(
        "SELECT id, reference FROM payment_collections WHERE reference IS NOT NULL"
        f" ORDER BY id LIMIT 1 OFFSET {count // 2}"
    )
    ((position, last),) = server.rows(
        "SELECT (SELECT position FROM payment_events ORDER BY position LIMIT 1"
        f" OFFSET {_count(server, 'payment_events') // 2}), max(position) FROM payment_events"
    )
    middle = {
        table: server.rows(
            f"SELECT id FROM {table} ORDER BY id LIMIT 1 OFFSET {_count(server, table) // 2}"
        )[0][0]
        for table in ("payment_collections", "payment_sessions", "payments", "operations")
    }
    return {
        "id": id,
        "reference": reference,
        "position": position,
        "last_position": last,
        "middle": middle,
    }


def _count(server: RunningServer, table: str) -> int:
    ((count,),) = server.rows(f"SELECT count(*) FROM {table}")
    return int(count)
