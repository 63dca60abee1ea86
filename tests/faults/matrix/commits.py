"""Commits that fail: the database takes every statement of a transaction and refuses the whole at its end."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.program.running import SQLITE, RunningServer


@contextmanager
def commits_refused(
    server: RunningServer, table: str, event: str, condition: str
) -> Iterator[None]:
    """Refuse in the block every commit after an INSERT or UPDATE of a row, NEW, that meets a condition."""
    is_sqlite = server.database.startswith(SQLITE)
    make = _on_sqlite if is_sqlite else _on_postgresql
    for statement in make(table, event, condition):
        server.rows(statement)
    try:
        yield
    finally:
        drop = _DROP_ON_SQLITE if is_sqlite else _drop_on_postgresql(table)
        for statement in drop:
            server.rows(statement)


def _on_sqlite(table: str, event: str, condition: str) -> list[str]:
    return [
        "CREATE TABLE absent (id TEXT PRIMARY KEY)",
        "CREATE TABLE refused (id TEXT REFERENCES absent (id) DEFERRABLE INITIALLY DEFERRED)",
        f"CREATE TRIGGER refusing AFTER {event} ON {table} WHEN {condition}"  # noqa: S608 - a test's own
        " BEGIN INSERT INTO refused VALUES ('none'); END",
    ]


_DROP_ON_SQLITE = ["DROP TRIGGER refusing", "DROP TABLE refused", "DROP TABLE absent"]


def _on_postgresql(table: str, event: str, condition: str) -> list[str]:
    return [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$",
        f"CREATE CONSTRAINT TRIGGER refusing AFTER {event} ON {table}"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()",
    ]


def _drop_on_postgresql(table: str) -> list[str]:
    return [f"DROP TRIGGER refusing ON {table}", "DROP FUNCTION refuse()"]
