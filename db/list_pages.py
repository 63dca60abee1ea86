"""Pages by keyset: one statement for each shape of a filter, each answered in order by an index."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from db.engine.database import Database
from db.rows import COLLECTIONS, PAYMENTS
from db.statements.compiled import IsOneOf, Row, Statement
from db.tables import payments as tables
from payments.model.entities import Payment, PaymentCollection
from payments.ports.lists import CollectionFilter, PaymentFilter, Stretch

SHAPES_KEPT = 256
"""Statements, of the 1,200 that two lists with their filters and both orders have; a shop uses a handful."""


class Shape(NamedTuple):
    """The shape of a filter, which decides the statement whatever the values are."""

    table: Table
    equal: tuple[str, ...]
    """The columns that must equal one value."""
    has_ids: bool
    statuses: int
    """How many statuses are wanted; 0: all."""


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    table = shape.table
    place = tuple_(table.c.created_at, table.c.id)
    conditions = [table.c[name] == bindparam(name) for name in shape.equal]
    if shape.has_ids:
        conditions.append(IsOneOf(table.c.id, "ids"))
    return [*conditions, place > _place("after"), place < _place("before")]


def _place(name: str) -> Any:
    return tuple_(bindparam(f"{name}_at", type_=BigInteger()), bindparam(f"{name}_id"))


@lru_cache(maxsize=SHAPES_KEPT)
def page(shape: Shape, *, newest_first: bool) -> Statement:
    """Return the statement of a page.

    Several statuses are read as one page each and merged: no index holds them in one order, and the cost of sorting all
    matches would grow with the list.
    """
    statuses = [shape.table.c.status == bindparam(f"status_{n}") for n in range(shape.statuses)]
    if len(statuses) <= 1:
        return Statement(
            _ordered(
                select(shape.table).where(*statuses, *_conditions(shape)), shape.table, newest_first
            )
        )
    parts = [
        _ordered(select(shape.table).where(status, *_conditions(shape)), shape.table, newest_first)
        for status in statuses
    ]
    merged = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return Statement(_ordered(select(merged), merged, newest_first))


def _ordered(rows: Select[Any], of: Any, newest_first: bool) -> Select[Any]:
    places = [of.c.created_at, of.c.id]
    order = [one.desc() for one in places] if newest_first else places
    return rows.order_by(*order).limit(bindparam("most"))


@lru_cache(maxsize=SHAPES_KEPT)
def count(shape: Shape) -> Statement:
    """Return the statement that counts matches, up to a number."""
    table = shape.table
    some: Select[Any] = select(literal_column("1")).select_from(table).where(*_conditions(shape))
    if shape.statuses:
        some = some.where(IsOneOf(table.c.status, "statuses"))
    return Statement(select(func.count()).select_from(some.limit(bindparam("most")).subquery()))


class SqlLists:
    """The lists; see payments.ports.lists.Lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def collection_page(
        self, wanted: CollectionFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[PaymentCollection]:
        """Return a page of collections."""
        shape, values = _collections(wanted)
        rows = await self._page(shape, values, stretch, limit=limit, newest_first=newest_first)
        return [COLLECTIONS.record(row) for row in rows]

    async def payment_page(
        self, wanted: PaymentFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[Payment]:
        """Return a page of payments."""
        shape, values = _payments(wanted)
        rows = await self._page(shape, values, stretch, limit=limit, newest_first=newest_first)
        return [PAYMENTS.record(row) for row in rows]

    async def count_collections(self, wanted: CollectionFilter, stretch: Stretch, most: int) -> int:
        """Return the number of collections, counted at most up to a number."""
        shape, values = _collections(wanted)
        return await self._count(shape, values, stretch, most)

    async def count_payments(self, wanted: PaymentFilter, stretch: Stretch, most: int) -> int:
        """Return the number of payments, counted at most up to a number."""
        shape, values = _payments(wanted)
        return await self._count(shape, values, stretch, most)

    async def _page(
        self,
        shape: Shape,
        values: Mapping[str, Any],
        stretch: Stretch,
        *,
        limit: int,
        newest_first: bool,
    ) -> list[Row]:
        bounds = {**_bounds(stretch), "most": limit}
        statement = page(shape, newest_first=newest_first)
        return await self._database.rows(statement, {**values, **bounds})

    async def _count(
        self, shape: Shape, values: Mapping[str, Any], stretch: Stretch, most: int
    ) -> int:
        bounds = {**_bounds(stretch), "most": most}
        return int((await self._database.rows(count(shape), {**values, **bounds}))[0][0])


def _collections(wanted: CollectionFilter) -> tuple[Shape, dict[str, Any]]:
    equal = {
        "reference": wanted.reference,
        "region_id": wanted.region_id,
        "currency": wanted.currency,
    }
    return _shaped(tables.payment_collections, equal, wanted.ids, wanted.statuses)


def _payments(wanted: PaymentFilter) -> tuple[Shape, dict[str, Any]]:
    equal = {
        "collection_id": wanted.collection_id,
        "provider_id": wanted.provider_id,
        "currency": wanted.currency,
    }
    return _shaped(tables.payments, equal, wanted.ids, wanted.statuses)


def _shaped(
    table: Table,
    equal: Mapping[str, str | None],
    ids: Sequence[str] | None,
    statuses: Sequence[Any] | None,
) -> tuple[Shape, dict[str, Any]]:
    if statuses is not None and not statuses:
        ids = ()  # No status is wanted: nothing can match.
    values: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    words = [status.value for status in statuses or ()]
    shape = Shape(table, tuple(values), ids is not None, len(words))
    values |= {f"status_{n}": word for n, word in enumerate(words)}
    values["statuses"] = words
    if ids is not None:
        values["ids"] = list(ids)
    return shape, values


def _bounds(stretch: Stretch) -> dict[str, Any]:
    return {
        "after_at": stretch.after.created_at,
        "after_id": stretch.after.id,
        "before_at": stretch.before.created_at,
        "before_id": stretch.before.id,
    }
