"""Reads of the event log: one statement a batch, in the order of a collection or of the whole log."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select

from db.engine.database import Database
from db.rows import EVENT_COLUMNS, EVENTS
from db.statements.compiled import IsOneOf, Row, Statement
from db.statements.log_order import IsBelowHorizon
from db.tables import payments as tables
from payments.model.entities import Event
from payments.model.ids import CollectionId, EventId, PaymentId

_collections = tables.payment_collections
_events = tables.payment_events

EVENT = Statement(select(*EVENT_COLUMNS).where(_events.c.id == bindparam("id")))
EVENTS_BY_ID = Statement(select(*EVENT_COLUMNS).where(IsOneOf(_events.c.id, "ids")))
EVENTS_OF = Statement(
    select(*EVENT_COLUMNS)
    .where(
        _events.c.collection_id == bindparam("collection_id"),
        _events.c.sequence > bindparam("after"),
    )
    .order_by(_events.c.sequence)
    .limit(bindparam("most"))
)
FIRST_EVENTS_OF = Statement(
    select(*EVENT_COLUMNS)
    .where(IsOneOf(_events.c.collection_id, "ids"), _events.c.sequence <= bindparam("most"))
    .order_by(_events.c.collection_id, _events.c.sequence)
)
"""A collection's events are numbered from 1 without a gap."""
EVENTS_OF_PAYMENT = Statement(
    select(*EVENT_COLUMNS)
    .where(
        _events.c.payment_id == bindparam("payment_id"),
        _events.c.sequence > bindparam("after"),
    )
    .order_by(_events.c.sequence)
    .limit(bindparam("most"))
)
_numbered = (
    select(
        *EVENT_COLUMNS,
        func.row_number()
        .over(partition_by=_events.c.payment_id, order_by=_events.c.sequence)
        .label("place"),
    )
    .where(IsOneOf(_events.c.payment_id, "ids"))
    .subquery()
)
FIRST_EVENTS_OF_PAYMENTS = Statement(
    select(*(_numbered.c[name] for name in EVENTS.columns))
    .where(_numbered.c.place <= bindparam("most"))
    .order_by(_numbered.c.payment_id, _numbered.c.sequence)
)
LAST_EVENT_OF = Statement(
    select(*EVENT_COLUMNS)
    .where(_events.c.collection_id == bindparam("collection_id"))
    .order_by(_events.c.sequence.desc())
    .limit(literal_column("1"))
)
ALL_EVENTS = Statement(
    select(*EVENT_COLUMNS)
    .where(_events.c.position > bindparam("after"), IsBelowHorizon(_events.c.position))
    .order_by(_events.c.position)
    .limit(bindparam("most"))
)
LAST_EVENT = Statement(
    select(*EVENT_COLUMNS)
    .where(IsBelowHorizon(_events.c.position))
    .order_by(_events.c.position.desc())
    .limit(literal_column("1"))
)
SEQUENCES = Statement(
    select(_collections.c.id, _collections.c.sequence).where(IsOneOf(_collections.c.id, "ids"))
)


class SqlLog:
    """The event log; see payments.ports.reads.Log, and db.statements.log_order for the order of the whole log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def event(self, id: EventId) -> Event | None:
        """Return an event."""
        return self._first(await self._rows(EVENT, {"id": id}))

    async def events_by_id(self, ids: Sequence[EventId]) -> Mapping[EventId, Event]:
        """Return events by id."""
        rows = await self._rows(EVENTS_BY_ID, {"ids": list(ids)})
        return {event.id: event for event in map(EVENTS.record, rows)}

    async def events_of(self, id: CollectionId, *, after: int, limit: int) -> Sequence[Event]:
        """Return a collection's events after a sequence number, oldest first."""
        values = {"collection_id": id, "after": after, "most": limit}
        return [EVENTS.record(row) for row in await self._rows(EVENTS_OF, values)]

    async def first_events_of(
        self, ids: Sequence[CollectionId], *, limit: int
    ) -> Mapping[CollectionId, Sequence[Event]]:
        """Return the first events of each collection, at most a number of each, oldest first."""
        grouped: dict[CollectionId, list[Event]] = defaultdict(list)
        values = {"ids": list(ids), "most": limit}
        for row in await self._rows(FIRST_EVENTS_OF, values):
            event = EVENTS.record(row)
            grouped[event.collection_id].append(event)
        return grouped

    async def events_of_payment(self, id: PaymentId, *, after: int, limit: int) -> Sequence[Event]:
        """Return a payment's events after a sequence number of its collection, oldest first."""
        values = {"payment_id": id, "after": after, "most": limit}
        return [EVENTS.record(row) for row in await self._rows(EVENTS_OF_PAYMENT, values)]

    async def first_events_of_payments(
        self, ids: Sequence[PaymentId], *, limit: int
    ) -> Mapping[PaymentId, Sequence[Event]]:
        """Return the first events of each payment, at most a number of each, oldest first."""
        grouped: dict[PaymentId, list[Event]] = defaultdict(list)
        values = {"ids": list(ids), "most": limit}
        for row in await self._rows(FIRST_EVENTS_OF_PAYMENTS, values):
            event = EVENTS.record(row)
            assert event.payment_id is not None
            grouped[event.payment_id].append(event)
        return grouped

    async def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Return the whole log's events after a position, oldest first."""
        rows = await self._rows(ALL_EVENTS, {"after": after, "most": limit})
        return [EVENTS.record(row) for row in rows]

    async def last_event_of(self, id: CollectionId) -> Event | None:
        """Return a collection's newest event."""
        return self._first(await self._rows(LAST_EVENT_OF, {"collection_id": id}))

    async def last_event(self) -> Event | None:
        """Return the whole log's newest event; None for an empty log."""
        return self._first(await self._rows(LAST_EVENT, {}))

    async def sequences(self, ids: Sequence[CollectionId]) -> Mapping[CollectionId, int]:
        """Return the newest sequence number of each collection's log."""
        rows = await self._rows(SEQUENCES, {"ids": list(ids)})
        return {row[0]: row[1] for row in rows}

    @staticmethod
    def _first(rows: list[Row]) -> Event | None:
        return EVENTS.record(rows[0]) if rows else None

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        return await self._database.rows(statement, values)
