"""Counts for an operator; each statement uses an index that holds little more than what is counted."""

from sqlalchemy import bindparam, func, literal_column, select, text

from db.engine.database import Database
from db.reads import IS_UNSETTLED
from db.statements.compiled import Statement
from db.tables import payments as tables
from payments.model.ids import ProviderId
from payments.model.instants import Instant, after
from payments.model.limits import PARKED_SECONDS
from payments.model.statuses import OperationKind
from payments.ports.figures import Figures, UnsettledCount

_operations = tables.operations
_reports = tables.provider_reports
_deliveries = tables.webhook_deliveries
_endpoints = tables.webhook_endpoints

UNSETTLED = Statement(
    select(
        _operations.c.provider_id,
        _operations.c.kind,
        _operations.c.due_at.is_(None),
        func.count(),
        func.min(_operations.c.created_at),
    )
    .where(IS_UNSETTLED)
    .group_by(text("1, 2, 3"))
    .order_by(text("1, 2, 3"))
)
PARKED = Statement(
    select(func.count())
    .select_from(_reports)
    .where(_reports.c.applied_at.is_(None), _reports.c.received_at > bindparam("since"))
)
MISMATCHED = Statement(
    select(func.count()).select_from(tables.payments).where(tables.IS_MISMATCHED)
)
PENDING_WEBHOOKS = Statement(
    select(func.count(), func.min(_deliveries.c.created_at))
    .select_from(_deliveries.join(_endpoints, _endpoints.c.id == _deliveries.c.endpoint_id))
    .where(_deliveries.c.status == literal_column("'PENDING'"), _endpoints.c.is_enabled)
)


class SqlFigures:
    """The counts; see payments.ports.figures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self) -> Figures:
        """Return the counts; raises StoreFailed."""
        now = self._database.now()
        unsettled = await self._database.rows(UNSETTLED, {"now": now})
        parked = await self._database.rows(PARKED, {"since": after(now, -PARKED_SECONDS)})
        mismatched = await self._database.rows(MISMATCHED, {})
        webhooks = await self._database.rows(PENDING_WEBHOOKS, {})
        return Figures(
            read_at=now,
            unsettled=[
                UnsettledCount(ProviderId(row[0]), OperationKind(row[1]), bool(row[2]), row[3])
                for row in unsettled
            ],
            oldest_unsettled_at=min((Instant(row[4]) for row in unsettled), default=None),
            parked_reports=parked[0][0],
            mismatched_payments=mismatched[0][0],
            pending_webhooks=webhooks[0][0],
            oldest_pending_webhook_at=webhooks[0][1],
        )
