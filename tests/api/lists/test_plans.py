"""Each filter and each order of a list is answered by an index, in order: no table is read whole, no list is sorted."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, make_url

from db import event_log, figures, list_pages, mismatches, reads
from db.list_pages import Shape
from db.statements import flow, invariants
from db.tables import payments as tables
from tests.support.flow.shop import pay
from tests.support.program.running import RunningServer
from tests.support.stores.plans import multiply, plan_of, visited

MOST_VISITED = 2_000
"""Rows that a page of 50 may take from a table: a filter's own, and what a second filter throws away on the way."""

COLLECTIONS, PAYMENTS = tables.payment_collections, tables.payments
EVENTS = tables.payment_events
FILLED = (COLLECTIONS, tables.payment_sessions, PAYMENTS, tables.operations, EVENTS)
PAID = {
    COLLECTIONS.name: "COMPLETED",
    tables.payment_sessions.name: "CAPTURED",
    PAYMENTS.name: "CAPTURED",
}
"""The status of a quarter of a table's rows; another quarter is canceled."""

QUIET = {
    "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600",
    "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0",
}

VALUES: dict[str, Any] = {
    "reference": "reference 7",
    "region_id": "region 7",
    "currency": "USD",
    "collection_id": "id000000007",
    "provider_id": "sandbox",
    "statuses": ["AUTHORIZED", "CAPTURED", "COMPLETED"],
    "status_0": "AUTHORIZED",
    "status_1": "CAPTURED",
    "status_2": "COMPLETED",
    "ids": [f"id{n:09d}" for n in range(100)],
    "after_at": -1,
    "after_id": "",
    "before_at": 2**62,
    "before_id": "~",
    "most": 51,
    "payment_id": "id000000007",
    "customer_reference": "customer 7",
    "after": 0,
    "now": 2**62,
    "created_at": -1,
    "id": "",
    "overdue": 0,
    "providers": ["sandbox"],
    "holder": "somebody",
    "until": 2**62,
}

SHAPES = {
    "collections, all": Shape(COLLECTIONS, (), False, 0),
    **{
        f"collections, {name}": Shape(COLLECTIONS, (name,), False, 0)
        for name in ("reference", "region_id", "currency")
    },
    "collections, a status": Shape(COLLECTIONS, (), False, 1),
    "collections, three statuses": Shape(COLLECTIONS, (), False, 3),
    "collections, ids": Shape(COLLECTIONS, (), True, 0),
    "collections, everything": Shape(COLLECTIONS, ("reference", "region_id", "currency"), False, 3),
    "payments, all": Shape(PAYMENTS, (), False, 0),
    **{
        f"payments, {name}": Shape(PAYMENTS, (name,), False, 0)
        for name in ("collection_id", "provider_id", "currency")
    },
    "payments, a status": Shape(PAYMENTS, (), False, 1),
    "payments, three statuses": Shape(PAYMENTS, (), False, 3),
    "payments, ids": Shape(PAYMENTS, (), True, 0),
    "payments, a provider and a status": Shape(PAYMENTS, ("provider_id",), False, 1),
    "payments, a provider and three statuses": Shape(PAYMENTS, ("provider_id",), False, 3),
}

READS = {
    "sessions of collections": reads.SESSIONS_OF,
    "payments of collections": reads.PAYMENTS_OF,
    "payments of sessions": reads.PAYMENTS_OF_SESSIONS,
    "captures and refunds of payments": reads.MOVEMENTS_OF,
    "disputes of payments": reads.DISPUTES_OF,
    "methods of holders": reads.METHODS_OF,
    "holders of a customer": reads.HOLDERS_OF,
    "the first events of collections": event_log.FIRST_EVENTS_OF,
    "the first events of payments": event_log.FIRST_EVENTS_OF_PAYMENTS,
    "events of a collection": event_log.EVENTS_OF,
    "events of a payment": event_log.EVENTS_OF_PAYMENT,
    "the whole log": event_log.ALL_EVENTS,
    "what is unsettled": reads.UNSETTLED,
}
"""The reads for the objects on a page, and for the pages that have no filter."""

