"""A backup of the database, restored on another server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from db.statements.log_order import EVENTS_A_TRANSACTION
from tests.support.callers.log import WATCH, cursors_of, touch, up_to
from tests.support.callers.streams import following
from tests.support.flow.shop import authorize, capture, open_collection, open_session
from tests.support.forms import in_short
from tests.support.program.running import URL, RunningServer
from tests.support.stores import databases
from tests.support.waiting import until

pytestmark = pytest.mark.once

NEWEST_POSITION = "SELECT max(position) FROM payment_events"


USE_UP_500 = """
DO $$ BEGIN FOR number IN 1..500 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$
"""


def move_ahead(source: RunningServer) -> None:
    """Move the log to where a server that has seen a million transactions more has it."""
    source.rows("ALTER TABLE payment_events DISABLE TRIGGER USER")
    source.rows(
        "UPDATE payment_events SET position = position + ?", 1_000_000 * EVENTS_A_TRANSACTION
    )
    source.rows("ALTER TABLE payment_events ENABLE TRIGGER USER")


@pytest.mark.parametrize("place", in_short(["beside it", "another server"], "beside it"))
def test_a_restored_log_goes_on(
    own_database: str, make_server: Callable[..., RunningServer], tmp_path: Path, place: str
) -> None:
    """On a server that counts its transactions from the start, old events stay in order and new ones come after."""
    source = make_server(**{URL: own_database}).start()
    source.rows(USE_UP_500)
    collection = open_collection(source)
    session = open_session(source, collection["id"])
    payment = authorize(source, session["id"])
    capture(source, payment["id"], amount="10.00")
    before = until(lambda: up_to(source, cursors_of(source, collection["id"])[-1]))
    if place == "beside it":
        move_ahead(source)
        restored = databases.create_database()
    else:
        restored = databases.text_of(databases.start_postgresql())
    source.kill()

    databases.back_up(own_database, tmp_path / "backup")
    databases.restore(restored, tmp_path / "backup")
    ((newest,),) = databases.rows(restored, NEWEST_POSITION)
    ((current,),) = databases.rows(restored, "SELECT pg_current_xact_id()::text::bigint")
    assert newest // EVENTS_A_TRANSACTION > current

    server = make_server(**{URL: restored}).start()
    assert until(lambda: up_to(server, before[-1])) == before
    variables = {"id": collection["id"], "after": before[-1]}
    with following(server, "websocket", WATCH, variables) as stream:
        touch(server, collection["id"], "restored")
        last = stream.next()["cursor"]
    assert last == cursors_of(server, collection["id"])[-1]
    assert until(lambda: up_to(server, last)) == [*before, last]
