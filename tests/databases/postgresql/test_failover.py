"""A failover: the server that wrote only reads now, and connections made later lead to one that writes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import make_url

from db.engine.address import Host, read_address
from db.engine.connector import Connector
from db.engine.postgresql import TRIES
from tests.databases.postgresql.losing import CONNECTED, END_CONNECTIONS
from tests.support.flow.shop import open_collection, try_to_open
from tests.support.program.running import (
    NO_RECOVERY,
    URL,
    RunningServer,
    clean_environment,
    document,
)
from tests.support.program.starting import run
from tests.support.waiting import until

pytestmark = pytest.mark.once

CROWD = 10


@contextmanager
def only_reading(server: RunningServer) -> Iterator[None]:
    """Let a database's connections be such as only read from now on; those made after the block write again."""
    name = make_url(server.database).database
    server.rows(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        server.rows(END_CONNECTIONS)
        yield
    finally:
        # The tests' own connection was made before; it still writes.
        server.rows(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def has_many(server: RunningServer) -> bool:
    """Return whether the server has more connections than a mutation is tried."""
    return len(server.rows(CONNECTED)) > TRIES + 1


def test_connections_that_only_read_are_thrown_away(own_database: str, tmp_path: Path) -> None:
    """Meanwhile the server is not ready and says why; afterwards every mutation is done at once, and it is ready."""
    server = RunningServer(tmp_path, {**NO_RECOVERY, URL: own_database}, is_test_build=True).start()
    shown = {"id": open_collection(server)["id"]}

    def read(_: int) -> int:
        return server.post(document("back_end/02_show_payment_collection"), shown).status_code

    try:
        with only_reading(server), ThreadPoolExecutor(CROWD) as pool:
            until(lambda: try_to_open(server) == (503, "STORE_UNAVAILABLE"))
            assert not server.is_ready()
            until(lambda: set(pool.map(read, range(CROWD * 3))) == {200} and has_many(server))
        # The first is done at once, however many connections there are that only read.
        assert try_to_open(server) == (200, "PaymentCollection")
        with ThreadPoolExecutor(CROWD) as pool:
            assert server.is_ready()
            answers = list(pool.map(lambda _: try_to_open(server), range(CROWD * 3)))
        assert answers == [(200, "PaymentCollection")] * CROWD * 3
        reasons = [one["reason"] for one in server.log_lines() if one["level"] == "error"]
        assert "cannot execute INSERT in a read-only transaction" in reasons
    finally:
        server.close()


def test_a_server_does_not_start_where_it_can_only_read(own_database: str, tmp_path: Path) -> None:
    """Exit code 2 and a sentence, though no migration is missing."""
    server = RunningServer(tmp_path, {URL: own_database})
    with only_reading(server):
        ended = run(
            "server",
            ["serve"],
            folder=tmp_path,
            environment={**clean_environment(), URL: own_database, "PORT": str(server.port)},
        )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.endswith("TILLGRAPH_DATABASE_URL names a database that can only be read.")


async def test_the_host_that_writes_is_found(database: str) -> None:
    """Of several hosts one that is not there is passed over, and is not asked first again."""
    host = str(make_url(database).query["host"])
    address = database.replace(quote(host, safe=""), quote(f"/nowhere,{host}", safe=""))
    connector = Connector(read_address(address), None)
    for _ in range(2):
        driver = await connector.connect()
        assert await driver.fetchval("SELECT current_setting('transaction_read_only')") == "off"
        await driver.close()
        assert connector._hosts[0] == Host(host)
