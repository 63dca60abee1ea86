"""Migrations on PostgreSQL, and what the database itself holds, whatever the program does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

import db.rate_counts  # noqa: F401 - describes a table of its own
from db.engine.database import create_engine
from db.tables.payments import metadata
from tests.support.flow.shop import capture, pay
from tests.support.program.running import URL, RunningServer, clean_environment
from tests.support.program.starting import run
from tests.support.stores import databases
from tests.support.stores.evidence import TABLES, evidence_of
from tests.support.waiting import until

pytestmark = pytest.mark.once

PROCESSES = 4


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a database that four `python server.py migrate` made at the same time out of nothing."""
    address = databases.create_database()
    folder = tmp_path_factory.mktemp("migrating")
    environment = {**clean_environment(), URL: address}
    with ThreadPoolExecutor(PROCESSES) as pool:
        migrating = [
            pool.submit(run, "server", ["migrate"], folder=folder, environment=environment)
            for _ in range(PROCESSES)
        ]
        ended = [one.result() for one in migrating]
    assert [one.returncode for one in ended] == [0] * PROCESSES, ended
    yield address
    databases.drop_database(address)


WAITING = (
    "SELECT 1 FROM pg_stat_activity"
    " WHERE wait_event = 'advisory' AND datname = current_database()"
    " AND clock_timestamp() - query_start > interval '6 s'"
)
"""Longer than any statement of a server may take."""


@pytest.mark.long
async def test_a_server_waits_for_another_one_that_migrates(tmp_path: Path) -> None:
    """A large table takes minutes, and the servers of a deploy start together: none gives up."""
    address = databases.create_database()
    engine = create_engine(address)
    environment = {**clean_environment(), URL: address}
    with ThreadPoolExecutor(1) as pool:
        async with engine.begin() as migrating:
            await migrating.exec_driver_sql("SELECT pg_advisory_xact_lock(7116105)")
            waiting = pool.submit(
                run, "server", ["migrate"], folder=tmp_path, environment=environment
            )
            until(lambda: databases.rows(address, WAITING))
        ended = waiting.result()
    await engine.dispose()
    assert ended.returncode == 0, ended
    assert "waiting for a migration by another process" in ended.stderr
    databases.drop_database(address)


async def looked_at(address: str, look: Any) -> Any:
    """Run a function over a synchronous connection to a database."""
    engine = create_engine(address)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


async def test_the_migrations_make_the_tables_of_the_program(migrated: str) -> None:
    """Alembic finds no difference between the migrated database and db/tables."""

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await looked_at(migrated, differences) == []


async def test_ids_are_in_the_order_of_their_letters(migrated: str) -> None:
    """Every id is compared letter by letter, whatever language the database sorts text in."""
    found = databases.rows(
        migrated,
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        " AND (column_name = 'id' OR column_name LIKE '%_id') AND data_type = 'character varying'"
        " AND character_maximum_length = 64",
    )
    assert len(found) > len(TABLES)
    assert {row[2] for row in found} == {"C"}


async def test_the_migrated_database_has_these_tables_alone(migrated: str) -> None:
    """Besides alembic's own table there are the program's, each once."""
    names = await looked_at(migrated, lambda connection: inspect(connection).get_table_names())
    assert set(names) == {*TABLES, "alembic_version"}


async def test_no_commit_waits_for_the_disk_because_of_a_count(migrated: str) -> None:
    """The table of rate counts is not logged, and is the only one that is not."""
    found = databases.rows(
        migrated,
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'",
    )
    assert found == [("rate_counts",)]


@pytest.fixture(scope="module")
def paid(neighbours: tuple[RunningServer, RunningServer]) -> RunningServer:
    """Return a server with a payment that is captured in part."""
    server, _ = neighbours
    payment = pay(server)
    capture(server, payment["id"], amount="60.00")
    return server


REFUSED = {
    "an event changed": "UPDATE payment_events SET type = 'PAYMENT_CAPTURED'",
    "an event moved": "UPDATE payment_events SET position = position + 1000",
    "an event deleted": "DELETE FROM payment_events",
    "the log emptied": "TRUNCATE payment_events",
    "more captured than authorized": "UPDATE payments SET captured_minor = amount_minor + 1",
    "more refunded than captured": "UPDATE payments SET refunded_minor = captured_minor + 1",
    "an amount below one": "UPDATE payment_collections SET amount_minor = 0",
    "a session without its collection": "UPDATE payment_sessions SET collection_id = 'pay_col_none'",
    "a second payment of a session": "INSERT INTO payments SELECT * FROM payments LIMIT 1",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_the_database_refuses_what_can_never_be(paid: RunningServer, kind: str) -> None:
    """A trigger or a constraint refuses it, past every line of the program."""
    before = evidence_of(paid)
    with pytest.raises(asyncpg.PostgresError):
        paid.rows(REFUSED[kind])
    assert evidence_of(paid) == before
