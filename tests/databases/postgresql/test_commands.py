"""Commands whose database fails in their midst: exit code 2 and a sentence."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.support.flow.shop import pay
from tests.support.forms import in_short
from tests.support.program.running import URL, RunningServer
from tests.support.stores import databases

pytestmark = pytest.mark.once

COMMANDS = {
    "check": ("check",),
    "recover": ("recover", "--since", "2026-01-01T00:00:00Z"),
}


@pytest.fixture
def paid(own_database: str, tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server that is stopped, with a payment that the gateway knows of."""
    server = RunningServer(tmp_path, {URL: own_database}).start()
    pay(server)
    server.stop()
    yield server
    server.close()


@pytest.mark.parametrize("command", in_short(list(COMMANDS), "check"))
def test_a_database_that_does_not_answer(paid: RunningServer, command: str) -> None:
    """If the rows can't be read, the command says only to run it again, without a traceback."""
    address = make_url(paid.database).set(drivername="postgresql")
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(databases.text_of(address)))
        try:
            runner.run(connection.execute("BEGIN; LOCK TABLE payments, operations"))
            ended = paid.command(*COMMANDS[command])
        finally:
            runner.run(connection.close())
    assert ended == (
        2,
        "Not all was read: run it again. The database is busy; send the request again.\n",
    )
