"""Statements as module constants, compiled once for each dialect. The driver's own text is what is executed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Dialect, Table, bindparam, insert, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from db.tables import payments as tables

Row = Sequence[Any]


class Connection(Protocol):
    """The operations of a driver inside an open transaction."""

    def rows(self, statement: "Statement", values: dict[str, Any]) -> list[Row]:
        """Execute a statement and return its rows."""

    def change(self, statement: "Statement", values: dict[str, Any]) -> int:
        """Execute a statement and return the number of changed rows."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement's text for one dialect, with the names of its parameters in order."""

    sql: str
    names: tuple[str, ...]
    constants: dict[str, Any]

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """Return values in the order of the parameters."""
        known = {**self.constants, **values} if self.constants else values
        return tuple(map(known.__getitem__, self.names))


@dataclass(eq=False, slots=True)
class Statement:
    """A statement that is built once and compiled once for each dialect."""

    clause: ClauseElement
    _compiled: dict[str, Compiled] = field(default_factory=dict)

    def compiled(self, dialect: Dialect) -> Compiled:
        """Return the text for a dialect with positional parameters."""
        found = self._compiled.get(dialect.name)
        if found is None:
            done = self.clause.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            assert isinstance(done, SQLCompiler)
            names = tuple(done.positiontup or ())
            constants = {n: v for n, v in (done.params or {}).items() if v is not None}
            found = self._compiled[dialect.name] = Compiled(str(done), names, constants)
        return found


class IsOneOf(ColumnElement[bool]):
    """A condition that a column is one of a list of texts, a single parameter, so that the statement never varies."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.parameter: Any = bindparam(name)


@compiles(IsOneOf, "sqlite")
def _is_one_of_sqlite(element: IsOneOf, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    parameter = compiler.process(element.parameter, **options)
    return f"{column} IN (SELECT value FROM json_each({parameter}))"  # noqa: S608 - compiled parts alone


@compiles(IsOneOf, "postgresql")
def _is_one_of_postgresql(element: IsOneOf, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    parameter = compiler.process(element.parameter, **options)
    return f"{column} = ANY(CAST({parameter} AS TEXT[]))"


def insert_into(table: Table) -> Statement:
    """Return an insert whose parameters are the columns' names."""
    return Statement(
        insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    )


def update_by_id(table: Table, *conditions: ColumnElement[bool]) -> Statement:
    """Return an update of a whole row by its id; parameters are the columns' names."""
    names = [column.name for column in table.columns if column.name not in ("id", "created_at")]
    return Statement(
        update(table)
        .where(table.c.id == bindparam("by_id"), *conditions)
        .values({name: bindparam(name) for name in names})
    )


def by(table: Table, column: str, *order: ColumnElement[Any]) -> Statement:
    """Return a select of whole rows by one column; the parameter is the column's name."""
    return Statement(select(table).where(table.c[column] == bindparam(column)).order_by(*order))


OPENING = tables.operations.alias("opening")
ATTEMPT = tables.operations.alias("attempt")

SESSION_ROWS = select(
    *tables.payment_sessions.columns,
    OPENING.c.status.label("opening_status"),
    ATTEMPT.c.status.label("attempt_status"),
).select_from(
    tables.payment_sessions.outerjoin(
        OPENING, OPENING.c.id == tables.payment_sessions.c.opening_id
    ).outerjoin(ATTEMPT, ATTEMPT.c.id == tables.payment_sessions.c.attempt_id)
)
"""Sessions with the statuses of their newest opening and attempt."""
