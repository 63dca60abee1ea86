"""PostgreSQL alone: a whole collection read by one statement, and a whole change written by another.

A statement is a round trip, and one that changes something is a transaction of its own: nothing is locked in between.
The collection's row is written only as it was read: its `xmin`, the transaction that wrote it last, is compared.
Source: PostgreSQL's documentation, "System Columns".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Table

from db.rows import COLLECTIONS, OPERATIONS, PAYMENTS, SESSIONS
from db.statements.log_order import CURRENT, EVENTS_A_TRANSACTION
from db.tables import payments as tables
from payments.model.ids import (
    COLLECTION,
    OPERATION_PREFIXES,
    PAYMENT,
    SESSION,
)

SHAPES = 200
"""Of changes, each with a statement: how many rows of which tables are added and changed."""

CHANGES_MAX = 12
"""Rows of one statement; a larger change is rare, and takes a transaction of several statements."""


def _columns(alias: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in columns)


KEY = [column.name for column in tables.idempotency_keys.columns]

WHICH = {
    COLLECTION: "$1",
    SESSION: "(SELECT collection_id FROM payment_sessions WHERE id = $1)",
    PAYMENT: "(SELECT collection_id FROM payments WHERE id = $1)",
    **dict.fromkeys(
        OPERATION_PREFIXES.values(), "(SELECT collection_id FROM operations WHERE id = $1)"
    ),
}
"""The collection's id, by the prefix of what belongs to it."""


@lru_cache
def reading(prefix: str) -> str:
    """Return the statement that reads a collection by an id, $1, and the key $3 of the owner $2."""
    return f"""
SELECT c.xmin::text::bigint, ROW({_columns("c", COLLECTIONS.columns)}),
  ARRAY(
    SELECT ROW({_columns("s", SESSIONS.columns)}, o.status, a.status)
    FROM payment_sessions s LEFT JOIN operations o ON o.id = s.opening_id
    LEFT JOIN operations a ON a.id = s.attempt_id
    WHERE s.collection_id = c.id ORDER BY s.created_at, s.id),
  ARRAY(
    SELECT ROW({_columns("p", PAYMENTS.columns)})
    FROM payments p WHERE p.collection_id = c.id ORDER BY p.created_at, p.id),
  ARRAY(
    SELECT ROW({_columns("o", OPERATIONS.columns)})
    FROM operations o
    WHERE o.id = $1 OR o.id = (SELECT subject_id FROM idempotency_keys WHERE owner = $2 AND key = $3)),
  ARRAY(
    SELECT ROW({_columns("k", KEY)})
    FROM idempotency_keys k WHERE k.owner = $2 AND k.key = $3),
  ARRAY(SELECT provider_id FROM disabled_providers)
FROM (SELECT 1) one LEFT JOIN payment_collections c ON c.id = {WHICH[prefix]}
"""  # noqa: S608 - the names of columns alone


READING_KEY = f"""
SELECT NULL, NULL, ARRAY[]::text[], ARRAY[]::text[], ARRAY[]::text[],
  ARRAY(
    SELECT ROW({_columns("k", KEY)})
    FROM idempotency_keys k WHERE k.owner = $1 AND k.key = $2),
  ARRAY(SELECT provider_id FROM disabled_providers)
"""  # noqa: S608 - the names of columns alone
"""For a collection that is only to be created."""


class Kind(Enum):
    """What is done with a row."""

    INSERT = "insert"
    UPDATE = "update"
    APPEND = "append"
    """An insert into the log, whose position PostgreSQL gives."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row to be written."""

    kind: Kind
    table: Table
    values: dict[str, Any]
    expected: str | None = None
    """The status that an operation has to have still."""


Shape = tuple[tuple[Kind, str, bool], ...]


def shape_of(changes: Sequence[RowChange]) -> Shape:
    """Return what decides the statement of a change: the rows' tables, in order."""
    return tuple((one.kind, one.table.name, one.expected is not None) for one in changes)


