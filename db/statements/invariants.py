"""The invariants between rows, each as one query that finds which of some rows break it.

The numbers are those of the invariants in the project's reliability document. What belongs to a row is found by a
subquery that no database turns into a join: it goes by an index for each row, however many rows its table has.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    Table,
    bindparam,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles

from db.statements.compiled import IsOneOf, Statement
from db.statements.log_order import IsBelowHorizon, LogEnd
from db.tables import payments as tables
from payments.model.currencies import DECIMALS
from payments.model.ids import (
    COLLECTION,
    OPERATION_PREFIXES,
    PAYMENT,
    SESSION,
    WEBHOOK_DELIVERY,
)
from payments.ports.invariants import BROKEN_MAX

PENDING = "operations.status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"
SUCCEEDED = "status = 'SUCCEEDED'"

COLLECTIONS = tables.payment_collections
SESSIONS = tables.payment_sessions
PAYMENTS = tables.payments
OPERATIONS = tables.operations
DELIVERIES = tables.webhook_deliveries

CHECKED = (COLLECTIONS, SESSIONS, PAYMENTS, OPERATIONS, DELIVERIES)
"""The tables in the order in which they are checked."""

TABLE_OF_PREFIX = {
    COLLECTION: COLLECTIONS,
    SESSION: SESSIONS,
    PAYMENT: PAYMENTS,
    **dict.fromkeys(OPERATION_PREFIXES.values(), OPERATIONS),
    WEBHOOK_DELIVERY: DELIVERIES,
}


def table_of(id: str) -> Table:
    """Return the table of a row by its id; raises KeyError."""
    return TABLE_OF_PREFIX[id.rpartition("_")[0] + "_"]


@dataclass(frozen=True, slots=True)
class Invariant:
    """An invariant; its query returns the id of what breaks it, the actual value and the expected one."""

    number: int
    name: str
    query: Statement
    table: Table | None
    """The table of the rows that the parameter `ids` names; None where an index holds only what is broken."""


def _of(
    table: Table, named: tuple[int, str], found: str, expected: str, condition: str | None = None
) -> Invariant:
    """Return an invariant of a table's rows, which by default is broken where two values differ."""
    id, *values = (literal_column(one, String) for one in (f"{table.name}.id", found, expected))
    clause = (
        select(id, *values)
        .select_from(text(table.name))
        .where(IsOneOf(id, "ids"), text(f"({condition or f'{found} <> {expected}'})"))
    )
    number, name = named
    return Invariant(number, name, Statement(clause), table)


def _overdue(number: int, name: str, query: str, instant: str) -> Invariant:
    # In its order, or SQLite expects to find so much that it prefers the whole table.
    clause = text(
        f"{query} AND {instant} < :overdue ORDER BY {instant} LIMIT {BROKEN_MAX}"
    ).bindparams(bindparam("overdue", type_=BigInteger()))
    return Invariant(number, name, Statement(clause), None)


def _sum_of(what: str, kind: str, condition: str) -> str:
    return (
        f"(SELECT COALESCE(SUM({what}), 0) FROM operations"
        f" WHERE operations.payment_id = payments.id AND kind = '{kind}' AND {condition})"
    )


def _of_payments(expression: str) -> str:
    counted = (
        "(cancellation_reason IS NULL OR cancellation_reason <> 'SURPLUS')"
        " AND NOT (captured_minor = 0 AND capture_pending_minor = 0"
        " AND released_minor > 0 AND released_minor >= amount_minor)"
    )
    return (
        f"(SELECT COALESCE(SUM({expression}), 0) FROM payments"
        f" WHERE payments.collection_id = payment_collections.id AND {counted})"
    )


def _first(expression: str, source: str) -> str:
    return f"(SELECT {expression} FROM {source} LIMIT 1)"


def _newest(column: str, table: Table, reference: str = "") -> str:
    # Events are found by their collection: otherwise the whole log would be searched for each row.
    id = "id" if table is COLLECTIONS else "collection_id"
    own = f" AND {reference} = {table.name}.id" if reference else ""
    return (
        f"(SELECT {column} FROM payment_events WHERE payment_events.collection_id = {table.name}.{id}"
        f"{own} AND {column} IS NOT NULL ORDER BY sequence DESC LIMIT 1)"
    )


def _as_in_the_log(table: Table, name: str, newest: str) -> Invariant:
    status = f"{table.name}.status"
    return _of(table, (17, name), status, newest, f"{status} <> COALESCE({newest}, {status})")


RELEASED_BY_CAPTURES = _sum_of("reserved_minor - amount_minor", "capture", SUCCEEDED)
MOVED = "COALESCE(moved_minor, amount_minor)"
"""According to the provider; operations from before this was recorded moved what was requested."""

