"""Delivery finds its rows by an index, however much was delivered before."""

from collections.abc import Iterator
from typing import Any

import pytest

from db.statements import webhooks as sql
from db.tables import payments as tables
from tests.support.flow.registering import ALLOWED, register
from tests.support.flow.shop import open_collection
from tests.support.program.ports import free_port
from tests.support.program.running import QUICK_RECOVERY, RunningServer
from tests.support.stores.plans import NUMBERS, multiply, plan_of, visited
from tests.support.waiting import until

MOST_VISITED = 300
"""Rows that one look may take from tables: its own, and what an index throws away on the way."""

VALUES: dict[str, Any] = {
    "endpoint_id": "whep_7",
    "by_endpoint": "whep_7",
    "lane": "lane 7",
    "by_lane": "lane 7",
    "status": "FAILED",
    "before": 2**62,
    "since": 0,
    "most": 51,
    "ids": [f"evt_{n}" for n in range(100)],
    "now": 2**62,
    "holder": "somebody",
    "until": 2**62,
}

LOOKS = {
    "an endpoint's deliveries": sql.PAGE,
    "those of a status": sql.PAGE_OF_STATUS,
    "the first of a lane": sql.FIRST_OF_LANE,
    "what was fed": sql.FED,
    "what failed": sql.FAILED_SINCE,
    "lanes that are due": sql.CLAIM_LANES,
    "whether anything waits": sql.STATES,
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a database with 20,000 deliveries and as many lanes, a tenth of the deliveries pending."""
    settings = {**QUICK_RECOVERY, **ALLOWED}
    server = RunningServer(tmp_path_factory.mktemp("full"), settings).start()
    register(server, f"http://127.0.0.1:{free_port()}/")
    open_collection(server)
    until(lambda: server.rows("SELECT attempts FROM webhook_deliveries WHERE tried_times = 1"))
    server.kill()
    _fill(server)
    for table in (tables.webhook_deliveries, tables.webhook_lanes):
        server.rows(f"ANALYZE {table.name}")
    yield server
    server.close()


def _fill(server: RunningServer) -> None:
    """Copy the one delivery, past the keys that say that an event and an endpoint have to be there."""
    is_sqlite = server.database.startswith("sqlite")
    own = {
        "id": "'whdl_' || n",
        "event_id": "'evt_' || n",
        "position": "n",
        "sequence": "n",
        "lane": "'lane ' || (n / 100)",
        "status": "CASE WHEN n % 10 = 0 THEN 'PENDING' WHEN n % 10 = 1 THEN 'FAILED' ELSE 'DELIVERED' END",
    }
    if not is_sqlite:
        server.rows("ALTER TABLE webhook_deliveries DROP CONSTRAINT fk_webhook_deliveries_event_id")
    multiply(server, tables.webhook_deliveries, own)
    server.rows(
        f"{NUMBERS} INSERT INTO webhook_lanes (endpoint_id, lane, holder, due_at)"  # noqa: S608
        f" SELECT id, 'lane ' || n, NULL, n FROM webhook_endpoints, numbers"
    )


def _arguments(server: RunningServer) -> dict[str, Any]:
    ((endpoint,),) = server.rows("SELECT id FROM webhook_endpoints")
    return {**VALUES, "endpoint_id": endpoint, "by_endpoint": endpoint}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_ends_with_what_it_is_for(full: RunningServer, name: str) -> None:
    """No table of deliveries or lanes is read whole, and none is sorted."""
    if full.database.startswith("postgresql"):
        assert visited(full, LOOKS[name], _arguments(full)) <= MOST_VISITED
        return
    steps = plan_of(full, LOOKS[name], _arguments(full))
    reads = [step for step in steps if "webhook_deliveries" in step or "webhook_lanes" in step]
    assert reads
    assert all(" USING " in step and "INDEX" in step for step in reads), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
