"""Migrations, and what the database itself holds, whatever the program does."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

import db.rate_counts  # noqa: F401 - describes a table of its own
from db.engine.database import create_engine as create_program_engine
from db.engine.limits import LOCK_SECONDS
from db.tables.payments import metadata
from tests.support.flow.shop import capture, pay, refund
from tests.support.program.commands import run_command
from tests.support.program.running import RunningServer
from tests.support.stores.evidence import TABLES

pytestmark = pytest.mark.sqlite


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file that `python server.py migrate` made out of nothing."""
    folder = tmp_path_factory.mktemp("migrated")
    process = run_command(folder, "migrate")
    assert process.returncode == 0, process.stderr
    return folder / "tillgraph.db"


@pytest.fixture
def engine(migrated: Path) -> Iterator[Engine]:
    """Return an engine on the migrated database."""
    made = create_engine(f"sqlite:///{migrated}")
    yield made
    made.dispose()


def test_the_migrations_make_the_tables_of_the_program(engine: Engine) -> None:
    """Alembic finds no difference between the migrated database and db/tables."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_database_has_these_tables_alone(engine: Engine) -> None:
    """Besides alembic's own table there are the program's, each once."""
    assert set(inspect(engine).get_table_names()) == {*TABLES, "alembic_version"}
    assert set(metadata.tables) == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_a_migrated_table_has_the_same_constraints(
    engine: Engine, tmp_path: Path, table: str
) -> None:
    """Checks, uniques, keys and partial indexes, which alembic's comparison passes over, are those of db/tables."""
    direct = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(direct)
    found, wanted = (
        (
            _indexes_with_conditions(one, table),
            sorted(map(str, inspect(one).get_check_constraints(table))),
            sorted(map(str, inspect(one).get_unique_constraints(table))),
            sorted(map(str, inspect(one).get_foreign_keys(table))),
            str(inspect(one).get_pk_constraint(table)),
            [(column["name"], column["nullable"]) for column in inspect(one).get_columns(table)],
        )
        for one in (engine, direct)
    )
    direct.dispose()
    assert found == wanted


def _indexes_with_conditions(engine: Engine, table: str) -> list[tuple[object, ...]]:
    return sorted(
        (
            str(index["name"]),
            str(index["column_names"]),
            bool(index["unique"]),
            str(index["dialect_options"].get("sqlite_where")),
        )
        for index in inspect(engine).get_indexes(table)
    )


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """A second run ends well and leaves the same schema, the same version and the same rows."""
    assert run_command(tmp_path, "migrate").returncode == 0
    path = tmp_path / "tillgraph.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO disabled_providers VALUES ('sandbox')")
    before = _whole(path)
    process = run_command(tmp_path, "migrate")
    assert process.returncode == 0, process.stderr
    assert _whole(path) == before