RELEASED_BY_CANCELLATIONS = _sum_of(MOVED, "cancel", SUCCEEDED)
RELEASED_BY_CLOSINGS = (
    "(SELECT COALESCE(SUM(moved_minor), 0) FROM operations"
    " WHERE operations.session_id = payments.session_id AND operations.payment_id IS NULL"
    f" AND kind = 'cancel' AND {SUCCEEDED})"
)

KNOWN_CURRENCIES = ", ".join(f"'{code}'" for code in sorted(DECIMALS))

CURRENCY_OF_COLLECTION = "(SELECT currency FROM payment_collections WHERE id = {}.collection_id)"
OTHER_CANCELLATION = _first(
    "operations.id",
    "operations WHERE operations.payment_id = payments.id AND operations.kind = 'cancel'"
    f" AND {PENDING} AND operations.id <> COALESCE(payments.cancellation_id, '')",
)
EVENTS_OF = "payment_events WHERE payment_events.collection_id = payment_collections.id"

INVARIANTS = (
    _of(
        COLLECTIONS,
        (1, "the decimals of a collection's currency are known"),
        "currency",
        "'one of ISO 4217'",
        f"currency NOT IN ({KNOWN_CURRENCIES})",
    ),
    _of(
        PAYMENTS,
        (4, "captured is the sum of the captures that succeeded"),
        "captured_minor",
        _sum_of(MOVED, "capture", SUCCEEDED),
    ),
    _of(
        PAYMENTS,
        (4, "refunded is the sum of the refunds that succeeded"),
        "refunded_minor",
        _sum_of(MOVED, "refund", SUCCEEDED),
    ),
    _of(
        PAYMENTS,
        (4, "released is what cancellations, closings and final captures gave back"),
        "released_minor",
        f"({RELEASED_BY_CAPTURES} + {RELEASED_BY_CANCELLATIONS} + {RELEASED_BY_CLOSINGS})",
    ),
    _of(
        PAYMENTS,
        (4, "what captures reserve is what captures in flight hold"),
        "capture_pending_minor",
        _sum_of("reserved_minor", "capture", PENDING),
    ),
    _of(
        PAYMENTS,
        (4, "what refunds reserve is what refunds in flight hold"),
        "refund_pending_minor",
        _sum_of("reserved_minor", "refund", PENDING),
    ),
    _of(
        PAYMENTS,
        (4, "disputed is the sum of the disputes that have taken money"),
        "disputed_minor",
        "(SELECT COALESCE(SUM(disputes.amount_minor), 0) FROM disputes"
        " WHERE disputes.payment_id = payments.id AND disputes.takes_money"
        " AND disputes.currency = payments.currency)",
    ),
    _of(
        COLLECTIONS,
        (4, "a collection's authorized amount is that of its payments"),
        "authorized_minor",
        # Only external operations can give back more than there was.
        _of_payments(
            "CASE WHEN released_minor > amount_minor THEN 0 ELSE amount_minor - released_minor END"
        ),
    ),
    _of(
        COLLECTIONS,
        (4, "a collection's captured amount is that of its payments"),
        "captured_minor",
        _of_payments("captured_minor"),
    ),
    _of(
        COLLECTIONS,
        (4, "a collection's refunded amount is that of its payments"),
        "refunded_minor",
        _of_payments("refunded_minor"),
    ),
    _of(
        OPERATIONS,
        (7, "an operation has the currency of its collection"),
        "currency",
        CURRENCY_OF_COLLECTION.format("operations"),
    ),
    _of(
        PAYMENTS,
        (7, "a payment has the currency of its collection"),
        "currency",
        CURRENCY_OF_COLLECTION.format("payments"),
    ),
    _of(
        OPERATIONS,
        (12, "an operation with an outcome has no holder and no next step"),
        "status",
        "'no holder'",
        f"NOT ({PENDING}) AND status <> 'ACTION_REQUIRED'"
        " AND (holder IS NOT NULL OR due_at IS NOT NULL)",
    ),
    _of(
        PAYMENTS,
        (12, "a payment is there for each authorization that succeeded, and for no other"),
        "'none'",
        "'SUCCEEDED'",
        _first(
            "1",
            "operations WHERE operations.session_id = payments.session_id"
            f" AND operations.kind = 'authorize' AND operations.{SUCCEEDED}",
        )
        + " IS NULL",
    ),
    _of(
        OPERATIONS,
        (12, "an authorization that succeeded has made its payment"),
        "status",
        "'a payment'",
        f"kind = 'authorize' AND {SUCCEEDED} AND "
        + _first("1", "payments WHERE payments.session_id = operations.session_id")
        + " IS NULL",
    ),
    _overdue(
        13,
        "what is due is looked after",
        "SELECT id, due_at, 'looked after' FROM operations WHERE due_at IS NOT NULL",
        "due_at",
    ),
    _of(
        PAYMENTS,
        (15, "a payment is captured or canceled, not both at once"),
        "capture_pending_minor",
        "0",
        "cancellation_id IS NOT NULL AND capture_pending_minor > 0",
    ),
    _of(
        PAYMENTS,
        (15, "the cancellation that a payment names is in flight"),
        "cancellation_id",
        "'in flight'",
        "cancellation_id IS NOT NULL AND "
        + _first(
            "1",
            "operations WHERE operations.id = payments.cancellation_id"
            f" AND operations.kind = 'cancel' AND {PENDING}",
        )
        + " IS NULL",
    ),
    _of(
        PAYMENTS,
        (15, "a payment names its cancellation in flight"),
        "COALESCE(payments.cancellation_id, 'none')",
        OTHER_CANCELLATION,
        f"{OTHER_CANCELLATION} IS NOT NULL",
    ),
    _as_in_the_log(
        COLLECTIONS,
        "a collection's status is that of its newest event",
        _newest("collection_status", COLLECTIONS),
    ),
    _as_in_the_log(
        SESSIONS,
        "a session's status is that of its newest event",
        _newest("session_status", SESSIONS, "session_id"),
    ),
    _as_in_the_log(
        PAYMENTS,
        "a payment's status is that of its newest event",
        _newest("payment_status", PAYMENTS, "payment_id"),
    ),
    _overdue(
        19,
        "an authorization past its time is ended, or its end is under way",
        "SELECT id, capture_before, 'an end' FROM payments"
        " WHERE amount_minor > captured_minor + released_minor AND capture_pending_minor = 0"
        " AND cancellation_id IS NULL AND cancellation_reason IS NULL AND NOT is_mismatched",
        "capture_before",
    ),
    _of(
        COLLECTIONS,
        (21, "a collection's events are numbered without a gap"),
        "sequence",
        f"(SELECT COUNT(*) FROM {EVENTS_OF})",
        f"sequence <> (SELECT COUNT(*) FROM {EVENTS_OF})"
        f" OR sequence <> (SELECT COALESCE(MAX(payment_events.sequence), 0) FROM {EVENTS_OF})",
    ),
    _of(
        DELIVERIES,
        (22, "a webhook that is pending is in a lane"),
        "lane",
        "'a lane'",
        "status = 'PENDING' AND "
        + _first(
            "1",
            "webhook_lanes WHERE webhook_lanes.endpoint_id = webhook_deliveries.endpoint_id"
            " AND webhook_lanes.lane = webhook_deliveries.lane",
        )
        + " IS NULL",
    ),
)

