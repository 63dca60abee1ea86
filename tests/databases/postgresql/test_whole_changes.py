"""A change that is read by one statement and written by another, without a transaction open in between."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bench.flows import pay_once, run_flows
from db.engine.database import create_database
from db.flow_store import SqlStore
from db.prepared import NotPrepared
from db.statements.whole import CHANGES_MAX
from payments.flow.working_copy import lock
from payments.model.entities import Snapshot
from payments.model.ids import CollectionId, OperationId
from payments.model.statuses import EventSource, EventType
from payments.ports.store import Subject
from payments.ports.transactions import Transaction
from tests.support.flow.shop import open_collection, pay
from tests.support.program.running import NO_RECOVERY, URL, RunningServer
from tests.support.stores import databases
from tests.support.waiting import until

pytestmark = pytest.mark.once

Answer = TypeVar("Answer")

FLOWS = 60

STATEMENTS_A_FLOW = 11
"""Opening a collection, then five requests of two statements each. Several changes may share one notification."""


BESIDES = ("NOTIFY", "extract(epoch", "READ WRITE", "webhook_", "operations.due_at")
"""In what the server sends by itself: notifications, the clock, the life of a connection, webhooks and recovery."""


@pytest.fixture
def server(own_database: str, tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server on a database of its own."""
    running = RunningServer(tmp_path, {**NO_RECOVERY, URL: own_database})
    yield running.start()
    running.close()


def transact(
    address: str, work: Callable[[Transaction], Answer], about: Subject | None = None
) -> Answer:
    """Run a function in a transaction of the flow on a store of its own."""

    async def run() -> Answer:
        database = create_database(address)
        await database.open()
        try:
            return await SqlStore(database).transact(work, about)
        finally:
            await database.close()

    return asyncio.run(run())


def renamed(tx: Transaction, id: CollectionId, reference: str) -> Snapshot:
    """Change a collection's reference, and append the event."""
    working = lock(tx, id, EventSource.API)
    assert working is not None
    working.put_collection(replace(working.collection, reference=reference))
    working.emit(EventType.COLLECTION_UPDATED)
    return working.finish()


def stored(server: RunningServer, id: str) -> list[databases.Row]:
    """Return a collection's reference, its sequence and the number of its events."""
    return server.rows(
        "SELECT reference, sequence, (SELECT count(*) FROM payment_events WHERE collection_id = c.id)"
        " FROM payment_collections c WHERE id = ?",
        id,
    )


def test_a_change_that_is_overtaken_starts_again(server: RunningServer) -> None:
    """It reads what the other one wrote; nothing of its first run is written."""
    id = CollectionId(open_collection(server)["id"])
    found = []

    def work(tx: Transaction) -> Snapshot:
        working = lock(tx, id, EventSource.API)
        assert working is not None
        found.append(working.collection.reference)
        if len(found) == 1:
            server.change("updatePaymentCollection", {"id": id, "reference": "theirs"})
        return renamed(tx, id, f"after {working.collection.reference}")

    transact(server.database, work, Subject(id))
    assert found == [None, "theirs"]
    assert stored(server, id) == [("after theirs", 3, 3)]


def test_a_change_that_is_overtaken_each_time_locks(server: RunningServer) -> None:
    """After some tries it waits for its lock like any other, and nobody overtakes it any more."""
    id = CollectionId(open_collection(server)["id"])
    kinds = []

    def work(tx: Transaction) -> Snapshot:
        kinds.append(type(tx).__name__)
        if kinds[-1] == "PreparedTransaction":
            server.change("updatePaymentCollection", {"id": id, "reference": str(len(kinds))})
        return renamed(tx, id, "ours")

    transact(server.database, work, Subject(id))
    assert kinds == ["PreparedTransaction"] * 5 + ["StoreTransaction"]
    assert stored(server, id) == [("ours", 7, 7)]


def test_what_was_not_read_beforehand_takes_a_transaction(server: RunningServer) -> None:
    """A function that wants more runs again, with a transaction open."""
    id = CollectionId(open_collection(server)["id"])
    kinds = []

    def work(tx: Transaction) -> Snapshot:
        kinds.append(type(tx).__name__)
        tx.refund_reasons()
        return renamed(tx, id, "ours")

    transact(server.database, work, Subject(id))
    assert kinds == ["PreparedTransaction", "StoreTransaction"]
    assert stored(server, id) == [("ours", 2, 2)]


def test_a_large_change_takes_a_transaction(server: RunningServer) -> None:
    """More rows than one statement writes."""
    id = CollectionId(open_collection(server)["id"])

    def work(tx: Transaction) -> Snapshot:
        working = lock(tx, id, EventSource.API)
        assert working is not None
        for _ in range(CHANGES_MAX + 1):
            working.emit(EventType.COLLECTION_UPDATED)
        return working.finish()

    transact(server.database, work, Subject(id))
    assert stored(server, id) == [(None, 2 + CHANGES_MAX, 2 + CHANGES_MAX)]