def _whole(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def test_a_served_database_is_durable(open_server: RunningServer) -> None:
    """The file is in write-ahead mode, which the server's connections share."""
    with closing(sqlite3.connect(open_server.folder / "tillgraph.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_connection_of_the_program_is_set_up(migrated: Path) -> None:
    """Synchronous FULL, foreign keys on, and a busy time-out of the named length."""

    async def read() -> list[object]:
        made = create_program_engine(f"sqlite+aiosqlite:///{migrated}")
        try:
            async with made.connect() as connection:
                return [
                    (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                ]
        finally:
            await made.dispose()

    assert asyncio.run(read()) == ["wal", 2, 1, int(LOCK_SECONDS * 1_000)]


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory, open_server: RunningServer) -> Path:
    """Return a copy of a database with a payment of 100.00, of which 60.00 is captured, 20.00 refunded, and another."""
    pay(open_server)
    payment = pay(open_server)
    capture(open_server, payment["id"], amount="60.00")
    refund(open_server, payment["id"], amount="20.00")
    path = tmp_path_factory.mktemp("paid") / "copy.db"
    with (
        closing(sqlite3.connect(open_server.folder / "tillgraph.db")) as source,
        closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
    return path


def test_a_table_that_is_copied_keeps_its_rows(paid: Path, tmp_path: Path) -> None:
    """A migration that has to copy the payments leaves each of them, and what refers to them."""
    path = tmp_path / "tillgraph.db"
    path.write_bytes(paid.read_bytes())
    before = _whole(path)
    assert any('INSERT INTO "payments"' in line for line in before)
    with closing(sqlite3.connect(path)) as database, database:
        take_back(database, "0013")
    process = run_command(tmp_path, "migrate")
    assert process.returncode == 0, process.stderr
    # The copy's checks stand in another order.
    assert sorted(line for line in _whole(path) if line.startswith("INSERT")) == sorted(
        line for line in before if line.startswith("INSERT")
    )
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


ADDED_BY_0015 = (
    ("disputes", "takes_money"),
    ("disputes", "blocks_refunds"),
    ("payments", "disputed_minor"),
    ("payments", "has_refunds_blocked"),
)
ADDED_BY_0016 = "ix_payments_provider_id_status_created_at_id"


def take_back(database: sqlite3.Connection, version: str) -> None:
    """Make a database one of an earlier version, as far as that is needed to migrate it again."""
    for table, column in ADDED_BY_0015:
        database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    database.execute(f"DROP INDEX {ADDED_BY_0016}")
    database.execute("UPDATE alembic_version SET version_num = ?", (version,))


DISPUTE_OF_BEFORE = (
    "INSERT INTO disputes SELECT 'disp_' || :status, collection_id, id, provider_id, :status, :status,"
    " 'fraudulent', :currency, :minor, NULL, created_at, created_at FROM payments WHERE id = :payment"
)


def test_disputes_of_before(paid: Path, tmp_path: Path) -> None:
    """Those that are open or lost count as having taken the money, each in the payment's own currency alone."""
    path = tmp_path / "tillgraph.db"
    path.write_bytes(paid.read_bytes())
    with closing(sqlite3.connect(path)) as database, database:
        take_back(database, "0014")
        query = "SELECT max(id) FROM payments WHERE refunded_minor = 2000"
        ((payment,),) = database.execute(query)
        for status, currency, minor in (
            ("NEEDS_RESPONSE", "USD", 2_000),
            ("LOST", "USD", 1_500),
            ("UNDER_REVIEW", "EUR", 400),
            ("WON", "USD", 700),
            ("CLOSED", "USD", 800),
        ):
            values = {"status": status, "currency": currency, "minor": minor, "payment": payment}
            database.execute(DISPUTE_OF_BEFORE, values)
    process = run_command(tmp_path, "migrate")
    assert process.returncode == 0, process.stderr
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT id = ?, disputed_minor, has_refunds_blocked FROM payments"
        found = set(database.execute(query, (payment,)))
        taking = database.execute(
            "SELECT status FROM disputes WHERE takes_money AND blocks_refunds"
        )
        assert {status for (status,) in taking} == {"NEEDS_RESPONSE", "LOST", "UNDER_REVIEW"}
    assert found == {(1, 3_500, 1), (0, 0, 0)}
    assert run_command(tmp_path, "check").returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment_events SET type = 'PAYMENT_CAPTURED'",
        "UPDATE payment_events SET position = position + 1000",
        "DELETE FROM payment_events",
        "DELETE FROM payment_events WHERE position = (SELECT max(position) FROM payment_events)",
        "INSERT INTO payment_events SELECT * FROM payment_events WHERE true LIMIT 1"
        " ON CONFLICT (id) DO UPDATE SET type = 'PAYMENT_CAPTURED'",
        "INSERT OR REPLACE INTO payment_events SELECT * FROM payment_events LIMIT 1",
    ],
)
def test_the_log_is_append_only(paid: Path, statement: str) -> None:
    """The database refuses to change or delete an event, whoever asks."""
    with closing(sqlite3.connect(paid)) as database:
        before = database.execute("SELECT * FROM payment_events").fetchall()
        assert before
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(statement)
        database.rollback()
        assert database.execute("SELECT * FROM payment_events").fetchall() == before


ONE_PAYMENT = "WHERE id = (SELECT max(id) FROM payments WHERE refunded_minor = 2000)"

REFUSED = {
    "a collection of nothing": "UPDATE payment_collections SET amount_minor = 0",
    "a negative collection": "UPDATE payment_collections SET amount_minor = -1",
    "a negative sum": "UPDATE payment_collections SET refunded_minor = -1",
    "a session of nothing": "UPDATE payment_sessions SET amount_minor = 0",
    "a payment of nothing": "UPDATE payments SET amount_minor = 0 ONE_PAYMENT",
    "captured more than authorized": "UPDATE payments SET captured_minor = 10001 ONE_PAYMENT",
    "captured and pending more than authorized": "UPDATE payments SET capture_pending_minor = 4001 ONE_PAYMENT",
    "captured and released more than authorized": "UPDATE payments SET released_minor = 4001 ONE_PAYMENT",
    "refunded more than captured": "UPDATE payments SET refunded_minor = 6001 ONE_PAYMENT",
    "refunded and pending more than captured": "UPDATE payments SET refund_pending_minor = 4001 ONE_PAYMENT",
    "captured less than refunded": "UPDATE payments SET captured_minor = 1999 ONE_PAYMENT",
    "a negative capture": "UPDATE payments SET captured_minor = -1, refunded_minor = -1 ONE_PAYMENT",
    "a negative release": "UPDATE payments SET released_minor = -1 ONE_PAYMENT",
    "a negative reservation": "UPDATE payments SET refund_pending_minor = -1 ONE_PAYMENT",
    "an operation of nothing": "UPDATE operations SET amount_minor = 0",
    "an operation that reserves less than nothing": "UPDATE operations SET reserved_minor = -1",
    "two payments of one session": "UPDATE payments SET session_id = (SELECT max(session_id) FROM payments)",
    "two attempts of one session": "UPDATE operations SET status = 'ASKING', kind = 'authorize',"
    " session_id = (SELECT max(session_id) FROM operations)",
    "two cancellations of one payment": "UPDATE operations SET status = 'ASKING', kind = 'cancel',"
    " payment_id = (SELECT max(payment_id) FROM operations)",
    "a sequence twice": "INSERT INTO payment_events SELECT NULL, 'evt_new', collection_id, sequence, type, source,"
    " occurred_at, amount_minor, currency, failure_code, decline_code, collection_status, session_status,"
    " payment_status, session_id, payment_id, operation_id, evidence, dispute_id FROM payment_events LIMIT 1",
    "a key twice": "INSERT INTO idempotency_keys SELECT * FROM idempotency_keys LIMIT 1",
    "an amount that is missing": "UPDATE payments SET amount_minor = NULL",
    "a currency that is missing": "UPDATE payment_collections SET currency = NULL",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_the_database_refuses_what_can_never_be(paid: Path, kind: str) -> None:
    """A constraint refuses it, past every line of the program."""
    with closing(sqlite3.connect(paid)) as database:
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(REFUSED[kind].replace("ONE_PAYMENT", ONE_PAYMENT))
        database.rollback()


def test_a_session_without_its_collection_is_refused_at_commit(paid: Path) -> None:
    """Foreign keys hold at the end of the transaction."""
    with closing(sqlite3.connect(paid)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("UPDATE payment_sessions SET collection_id = 'pay_col_none'")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            database.commit()


@pytest.mark.parametrize(
    "table", ["payment_collections", "payment_sessions", "payments", "operations"]
)
def test_a_currency_never_changes(open_server: RunningServer, table: str) -> None:
    """Every row of a collection is in the collection's currency."""
    with closing(sqlite3.connect(open_server.folder / "tillgraph.db")) as database:
        key = "id" if table == "payment_collections" else "collection_id"
        assert database.execute(
            f"SELECT count(*) FROM {table} AS one JOIN payment_collections AS whole"  # noqa: S608
            f" ON whole.id = one.{key} WHERE one.currency <> whole.currency"
        ).fetchone() == (0,)