BACKGROUND = {
    "how many payments are mismatched": figures.MISMATCHED,
    "mismatched payments": mismatches.MISMATCHED,
    "what is due": flow.CLAIM,
    "when the next is due": flow.NEXT_DUE,
    "expired authorizations": flow.EXPIRED,
    "the sessions of a slice": invariants.OF_COLLECTIONS[invariants.SESSIONS],
    "the payments of a slice": invariants.OF_COLLECTIONS[invariants.PAYMENTS],
    "the operations of a slice": invariants.OF_SESSIONS,
    "what has changed": invariants.CHANGED,
    **{f"invariant {one.number}, {one.name}": one.query for one in invariants.INVARIANTS},
}
"""What is read without a request, or for an operator."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server whose database has 20,000 collections, sessions and payments; PostgreSQL knows it, as it would.

    Nothing analyzes a SQLite database.
    """
    running = RunningServer(tmp_path_factory.mktemp("full"), QUIET).start()
    pay(running)
    running.stop()
    for table in FILLED:
        _fill(running, table)
        if running.database.startswith("postgresql"):
            running.rows(f"ANALYZE {table.name}")
    yield running.start()
    running.close()


def _fill(server: RunningServer, table: Table) -> None:
    """Write the one row of a table so many times, with values of its own where lists are narrowed down by them."""
    is_sqlite = server.database.startswith("sqlite")
    id = "'id' || " + ("printf('%09d', n)" if is_sqlite else "lpad(n::text, 9, '0')")
    own = {
        "id": id,
        "collection_id": id,
        "session_id": id,
        "payment_id": id,
        "position": "position + n",
        "created_at": "created_at + n",
        "region_id": "'region ' || (n % 20)",
    }
    if table is COLLECTIONS:
        own["reference"] = "'reference ' || (n % 1000)"
    if table.name in PAID:
        own["status"] = (
            f"CASE n % 4 WHEN 0 THEN '{PAID[table.name]}' WHEN 1 THEN 'CANCELED' ELSE status END"
        )
    multiply(server, table, own, where="payment_id IS NOT NULL" if table is EVENTS else "TRUE")


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_page_is_read_in_order(full: RunningServer, name: str, newest_first: bool) -> None:
    """A page of 50 out of 20,000 is read from an index and ends with the page: what matches is not sorted.

    What is sorted is no more than a few pages merged, one for each status, or the rows of 100 ids.
    """
    shape = SHAPES[name]
    statement = list_pages.page(shape, newest_first=newest_first)
    if full.database.startswith("postgresql"):
        assert visited(full, statement, VALUES) <= MOST_VISITED
        return
    steps = plan_of(full, statement, VALUES)
    reads = [step for step in steps if shape.table.name in step]
    assert reads, steps
    assert all(" USING INDEX " in step for step in reads), steps
    if shape.statuses <= 1 and not shape.has_ids:
        assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("name", SHAPES)
def test_a_count_ends_at_its_limit(full: RunningServer, name: str) -> None:
    """It reads an index, or as many rows as make the limit, and never all."""
    shape, statement = SHAPES[name], list_pages.count(SHAPES[name])
    if full.database.startswith("postgresql"):
        assert visited(full, statement, VALUES) <= MOST_VISITED
        return
    reads = [step for step in plan_of(full, statement, VALUES) if shape.table.name in step]
    assert reads
    assert all("INDEX" in step for step in reads), reads


