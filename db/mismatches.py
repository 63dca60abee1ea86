"""Reads of the mismatched payments, each with the operations that show the differences."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import and_, func, literal_column, or_, select

from db.engine.database import Database
from db.rows import OPERATIONS, PAYMENTS
from db.statements.compiled import IsOneOf, Statement
from db.tables import payments as tables
from payments.model.entities import Operation
from payments.model.ids import SessionId
from payments.model.mismatches import Mismatch, mismatch_of

MOST_PAYMENTS = 100
"""Payments: more have the same cause."""

_payments = tables.payments
_operations = tables.operations

MISMATCHED = Statement(
    select(_payments)
    .where(tables.IS_MISMATCHED)
    .order_by(_payments.c.id)
    .limit(literal_column(str(MOST_PAYMENTS)))
)
COUNT = Statement(select(func.count()).select_from(_payments).where(tables.IS_MISMATCHED))
ENDED = Statement(
    select(_operations)
    .where(
        IsOneOf(_operations.c.session_id, "ids"),
        or_(
            and_(
                _operations.c.kind == literal_column("'authorize'"),
                _operations.c.status == literal_column("'SUCCEEDED'"),
            ),
            and_(
                _operations.c.payment_id.is_not(None),
                _operations.c.status == literal_column("'SUCCEEDED'"),
                _operations.c.moved_minor != _operations.c.amount_minor,
            ),
            and_(
                _operations.c.payment_id.is_not(None),
                _operations.c.status == literal_column("'DECLINED'"),
            ),
        ),
    )
    .order_by(_operations.c.created_at, _operations.c.id)
)


class SqlMismatches:
    """The mismatched payments; see payments.ports.invariants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        """Return their number."""
        ((count,),) = await self._database.rows(COUNT, {})
        return int(count)

    async def found(self) -> Sequence[Mismatch]:
        """Return them sorted by id, at most 100, with their differences."""
        payments = [PAYMENTS.record(row) for row in await self._database.rows(MISMATCHED, {})]
        ids = [payment.session_id for payment in payments]
        operations: dict[SessionId, list[Operation]] = defaultdict(list)
        for row in await self._database.rows(ENDED, {"ids": ids}):
            operation = OPERATIONS.record(row)
            operations[operation.session_id].append(operation)
        return [mismatch_of(payment, operations[payment.session_id]) for payment in payments]
