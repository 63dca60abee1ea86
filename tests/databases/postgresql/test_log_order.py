"""The whole log where transactions commit as they like: no event is passed over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from db.statements.log_order import CURRENT, EVENTS_A_TRANSACTION
from payments.model.ids import EVENT, new_id
from tests.support.callers.log import WATCH, cursors_of, everything_after, touch, up_to
from tests.support.callers.streams import TRANSPORTS, following, following_from_now_on
from tests.support.flow.shop import open_collection
from tests.support.program.running import RunningServer
from tests.support.stores import databases
from tests.support.waiting import until

pytestmark = pytest.mark.once

Neighbours = tuple[RunningServer, RunningServer]

WRITE_EVENT = f"""
INSERT INTO payment_events
    (position, id, collection_id, sequence, type, source, occurred_at, currency, collection_status)
SELECT {CURRENT} * {EVENTS_A_TRANSACTION}, $1, $2, 2, 'COLLECTION_UPDATED', 'API', 0, 'USD', 'NOT_PAID'
"""


class Writer:
    """A process whose transaction takes its time."""

    def __init__(self, address: str) -> None:
        self._runner = asyncio.Runner()
        url = make_url(address).set(drivername="postgresql")
        self._connection: Any = self._run(asyncpg.connect(databases.text_of(url)))

    def write(self, event_id: str, collection_id: str) -> None:
        """Write a collection's second event, and leave the transaction open."""
        self._run(self._connection.execute("BEGIN"))
        self._run(self._connection.execute(WRITE_EVENT, event_id, collection_id))

    def commit(self) -> None:
        """Commit."""
        self._run(self._connection.execute("COMMIT"))

    def close(self) -> None:
        """Go away."""
        self._run(self._connection.close())
        self._runner.close()

    def _run(self, work: Any) -> Any:
        return self._runner.run(work)


@contextmanager
def writing(server: RunningServer) -> Iterator[Writer]:
    """Return a writer on a server's database."""
    writer = Writer(server.database)
    try:
        yield writer
    finally:
        writer.close()


def test_a_page_stops_before_what_may_still_come(neighbours: Neighbours) -> None:
    """While an older transaction is open, nothing after it is shown; once it commits, its event comes first."""
    here, _ = neighbours
    early = open_collection(here)
    before = until(lambda: up_to(here, cursors_of(here, early["id"])[-1]))
    with writing(here) as writer:
        writer.write(new_id(EVENT), early["id"])
        late = open_collection(here)
        assert everything_after(here, None) == before
        writer.commit()
        after = until(lambda: up_to(here, cursors_of(here, late["id"])[-1]))
    assert after[: len(before)] == before
    assert after[len(before) :] == [cursors_of(here, early["id"])[1], *cursors_of(here, late["id"])]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_waits_for_what_may_still_come(neighbours: Neighbours, transport: str) -> None:
    """A subscriber sees events of transactions that commit out of order in one order, none left out."""
    here, there = neighbours
    early, late = open_collection(here), open_collection(here)
    with (
        following_from_now_on(here, transport) as everything,
        following(here, transport, WATCH, {"id": late["id"]}) as watching,
        writing(there) as writer,
    ):
        watching.next()
        writer.write(new_id(EVENT), early["id"])
        for number in range(3):
            touch(there, late["id"], f"{number}")
            # Whoever follows the collection alone need not wait; this wakes who follows everything, too.
            watching.next()
        writer.commit()
        seen = [everything.next()["cursor"] for _ in range(4)]
    assert seen == [cursors_of(here, early["id"])[1], *cursors_of(here, late["id"])[1:]]


def test_a_rolled_back_event_leaves_no_hole(neighbours: Neighbours) -> None:
    """A transaction that fails holds nothing up for longer than it lasts."""
    here, _ = neighbours
    early = open_collection(here)
    before = until(lambda: up_to(here, cursors_of(here, early["id"])[-1]))
    with writing(here) as writer:
        writer.write(new_id(EVENT), early["id"])
        late = open_collection(here)
    after = until(lambda: up_to(here, cursors_of(here, late["id"])[-1]))
    assert after == [*before, *cursors_of(here, late["id"])]
