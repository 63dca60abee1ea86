"""Alembic's environment, with the program's own engine; db/migrating.py configures it without an ini file."""

import asyncio

import structlog
from alembic import context
from sqlalchemy import Connection

from db.engine import postgresql, sqlite
from db.engine.address import SETTING, DatabaseUnusable
from db.engine.database import create_engine
from db.engine.limits import LOCK_SECONDS, MIGRATION_SECONDS
from db.statements import log_order
from db.tables.payments import metadata

log = structlog.get_logger("database")

LOCK_NUMBER = 7_116_105
"""The key of the advisory lock that one migrating process at a time holds on PostgreSQL."""


def _run(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    # Servers that start together migrate one after the other.
    if is_sqlite:
        # Copying a table drops the original while rows refer to it.
        # Source: https://www.sqlite.org/lang_altertable.html#otheralter.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        # A server must not start where nothing can be written.
        connection.exec_driver_sql(sqlite.REWRITE)
    else:
        _require_writer(connection)
        _wait_for_others(connection)
        # Waiting for a table's lock blocks everybody else.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(LOCK_SECONDS * 1_000)}")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite can't alter most of a table: alembic copies it instead.
        render_as_batch=is_sqlite,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if not is_sqlite:
        connection.exec_driver_sql(log_order.GO_ON_BEHIND_A_RESTORED_LOG)


def _require_writer(connection: Connection) -> None:
    if connection.exec_driver_sql(postgresql.IS_READ_ONLY).scalar() == "on":
        raise DatabaseUnusable(f"{SETTING} names a database that can only be read.")


def _wait_for_others(connection: Connection) -> None:
    if connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK_NUMBER})").scalar():
        return
    log.info("waiting for a migration by another process")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(MIGRATION_SECONDS * 1_000)}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")


async def _migrate() -> None:
    engine = create_engine(context.config.attributes["database_url"])
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(_migrate())
