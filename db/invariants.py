"""The check of the invariants in slices, each of which is read on a snapshot of its own.

A slice is a bounded number of rows with what belongs to them. A transaction of the flow is seen whole or not at all, so
that a server which writes meanwhile causes no false alarm.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Table

from db.engine.database import Database
from db.statements import invariants as sql
from db.statements.compiled import Connection, Row
from db.statements.invariants import Invariant
from payments.model.ids import is_id
from payments.model.instants import SECOND
from payments.ports.invariants import BrokenInvariant, Changes, Slice

SLICE_ROWS = 1_000
"""Rows of a slice: it takes some 50 ms, and neither SQLite's log nor PostgreSQL's dead rows wait for it for longer."""

SLICE_EVENTS = 500
"""Events whose collections are checked at once."""

OVERDUE_SECONDS = 3_600
"""Recovery runs every few seconds, and tries a silent provider with one operation at a time: one that is due for this
long is not being looked after."""


class SqlInvariants:
    """The check of the invariants; see payments.ports.invariants."""

    def __init__(self, database: Database, *, slice_rows: int = SLICE_ROWS) -> None:
        self._database = database
        self._slice_rows = slice_rows

    async def slice(self, after: str) -> Slice:
        """Check the rows after an id; raises KeyError where the id is of no table that is checked."""
        table = sql.table_of(after) if after else sql.CHECKED[0]
        return await self._database.read(lambda connection: self._slice(connection, table, after))

    async def overdue(self) -> Sequence[BrokenInvariant]:
        """Return what waits for longer than it may."""
        values = {"overdue": self._database.now() - OVERDUE_SECONDS * SECOND}
        return [
            broken
            for one in sql.OVERDUE
            for broken in _named(one, await self._database.rows(one.query, values))
        ]

    async def changes(self, after: int) -> Changes:
        """Check the collections that have events after a position in the log."""
        return await self._database.read(lambda connection: _changes(connection, after))

    async def rows(self, ids: Sequence[str]) -> Sequence[BrokenInvariant]:
        """Check single rows by their ids."""
        by_table: dict[Table, list[str]] = defaultdict(list)
        for id in ids:
            by_table[sql.table_of(id)].append(id)
        return await self._database.read(
            lambda connection: [
                broken
                for table, some in by_table.items()
                for broken in _broken(connection, table, some)
            ]
        )

    async def end_of_log(self) -> int:
        """Return a position in the log that every later change comes after."""
        ((position,),) = await self._database.rows(sql.END_OF_LOG, {})
        return int(position)

    async def row_estimate(self) -> int | None:
        """Return about how many rows there are to check; None where the database does not know."""
        ((count,),) = await self._database.rows(sql.ROW_ESTIMATE, {})
        return int(count) if count >= 0 else None

    def _slice(self, connection: Connection, table: Table, after: str) -> Slice:
        """Check rows of the first table that has any after an id, beginning with the id's own."""
        begun = sql.CHECKED.index(table)
        for one in sql.CHECKED[begun:]:
            values = {"after": after if one is table else "", "most": self._slice_rows}
            ids = _ids(connection.rows(sql.IDS_AFTER[one], values))
            if ids:
                return Slice(_broken(connection, one, ids), len(ids), ids[-1])
        return Slice((), 0, None)


def is_checked(id: str) -> bool:
    """Return whether a text is the id of a row that is checked, whether or not there is such a row."""
    prefix = id.rpartition("_")[0] + "_"
    return prefix in sql.TABLE_OF_PREFIX and is_id(id, prefix)


def _changes(connection: Connection, after: int) -> Changes:
    found = connection.rows(sql.CHANGED, {"after": after, "most": SLICE_EVENTS})
    if not found:
        return Changes((), after, is_last=True)
    collections = sorted({row[1] for row in found})
    by_table = {sql.COLLECTIONS: collections}
    for table, statement in sql.OF_COLLECTIONS.items():
        by_table[table] = _ids(connection.rows(statement, {"ids": collections}))
    sessions = by_table[sql.SESSIONS]
    by_table[sql.OPERATIONS] = _ids(connection.rows(sql.OF_SESSIONS, {"ids": sessions}))
    broken = [
        one for table, ids in by_table.items() if ids for one in _broken(connection, table, ids)
    ]
    return Changes(broken, found[-1][0], is_last=len(found) < SLICE_EVENTS)


def _broken(connection: Connection, table: Table, ids: Sequence[str]) -> Sequence[BrokenInvariant]:
    return [
        broken
        for one in sql.OF_TABLE[table]
        for broken in _named(one, connection.rows(one.query, {"ids": ids}))
    ]


def _named(one: Invariant, rows: Sequence[Row]) -> Sequence[BrokenInvariant]:
    return [
        BrokenInvariant(one.number, one.name, str(id), str(found), str(expected))
        for id, found, expected in rows
    ]


def _ids(rows: Sequence[Row]) -> list[str]:
    return [row[0] for row in rows]
