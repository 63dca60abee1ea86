"""Calls that are canceled while they speak to the database."""

import asyncio

import pytest

from db.engine.database import Database, create_database
from db.flow_store import SqlStore
from tests.support.stores import databases
from tests.support.waiting import until

pytestmark = pytest.mark.once

LOCK_SECONDS = 3.0
LEFT_SECONDS = 20.0
"""Well under the minute after which PostgreSQL ends a transaction that was left open."""

TURNS = 60
"""Of the event loop: more than a transaction takes."""

IN_TRANSACTION = (
    "SELECT query FROM pg_stat_activity WHERE application_name = 'tillgraph'"
    " AND datname = current_database() AND state LIKE 'idle in transaction%'"
)


async def cancel_behind(database: Database, turns: int) -> None:
    """Cancel a transaction some turns of the event loop after its beginning."""
    reading = asyncio.create_task(SqlStore(database).read(lambda tx: tx.disabled_providers()))
    for _ in range(turns):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])


def test_a_canceled_call_leaves_no_transaction(own_database: str) -> None:
    """Canceled at whatever instant, a call leaves no transaction to whoever gets its connection next."""
    with asyncio.Runner() as runner:
        database = create_database(own_database, LOCK_SECONDS)
        runner.run(database.open())
        for turns in range(TURNS):
            runner.run(cancel_behind(database, turns))
            until(lambda: not databases.rows(own_database, IN_TRANSACTION), seconds=LEFT_SECONDS)
        runner.run(database.close())