def arguments_of(changes: Sequence[RowChange]) -> list[Any]:
    """Return the parameters of a change after the first one."""
    found: list[Any] = []
    for one in changes:
        found.extend(_PICKED[one.kind, one.table.name](one.values))
        if one.expected is not None:
            found.append(one.expected)
    return found


@lru_cache(SHAPES)
def writing(shape: Shape) -> str:
    """Return the statement that writes a change; its one value tells whether the collection was as it was read.

    The first row is the collection's. $1 is the transaction that wrote it last, null for a new one. If a row to be
    updated is no longer there, it fails and nothing is written.
    """
    steps, number, updated = [], 2, []
    for place, (kind, table_name, is_expected) in enumerate(shape):
        table = tables.metadata.tables[table_name]
        names = _names(kind, table)
        parameters = [f"${number + at}" for at in range(len(names))]
        number += len(names)
        if kind is Kind.UPDATE:
            sets = ", ".join(f"{name} = {one}" for name, one in zip(names, parameters, strict=True))
            text = f"UPDATE {table_name} SET {sets}"  # noqa: S608 - the names of columns alone
            text += (
                f" WHERE {table_name}.id = ${number}"
                if place == 0
                else f" FROM first WHERE {table_name}.id = ${number}"
            )
            number += 1
            if is_expected:
                text += f" AND {table_name}.status = ${number}"
                number += 1
            if place == 0:
                text += f" AND {table_name}.xmin = $1::bigint::text::xid"
            else:
                updated.append(f"(SELECT count(*) FROM s{place})")  # noqa: S608 - as there
            text += f" RETURNING {table_name}.id"
        else:
            given = [
                f"{one}::{_type(table, name)}" for name, one in zip(names, parameters, strict=True)
            ]
            if kind is Kind.APPEND:
                names = (*names, "position")
                given.append(f"{CURRENT} * {EVENTS_A_TRANSACTION} + ${number}::bigint")
                number += 1
            text = f"INSERT INTO {table_name} ({', '.join(names)}) SELECT {', '.join(given)}"
            text += " WHERE $1::bigint IS NULL RETURNING id" if place == 0 else " FROM first"
        steps.append(f"{'first' if place == 0 else f's{place}'} AS ({text})")
    written = "(SELECT count(*) FROM first)"
    if updated:
        # A division by zero ends the statement, and all that it has done.
        written = f"{written} / (CASE WHEN {' + '.join(updated)} = {len(updated)} * {written} THEN 1 ELSE 0 END)"
    return f"WITH {', '.join(steps)} SELECT {written}"


def _names(kind: Kind, table: Table) -> Sequence[str]:
    return _NAMES[kind, table.name]


def _named(kind: Kind, table: Table) -> tuple[str, ...]:
    left_out = {
        Kind.INSERT: (),
        Kind.UPDATE: ("id", "created_at"),
        Kind.APPEND: ("position",),
    }[kind]
    return tuple(column.name for column in table.columns if column.name not in left_out)


_NAMES = {
    (kind, table.name): _named(kind, table)
    for kind in Kind
    for table in tables.metadata.tables.values()
}

_LAST = {Kind.INSERT: (), Kind.UPDATE: ("id",), Kind.APPEND: ("ordinal",)}

_PICKED = {
    (kind, table_name): itemgetter(*names, *_LAST[kind])
    for (kind, table_name), names in _NAMES.items()
}
"""The parameters of a row's change, out of its values."""


def _type(table: Table, name: str) -> str:
    """Return a column's type without its length, to which a cast would silently cut a text."""
    column_type = table.c[name].type
    for kind, word in (
        (BigInteger, "bigint"),
        (Integer, "integer"),
        (Boolean, "boolean"),
        (LargeBinary, "bytea"),
    ):
        if isinstance(column_type, kind):
            return word
    return "varchar"
