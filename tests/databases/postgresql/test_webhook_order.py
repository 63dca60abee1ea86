"""Each collection's events are told in order, however its transactions stand in the whole log."""

from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.support.flow.registering import ALLOWED, register
from tests.support.flow.shop import open_collection
from tests.support.gateways.receiver import Receiver
from tests.support.program.running import QUICK_RECOVERY, URL, RunningServer
from tests.support.stores import databases

pytestmark = pytest.mark.once

EVENTS_A_TRANSACTION = 1_024


@pytest.mark.anyio
async def test_where_the_horizon_stands_between_two_events(
    tmp_path: Path, own_database: str, poll: Mapping[str, str]
) -> None:
    """The later one is below it, and waits for the earlier one, which is committed and stands above it."""
    settings = {**QUICK_RECOVERY, **ALLOWED, **poll, URL: own_database}
    server = RunningServer(tmp_path, settings, is_test_build=True)
    receiver = Receiver()
    address = databases.text_of(make_url(own_database).set(drivername="postgresql"))
    connection = await asyncpg.connect(address)
    try:
        server.start()
        register(server, receiver.url)
        id = open_collection(server)["id"]
        receiver.wait_for(1)
        async with connection.transaction():
            oldest = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
            _copy(server, id, position=(oldest + 1) * EVENTS_A_TRANSACTION, sequence=2)
            _copy(server, id, position=(oldest - 1) * EVENTS_A_TRANSACTION + 900, sequence=3)
            receiver.wait_for(3)
        assert [one.place for one in receiver.received] == [(id, 1), (id, 2), (id, 3)]
    finally:
        await connection.close()
        server.close()
        receiver.close()


def _copy(server: RunningServer, id: str, *, position: int, sequence: int) -> None:
    """Write another event like the collection's first one."""
    names = [
        row[0]
        for row in server.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'payment_events'"
        )
    ]
    own = {
        "id": f"'evt_{sequence:026d}'",
        "position": str(position),
        "sequence": str(sequence),
    }
    values = ", ".join(own.get(name, name) for name in names)
    server.rows(
        f"INSERT INTO payment_events ({', '.join(names)}) SELECT {values} FROM payment_events"  # noqa: S608
        " WHERE collection_id = ? AND sequence = 1",
        id,
    )
