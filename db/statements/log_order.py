"""The order of the whole log, in which no event is skipped, although PostgreSQL commits transactions in any order.

On SQLite one writer at a time assigns positions, in the order of commits. On PostgreSQL a position is the number of
its transaction and the event's place within it. A reader stops at the horizon: the oldest transaction that may still
commit. Nothing below it changes any more.
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
"""Run at each start: it changes something only if the log comes from a backup of another server."""


class LogPosition(ColumnElement[int]):
    """The position of the n-th event that this transaction writes; the parameter `ordinal` is n."""

    inherit_cache = True
    type = BigInteger()

    def __init__(self) -> None:
        self.ordinal: Any = bindparam("ordinal", type_=BigInteger())


class IsBelowHorizon(ColumnElement[bool]):
    """The condition that no other event can appear before this one any more."""

    inherit_cache = True

    def __init__(self, position: ColumnElement[int]) -> None:
        self.position = position


class LogEnd(ColumnElement[int]):
    """A position that all events committed from now on come after.

    It is never lower than the newest event's: a restored database continues from there.
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