OVERDUE = tuple(one for one in INVARIANTS if one.table is None)
OF_TABLE = {table: tuple(one for one in INVARIANTS if one.table is table) for table in CHECKED}

IDS_AFTER = {
    table: Statement(
        select(table.c.id)
        .where(table.c.id > bindparam("after"))
        .order_by(table.c.id)
        .limit(bindparam("most"))
    )
    for table in CHECKED
}

_events = tables.payment_events

END_OF_LOG = Statement(select(LogEnd()))
CHANGED = Statement(
    select(_events.c.position, _events.c.collection_id)
    .where(
        _events.c.position > bindparam("after", type_=BigInteger()),
        IsBelowHorizon(_events.c.position),
    )
    .order_by(_events.c.position)
    .limit(bindparam("most"))
)
OF_COLLECTIONS = {
    table: Statement(select(table.c.id).where(IsOneOf(table.c.collection_id, "ids")))
    for table in (SESSIONS, PAYMENTS)
}
OF_SESSIONS = Statement(select(OPERATIONS.c.id).where(IsOneOf(OPERATIONS.c.session_id, "ids")))


class RowEstimate(ColumnElement[int]):
    """About as many rows as the checked tables have, without counting them; less than 0 where nothing is known."""

    inherit_cache = True
    type = BigInteger()


@compiles(RowEstimate, "sqlite")
def _estimate_sqlite(_element: RowEstimate, _compiler: Any, **_options: Any) -> str:
    # Rows are numbered as they come, and those of these tables stay, but for old deliveries.
    return " + ".join(f"(SELECT COALESCE(MAX(rowid), 0) FROM {table.name})" for table in CHECKED)


@compiles(RowEstimate, "postgresql")
def _estimate_postgresql(_element: RowEstimate, _compiler: Any, **_options: Any) -> str:
    # What is not analyzed yet has -1 there.
    found = " + ".join(
        f"(SELECT reltuples FROM pg_class WHERE oid = '{table.name}'::regclass)"
        for table in CHECKED
    )
    least = ", ".join(
        f"(SELECT reltuples FROM pg_class WHERE oid = '{table.name}'::regclass)"
        for table in CHECKED
    )
    return f"CASE WHEN LEAST({least}) < 0 THEN -1 ELSE ({found})::bigint END"


ROW_ESTIMATE = Statement(select(RowEstimate()))
