"""Many collections from a few real ones: SQL copies each of them with all that belongs to it, into the past.

A copy is what the server wrote, except for its ids, instants and places in the log, which are earlier, and for its
currency, reference and region, which lists filter by.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Table, make_url

from db.tables import payments as tables
from db.tables.columns import Id
from tests.support.stores import databases

COPIED: Final = (
    tables.payment_collections,
    tables.payment_sessions,
    tables.payments,
    tables.operations,
    tables.payment_events,
    tables.idempotency_keys,
)
"""Everything that a flow writes, each after what it refers to."""

COPIES_MAX: Final = 1_024
"""The number of a copy is two characters of its ids."""

ULID_CHARACTERS: Final = 26
NUMBERED_CHARACTERS: Final = 4
"""At the front of an id's ULID, where its time is: '00' and the number. What the server makes begins with '01'."""

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NUMBER: Final = (
    f"'00' || substr('{ALPHABET}', n / 32 + 1, 1) || substr('{ALPHABET}', n % 32 + 1, 1)"
)

PLACES_A_FLOW: Final = 200_000
"""Positions in the log that one flow may take: PostgreSQL's are numbers of transactions, 1,024 positions each."""

REGIONS: Final = 20

SQLITE_SETTINGS: Final = (
    "PRAGMA foreign_keys = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -500000",
    "PRAGMA temp_store = MEMORY",
)
POSTGRESQL_SETTINGS: Final = ("SET session_replication_role = replica",)
"""No trigger looks up the row that another one refers to: the copies are as whole as the originals."""


@dataclass(frozen=True, slots=True)
class Original:
    """What the copies are made of."""

    places: int
    """The positions in the log from the first event to the last, and as many as a transaction has."""
    microseconds: int
    """From the first collection to the last."""


def make_room(address: str, flows: int, copies: int) -> None:
    """Let a database that is still empty begin its log so late that the copies of its flows come before them."""
    places = flows * (copies + 1) * PLACES_A_FLOW
    if _is_sqlite(address):
        _run(
            address,
            [f"INSERT INTO sqlite_sequence (name, seq) VALUES ('payment_events', {places})"],
        )
    else:
        _run(address, [f"SELECT setval('payment_events_epoch', {places // 1_024})"])


def multiply(address: str, copies: int) -> None:
    """Add a number of copies of everything to a database that no server uses now."""
    if not 0 < copies <= COPIES_MAX:
        raise ValueError(f"1 to {COPIES_MAX} copies, not {copies}")
    original = _original(address)
    for table in COPIED:
        names = ", ".join(column.name for column in table.columns)
        values = ", ".join(_values(table, original, copies))
        _run(
            address,
            [
                f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers"
                f" WHERE n < {copies - 1}) INSERT INTO {table.name} ({names})"
                f" SELECT {values} FROM numbers CROSS JOIN"
                f" (SELECT * FROM {table.name} LIMIT {_count(address, table)}) AS original"
            ],
        )


def analyze(address: str) -> None:
    """Do what PostgreSQL does by itself after a while; SQLite never does."""
    if not _is_sqlite(address):
        for table in COPIED:
            databases.rows(address, f"VACUUM ANALYZE {table.name}")


def _original(address: str) -> Original:
    ((first, last),) = databases.rows(
        address, "SELECT min(position), max(position) FROM payment_events"
    )
    ((begun_at, ended_at),) = databases.rows(
        address, "SELECT min(created_at), max(created_at) FROM payment_collections"
    )
    return Original(int(last - first) + 1_024, int(ended_at - begun_at) + 1_000_000)


def _values(table: Table, original: Original, copies: int) -> list[str]:
    return [_value(table, column.name, column.type, original, copies) for column in table.columns]


def _value(table: Table, name: str, type: object, original: Original, copies: int) -> str:
    """Return the expression of a column's value in copy n, of which the last is the newest."""
    # As large integers: PostgreSQL does not widen a product by itself.
    age = f"CAST({copies} - n AS BIGINT)"
    named = {
        "position": f"position - {age} * {original.places}",
        "currency": "CASE WHEN n % 4 = 3 THEN 'EUR' ELSE currency END",
        "key": "key || '-' || n",
        "subject_ids": f"'[\"' || {_numbered('subject_id')} || '\"]'",
    }
    if table is tables.payment_collections:
        named["region_id"] = f"'region ' || (n % {REGIONS})"
        named["reference"] = "'reference ' || n || ' ' || substr(id, length(id) - 3)"
    if name in named:
        return named[name]
    if isinstance(type, BigInteger) and name.endswith("_at"):
        return f"{name} - {age} * {original.microseconds}"
    if type is Id and name not in ("owner", "provider_id", "request_id"):
        return _numbered(name)
    return name


def _numbered(name: str) -> str:
    begin = f"length({name}) - {ULID_CHARACTERS}"
    return (
        f"substr({name}, 1, {begin}) || {NUMBER}"
        f" || substr({name}, {begin} + {NUMBERED_CHARACTERS + 1})"
    )


def _count(address: str, table: Table) -> int:
    ((count,),) = databases.rows(address, f"SELECT count(*) FROM {table.name}")
    return int(count)


def _is_sqlite(address: str) -> bool:
    return address.startswith("sqlite")


def _run(address: str, statements: Sequence[str]) -> None:
    if not _is_sqlite(address):
        databases.rows_of_each(
            address, [*POSTGRESQL_SETTINGS, *statements, "RESET session_replication_role"]
        )
        return
    path = str(make_url(address).database)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in (*SQLITE_SETTINGS, *statements):
            database.execute(statement)
