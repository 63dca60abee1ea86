"""The order of the whole log, in which no event is passed over: on PostgreSQL transactions commit as they like.

On SQLite one writer at a time gives positions out, in the order of commits. On PostgreSQL a position is the number of
its transaction and the event's place within it. A reader stops at the horizon: the oldest transaction that may still
commit. What is below it never changes any more.
Source: PostgreSQL's documentation, "System Information Functions", on pg_current_xact_id and pg_snapshot_xmin.
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles

EVENTS_A_TRANSACTION = 1_024
"""One transaction closes a hundred sessions at most, with an event each."""

EPOCH = "(SELECT last_value FROM payment_events_epoch)"
"""Added to every transaction's number: a restored database counts its transactions from the start again."""

CURRENT = f"({EPOCH} + pg_current_xact_id()::text::bigint)"
HORIZON = f"({EPOCH} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"

GO_ON_BEHIND_A_RESTORED_LOG = f"""
SELECT setval('payment_events_epoch', newest.number + 1)
FROM (SELECT max(position) / {EVENTS_A_TRANSACTION} AS number FROM payment_events) AS newest
WHERE newest.number >= {CURRENT}
"""  # noqa: S608 - constants alone
"""Run at each start: changes nothing but where the log came out of a backup of another server."""


class LogPosition(ColumnElement[int]):
    """The position of the n-th event that this transaction writes; the parameter `ordinal` says which it is."""

    inherit_cache = True
    type = BigInteger()

    def __init__(self) -> None:
        self.ordinal: Any = bindparam("ordinal", type_=BigInteger())


class IsBelowHorizon(ColumnElement[bool]):
    """Holds for events before which no other one can appear any more."""

    inherit_cache = True

    def __init__(self, position: ColumnElement[int]) -> None:
        self.position = position


class LogEnd(ColumnElement[int]):
    """A position after which every event comes that is committed from now on.

    It is never lower than the newest event's: a restored database gives positions on from there.
    """

    inherit_cache = True
    type = BigInteger()


@compiles(LogPosition, "sqlite")
def _position_sqlite(_element: LogPosition, _compiler: Any, **_options: Any) -> str:
    return "NULL"


@compiles(LogPosition, "postgresql")
def _position_postgresql(element: LogPosition, compiler: Any, **options: Any) -> str:
    return f"{CURRENT} * {EVENTS_A_TRANSACTION} + {compiler.process(element.ordinal, **options)}"


@compiles(IsBelowHorizon, "sqlite")
def _below_sqlite(_element: IsBelowHorizon, _compiler: Any, **_options: Any) -> str:
    return "TRUE"


@compiles(IsBelowHorizon, "postgresql")
def _below_postgresql(element: IsBelowHorizon, compiler: Any, **options: Any) -> str:
    position = compiler.process(element.position, **options)
    return f"{position} < {HORIZON} * {EVENTS_A_TRANSACTION}"


NEWEST = "(SELECT COALESCE(MAX(position), 0) FROM payment_events)"


@compiles(LogEnd, "sqlite")
def _end_sqlite(_element: LogEnd, _compiler: Any, **_options: Any) -> str:
    return NEWEST


@compiles(LogEnd, "postgresql")
def _end_postgresql(_element: LogEnd, _compiler: Any, **_options: Any) -> str:
    return f"LEAST({NEWEST}, {HORIZON} * {EVENTS_A_TRANSACTION} - 1)"