@pytest.mark.parametrize("name", READS)
def test_what_hangs_off_a_page_is_read_by_an_index(full: RunningServer, name: str) -> None:
    """No table is read whole for it, whatever it holds."""
    if full.database.startswith("postgresql"):
        assert visited(full, READS[name], VALUES) <= MOST_VISITED
        return
    steps = plan_of(full, READS[name], VALUES)
    names = [table.name for table in tables.metadata.sorted_tables]
    found = [step for step in steps if any(name in step for name in names)]
    assert found, steps
    assert all(step.startswith("SEARCH ") for step in found), steps


@pytest.mark.parametrize("name", BACKGROUND)
def test_background_work_reads_by_an_index(full: RunningServer, name: str) -> None:
    """Recovery, the check of 100 rows and the metrics read what they are about, and no table for it."""
    statement = BACKGROUND[name]
    if full.database.startswith("postgresql"):
        assert visited(full, statement, VALUES) <= MOST_VISITED
        return
    steps = plan_of(full, statement, VALUES)
    names = [table.name for table in tables.metadata.sorted_tables]
    found = [step for step in steps if any(name in step for name in names)]
    assert found, steps
    assert all(" USING " in step for step in found), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("table", invariants.CHECKED, ids=lambda table: table.name)
def test_a_slice_begins_by_an_index(full: RunningServer, table: Table) -> None:
    """The ids of a slice are the next ones of the primary key, however many there are."""
    statement, values = invariants.IDS_AFTER[table], {"after": "id000000007", "most": 100}
    if full.database.startswith("postgresql"):
        assert visited(full, statement, values) <= MOST_VISITED
        return
    (step,) = plan_of(full, statement, values)
    assert step.startswith(f"SEARCH {table.name} USING COVERING INDEX"), step


TOTALS = {
    "all of them": ("paymentCollections", {}, None),
    "as many as are counted": (
        "paymentCollections",
        {"statuses": ["COMPLETED", "CANCELED"]},
        10_000,
    ),
    "one more than that": ("paymentCollections", {"statuses": ["AUTHORIZED"]}, None),
    "some of them": ("paymentCollections", {"regionId": "region 7"}, 1_000),
    "all payments": ("payments", {}, None),
    "as many payments as are counted": ("payments", {"statuses": ["CAPTURED", "CANCELED"]}, 10_000),
    "payments of one collection": ("payments", {"paymentCollectionId": "none"}, 0),
}


@pytest.mark.parametrize("name", TOTALS)
def test_a_total_ends_at_ten_thousand(full: RunningServer, name: str) -> None:
    """Beyond it totalCount is null; the page is there all the same."""
    field_name, wanted, expected = TOTALS[name]
    kind = "PaymentCollectionFilter" if field_name == "paymentCollections" else "PaymentFilter"
    page = f"{field_name}(first: 1, filter: $filter) {{ totalCount edges {{ cursor }} }}"
    query = f"query ($filter: {kind}) {{ list: {page} }}"
    found = full.execute(query, {"filter": wanted})["list"]
    assert found["totalCount"] == expected
    assert len(found["edges"]) == (expected != 0)


@pytest.mark.once
def test_every_shape_of_a_filter_has_a_statement(is_long: bool) -> None:
    """Every combination of filters compiles for both databases, in each order and for the count."""
    for table, columns in (
        (COLLECTIONS, ("reference", "region_id", "currency")),
        (PAYMENTS, ("collection_id", "provider_id", "currency")),
    ):
        for size in range(len(columns) + 1):
            for equal in itertools.combinations(columns, size):
                for has_ids, statuses in itertools.product(
                    (True, False), (0, 1, 8) if is_long else (0, 8)
                ):
                    shape = Shape(table, equal, has_ids, statuses)
                    for statement in (
                        list_pages.page(shape, newest_first=True),
                        list_pages.page(shape, newest_first=False),
                        list_pages.count(shape),
                    ):
                        for url in ("sqlite+aiosqlite://", "postgresql+asyncpg://"):
                            compiled = statement.compiled(make_url(url).get_dialect()())
                            assert set(equal) <= set(compiled.names)
