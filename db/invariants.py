"""The invariants between rows, each as one query that finds what breaks it.

The numbers are those of the invariants in the project's reliability document.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, text

from db.engine.database import Database
from db.statements.compiled import Statement
from payments.model.currencies import DECIMALS
from payments.model.instants import SECOND
from payments.ports.invariants import BrokenInvariant

MOST_ROWS = 100
"""Rows of one invariant: more have the same cause."""

OVERDUE_SECONDS = 3_600
"""Recovery runs every few seconds, and tries a silent provider with one operation at a time: one that is due for this
long is not being looked after."""

PENDING = "operations.status IN ('ASKING', 'UNKNOWN', 'PROCESSING')"


@dataclass(frozen=True, slots=True)
class Invariant:
    """An invariant; its query returns the id of what breaks it, the actual value and the expected one."""

    number: int
    name: str
    query: Statement


def _invariant(number: int, name: str, query: str, **parameters: object) -> Invariant:
    clause = text(f"{query} LIMIT {MOST_ROWS}").bindparams(*(bindparam(key) for key in parameters))
    return Invariant(number, name, Statement(clause))


def _sum_of(what: str, kind: str, condition: str) -> str:
    return (
        f"(SELECT COALESCE(SUM({what}), 0) FROM operations"
        f" WHERE operations.payment_id = payments.id AND kind = '{kind}' AND {condition})"
    )


def _payment_sum(column: str, expected: str) -> str:
    return f"SELECT id, {column}, {expected} AS expected FROM payments WHERE {column} <> {expected}"


def _collection_sum(column: str, expression: str) -> str:
    counted = (
        "(cancellation_reason IS NULL OR cancellation_reason <> 'SURPLUS')"
        " AND NOT (captured_minor = 0 AND capture_pending_minor = 0"
        " AND released_minor > 0 AND released_minor >= amount_minor)"
    )
    expected = (
        f"(SELECT COALESCE(SUM({expression}), 0) FROM payments"
        f" WHERE payments.collection_id = whole.id AND {counted})"
    )
    return (
        f"SELECT id, {column}, {expected} AS expected FROM payment_collections AS whole"
        f" WHERE {column} <> {expected}"
    )


OF_COLLECTION = "collection_id = kept.collection_id"


def _as_in_the_log(table: str, reference: str, column: str) -> str:
    # Events are found by their collection: otherwise the whole log would be searched for each row.
    newest = (
        f"(SELECT {column} FROM payment_events WHERE {reference} = kept.id AND {column} IS NOT NULL"
        " ORDER BY sequence DESC LIMIT 1)"
    )
    return (
        f"SELECT id, status, {newest} AS expected FROM {table} AS kept"
        f" WHERE status <> COALESCE({newest}, status)"
    )


SUCCEEDED = "status = 'SUCCEEDED'"
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

INVARIANTS = (
    _invariant(
        1,
        "the decimals of a collection's currency are known",
        "SELECT id, currency, 'one of ISO 4217' FROM payment_collections"
        f" WHERE currency NOT IN ({KNOWN_CURRENCIES})",
    ),
    _invariant(
        4,
        "captured is the sum of the captures that succeeded",
        _payment_sum("captured_minor", _sum_of(MOVED, "capture", SUCCEEDED)),
    ),
    _invariant(
        4,
        "refunded is the sum of the refunds that succeeded",
        _payment_sum("refunded_minor", _sum_of(MOVED, "refund", SUCCEEDED)),
    ),
    _invariant(
        4,
        "released is what cancellations, closings and final captures gave back",
        _payment_sum(
            "released_minor",
            f"({RELEASED_BY_CAPTURES} + {RELEASED_BY_CANCELLATIONS} + {RELEASED_BY_CLOSINGS})",
        ),
    ),
    _invariant(
        4,
        "what captures reserve is what captures in flight hold",
        _payment_sum(
            "capture_pending_minor",
            _sum_of("reserved_minor", "capture", PENDING),
        ),
    ),
    _invariant(
        4,
        "what refunds reserve is what refunds in flight hold",
        _payment_sum(
            "refund_pending_minor",
            _sum_of("reserved_minor", "refund", PENDING),
        ),
    ),
    _invariant(
        4,
        "disputed is the sum of the disputes that have taken money",
        _payment_sum(
            "disputed_minor",
            "(SELECT COALESCE(SUM(disputes.amount_minor), 0) FROM disputes"
            " WHERE disputes.payment_id = payments.id AND disputes.takes_money"
            " AND disputes.currency = payments.currency)",
        ),
    ),
    _invariant(
        4,
        "a collection's authorized amount is that of its payments",
        _collection_sum(
            "authorized_minor",
            # Only external operations can give back more than there was.
            "CASE WHEN released_minor > amount_minor THEN 0 ELSE amount_minor - released_minor END",
        ),
    ),
    _invariant(
        4,
        "a collection's captured amount is that of its payments",
        _collection_sum("captured_minor", "captured_minor"),
    ),
    _invariant(
        4,
        "a collection's refunded amount is that of its payments",
        _collection_sum("refunded_minor", "refunded_minor"),
    ),
    _invariant(
        7,
        "an operation has the currency of its collection",
        "SELECT operations.id, operations.currency, payment_collections.currency"
        " FROM operations JOIN payment_collections ON payment_collections.id = operations.collection_id"
        " WHERE operations.currency <> payment_collections.currency",
    ),
    _invariant(
        7,
        "a payment has the currency of its collection",
        "SELECT payments.id, payments.currency, payment_collections.currency"
        " FROM payments JOIN payment_collections ON payment_collections.id = payments.collection_id"
        " WHERE payments.currency <> payment_collections.currency",
    ),
    _invariant(
        12,
        "an operation with an outcome has no holder and no next step",
        f"SELECT id, status, 'no holder' FROM operations WHERE NOT ({PENDING})"
        " AND status <> 'ACTION_REQUIRED'"
        " AND (holder IS NOT NULL OR due_at IS NOT NULL)",
    ),
    _invariant(
        12,
        "a payment is there for each authorization that succeeded, and for no other",
        "SELECT payments.id, COALESCE(operations.status, 'none'), 'SUCCEEDED' FROM payments"
        " LEFT JOIN operations ON operations.session_id = payments.session_id"
        " AND operations.kind = 'authorize' AND operations.status = 'SUCCEEDED'"
        " WHERE operations.id IS NULL",
    ),
    _invariant(
        12,
        "an authorization that succeeded has made its payment",
        "SELECT operations.id, operations.status, 'a payment' FROM operations"
        " LEFT JOIN payments ON payments.session_id = operations.session_id"
        " WHERE operations.kind = 'authorize' AND operations.status = 'SUCCEEDED'"
        " AND payments.id IS NULL",
    ),
    _invariant(
        13,
        "what is due is looked after",
        "SELECT id, due_at, 'looked after' FROM operations WHERE due_at < :overdue",
        overdue=0,
    ),
    _invariant(
        15,
        "a payment is captured or canceled, not both at once",
        "SELECT id, capture_pending_minor, 0 FROM payments"
        " WHERE cancellation_id IS NOT NULL AND capture_pending_minor > 0",
    ),
    _invariant(
        15,
        "the cancellation that a payment names is in flight",
        "SELECT payments.id, payments.cancellation_id, 'in flight' FROM payments"
        " LEFT JOIN operations ON operations.id = payments.cancellation_id"
        f" AND operations.kind = 'cancel' AND {PENDING}"
        " WHERE payments.cancellation_id IS NOT NULL AND operations.id IS NULL",
    ),
    _invariant(
        15,
        "a payment names its cancellation in flight",
        "SELECT payments.id, COALESCE(payments.cancellation_id, 'none'), operations.id FROM payments"
        " JOIN operations ON operations.payment_id = payments.id"
        f" AND operations.kind = 'cancel' AND {PENDING}"
        " WHERE COALESCE(payments.cancellation_id, '') <> operations.id",
    ),
    _invariant(
        17,
        "a collection's status is that of its newest event",
        _as_in_the_log("payment_collections", "collection_id", "collection_status"),
    ),
    _invariant(
        17,
        "a session's status is that of its newest event",
        _as_in_the_log("payment_sessions", f"{OF_COLLECTION} AND session_id", "session_status"),
    ),
    _invariant(
        17,
        "a payment's status is that of its newest event",
        _as_in_the_log("payments", f"{OF_COLLECTION} AND payment_id", "payment_status"),
    ),
    _invariant(
        19,
        "an authorization past its time is ended, or its end is under way",
        "SELECT id, capture_before, 'an end' FROM payments"
        " WHERE capture_before < :overdue AND captured_minor + released_minor < amount_minor"
        " AND capture_pending_minor = 0 AND cancellation_id IS NULL AND cancellation_reason IS NULL"
        " AND NOT is_mismatched",
        overdue=0,
    ),
    _invariant(
        21,
        "a collection's events are numbered without a gap",
        "SELECT whole.id, whole.sequence, COUNT(payment_events.sequence) FROM payment_collections AS whole"
        " LEFT JOIN payment_events ON payment_events.collection_id = whole.id"
        " GROUP BY whole.id, whole.sequence"
        " HAVING COUNT(payment_events.sequence) <> whole.sequence"
        " OR COALESCE(MAX(payment_events.sequence), 0) <> whole.sequence",
    ),
    _invariant(
        22,
        "a webhook that is pending is in a lane",
        "SELECT id, lane, 'a lane' FROM webhook_deliveries AS pending WHERE status = 'PENDING'"
        " AND NOT EXISTS (SELECT 1 FROM webhook_lanes"
        " WHERE endpoint_id = pending.endpoint_id AND lane = pending.lane)",
    ),
)


class SqlInvariants:
    """The check of the invariants; see payments.ports.invariants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def broken(self) -> Sequence[BrokenInvariant]:
        """Return what breaks an invariant, at most 100 rows of each."""
        overdue = self._database.now() - OVERDUE_SECONDS * SECOND
        return [
            BrokenInvariant(one.number, one.name, str(id), str(found), str(expected))
            for one in INVARIANTS
            for id, found, expected in await self._database.rows(one.query, {"overdue": overdue})
        ]