def test_a_statement_that_updates_too_little_writes_nothing(server: RunningServer) -> None:
    """An operation that is no longer as it was read ends the whole statement, and the change starts again."""
    payment = pay(server, provider="system")
    ((id, collection_id),) = server.rows(
        "SELECT id, collection_id FROM operations WHERE session_id = ?",
        payment["paymentSession"]["id"],
    )
    found = []

    def work(tx: Transaction) -> Snapshot:
        working = lock(tx, CollectionId(collection_id), EventSource.API)
        assert working is not None
        operation = working.operation(OperationId(id))
        found.append(operation.status.value)
        if len(found) == 1:
            server.rows("UPDATE operations SET status = 'UNKNOWN' WHERE id = ?", id)
        working.put_operation(replace(operation, note="seen"))
        working.emit(EventType.COLLECTION_UPDATED)
        return working.finish()

    events = stored(server, collection_id)[0][2]
    transact(server.database, work, Subject(id))
    assert found == ["SUCCEEDED", "UNKNOWN"]
    assert server.rows("SELECT status, note FROM operations WHERE id = ?", id) == [
        ("UNKNOWN", "seen")
    ]
    assert stored(server, collection_id)[0][1:] == (events + 1, events + 1)


def test_a_refusal_writes_nothing(server: RunningServer) -> None:
    """What a function raises is raised, after it has run once."""
    id = CollectionId(open_collection(server)["id"])
    runs = []

    def work(tx: Transaction) -> Snapshot:
        runs.append(tx)
        renamed(tx, id, "ours")
        raise LookupError

    with pytest.raises(LookupError):
        transact(server.database, work, Subject(id))
    assert (len(runs), stored(server, id)) == (1, [(None, 1, 1)])


def test_only_an_id_is_read(server: RunningServer) -> None:
    """What is no id of anything that belongs to a collection never gets to the database."""
    for id in ("pay_col_1", "acchld_" + "0" * 26, "", "_", "payses_" + "0" * 25 + "'"):
        kinds = transact(server.database, lambda tx: type(tx).__name__, Subject(id))
        assert kinds == "StoreTransaction"
    assert issubclass(NotPrepared, Exception)


def test_statements_of_a_payment(own_database: str, tmp_path: Path) -> None:
    """No BEGIN and no COMMIT: a request reads once and writes once."""
    path = tmp_path / "statements"
    settings = {
        **NO_RECOVERY,
        URL: own_database,
        "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0",
        "TILLGRAPH_TEST_STATEMENTS": str(path),
    }
    server = RunningServer(tmp_path, settings, is_test_build=True).start()
    try:
        asyncio.run(run_flows(server.port, pay_once, clients=1, flows=1))
        before = len(path.read_text())
        asyncio.run(run_flows(server.port, pay_once, clients=1, flows=1))
        until(lambda: len(statements(path, before)) >= STATEMENTS_A_FLOW)
        sent = statements(path, before)
    finally:
        server.close()
    assert len(sent) == STATEMENTS_A_FLOW, sent


def statements(path: Path, before: int) -> list[str]:
    """Return the statements from a place on, without those that the server sends by itself."""
    lines = path.read_text()[before:].splitlines()
    return [line[:80] for line in lines if not any(word in line for word in BESIDES)]


SCANNED = (
    "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0 AND relname IN"
    " ('payment_collections', 'payment_sessions', 'payments', 'operations', 'payment_events',"
    " 'idempotency_keys')"
)
CONNECTED = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tillgraph' AND datname = ?"


def test_a_database_that_began_empty_is_read_by_its_indexes(
    own_database: str, tmp_path: Path
) -> None:
    """Plans that were made while its tables were empty read none of them whole when they are no longer so."""
    server = RunningServer(tmp_path, {**NO_RECOVERY, URL: own_database}).start()
    try:
        asyncio.run(run_flows(server.port, pay_once, clients=4, flows=FLOWS))
    finally:
        server.close()
    # What a connection has read is counted at its end.
    name = make_url(own_database).database
    until(lambda: not databases.rows(own_database, CONNECTED, name))
    assert databases.rows(own_database, "SELECT count(*) FROM payments") == [(FLOWS,)]
    assert databases.rows(own_database, SCANNED) == []


def test_the_driver_decodes_records(own_database: str) -> None:
    """Rows within a row come as tuples, with integers, booleans and nulls as such."""

    async def read() -> object:
        connection = await asyncpg.connect(own_database.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(
                "SELECT ARRAY(SELECT ROW(1::bigint, true, 'a'::varchar, NULL::text))"
            )
        finally:
            await connection.close()

    assert asyncio.run(read()) == [(1, True, "a", None)]
