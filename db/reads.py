"""Reads for answers: one statement a batch, whatever the number of ids."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, literal_column, or_, select, text, tuple_

from db.engine.database import Database
from db.rows import COLLECTIONS, DISPUTES, HOLDERS, METHODS, OPERATIONS, PAYMENTS, REASONS, SESSIONS
from db.statements.compiled import SESSION_ROWS, IsOneOf, Row, Statement
from db.statements.flow import REFUND_REASONS
from db.tables import payments as tables
from payments.model.account_holders import AccountHolder, PaymentMethod
from payments.model.entities import (
    Dispute,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
)
from payments.model.ids import (
    CollectionId,
    DisputeId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    RefundReasonId,
    SessionId,
)
from payments.ports.lists import FIRST

_collections = tables.payment_collections
_sessions = tables.payment_sessions
_payments = tables.payments
_operations = tables.operations
_events = tables.payment_events

COLLECTIONS_BY_ID = Statement(select(_collections).where(IsOneOf(_collections.c.id, "ids")))
SESSIONS_BY_ID = Statement(SESSION_ROWS.where(IsOneOf(_sessions.c.id, "ids")))
PAYMENTS_BY_ID = Statement(select(_payments).where(IsOneOf(_payments.c.id, "ids")))
OPERATIONS_BY_ID = Statement(select(_operations).where(IsOneOf(_operations.c.id, "ids")))
SESSIONS_OF = Statement(
    SESSION_ROWS.where(IsOneOf(_sessions.c.collection_id, "ids")).order_by(
        _sessions.c.created_at, _sessions.c.id
    )
)
PAYMENTS_OF = Statement(
    select(_payments)
    .where(IsOneOf(_payments.c.collection_id, "ids"))
    .order_by(_payments.c.created_at, _payments.c.id)
)
PAYMENTS_OF_SESSIONS = Statement(select(_payments).where(IsOneOf(_payments.c.session_id, "ids")))
MOVEMENTS_OF = Statement(
    select(_operations)
    .where(
        IsOneOf(_operations.c.payment_id, "ids"),
        _operations.c.kind.in_([literal_column("'capture'"), literal_column("'refund'")]),
    )
    .order_by(_operations.c.created_at, _operations.c.id)
)


DISPUTES_OF = Statement(
    select(tables.disputes)
    .where(IsOneOf(tables.disputes.c.payment_id, "ids"))
    .order_by(tables.disputes.c.created_at, tables.disputes.c.id)
)
DISPUTES_BY_ID = Statement(select(tables.disputes).where(IsOneOf(tables.disputes.c.id, "ids")))

_holders = tables.account_holders
_methods = tables.payment_methods

HOLDERS_BY_ID = Statement(
    select(_holders).where(IsOneOf(_holders.c.id, "ids"), _holders.c.reference.is_not(None))
)
HOLDERS_OF = Statement(
    select(_holders)
    .where(
        _holders.c.customer_reference == bindparam("customer_reference"),
        _holders.c.reference.is_not(None),
    )
    .order_by(_holders.c.id)
)
METHODS_BY_ID = Statement(select(_methods).where(IsOneOf(_methods.c.id, "ids")))
METHODS_OF = Statement(
    select(_methods).where(IsOneOf(_methods.c.holder_id, "ids")).order_by(_methods.c.id)
)

REASONS_BY_ID = Statement(
    select(tables.refund_reasons).where(IsOneOf(tables.refund_reasons.c.id, "ids"))
)

IS_UNSETTLED = and_(
    text(tables.IN_FLIGHT),
    or_(
        _operations.c.status != literal_column("'ASKING'"),
        _operations.c.asked_times != literal_column("1"),
        _operations.c.holder.is_(None),
        _operations.c.due_at <= bindparam("now"),
    ),
)
"""Operations except those whose first request is under way, which are neither unknown nor an operator's yet."""

UNSETTLED = Statement(
    select(_operations)
    .where(
        IS_UNSETTLED,
        tuple_(_operations.c.created_at, _operations.c.id)
        > tuple_(bindparam("created_at"), bindparam("id")),
    )
    .order_by(_operations.c.created_at, _operations.c.id)
    .limit(bindparam("most"))
)


DISABLED = Statement(select(tables.disabled_providers.c.provider_id))


class SqlReads:
    """The reads for answers; see payments.ports.reads.Reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def collections(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, PaymentCollection]:
        """Return collections by id."""
        found = [COLLECTIONS.record(row) for row in await self._by_ids(COLLECTIONS_BY_ID, ids)]
        return {collection.id: collection for collection in found}

    async def sessions(self, ids: Sequence[SessionId]) -> Mapping[SessionId, PaymentSession]:
        """Return sessions by id."""
        found = [SESSIONS.record(row) for row in await self._by_ids(SESSIONS_BY_ID, ids)]
        return {session.id: session for session in found}

    async def payments(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Payment]:
        """Return payments by id."""
        found = [PAYMENTS.record(row) for row in await self._by_ids(PAYMENTS_BY_ID, ids)]
        return {payment.id: payment for payment in found}

    async def operations(self, ids: Sequence[OperationId]) -> Mapping[OperationId, Operation]:
        """Return operations by id."""
        found = [OPERATIONS.record(row) for row in await self._by_ids(OPERATIONS_BY_ID, ids)]
        return {operation.id: operation for operation in found}

    async def sessions_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[PaymentSession]]:
        """Return collections' sessions, oldest first."""
        grouped: dict[CollectionId, list[PaymentSession]] = defaultdict(list)
        for row in await self._by_ids(SESSIONS_OF, ids):
            session = SESSIONS.record(row)
            grouped[session.collection_id].append(session)
        return grouped

    async def payments_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[Payment]]:
        """Return collections' payments, oldest first."""
        grouped: dict[CollectionId, list[Payment]] = defaultdict(list)
        for row in await self._by_ids(PAYMENTS_OF, ids):
            payment = PAYMENTS.record(row)
            grouped[payment.collection_id].append(payment)
        return grouped

    async def payments_of_sessions(self, ids: Sequence[SessionId]) -> Mapping[SessionId, Payment]:
        """Return the payments that sessions made."""
        found = [PAYMENTS.record(row) for row in await self._by_ids(PAYMENTS_OF_SESSIONS, ids)]
        return {payment.session_id: payment for payment in found}

    async def disputes(self, ids: Sequence[DisputeId]) -> Mapping[DisputeId, Dispute]:
        """Return disputes by id."""
        found = [DISPUTES.record(row) for row in await self._by_ids(DISPUTES_BY_ID, ids)]
        return {dispute.id: dispute for dispute in found}

    async def disputes_of(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Sequence[Dispute]]:
        """Return payments' disputes, oldest first."""
        grouped: dict[PaymentId, list[Dispute]] = defaultdict(list)
        for row in await self._by_ids(DISPUTES_OF, ids):
            dispute = DISPUTES.record(row)
            grouped[dispute.payment_id].append(dispute)
        return grouped

    async def holders(self, ids: Sequence[HolderId]) -> Mapping[HolderId, AccountHolder]:
        """Return account holders that exist at their providers."""
        found = [HOLDERS.record(row) for row in await self._by_ids(HOLDERS_BY_ID, ids)]
        return {holder.id: holder for holder in found}

    async def holders_of(self, customer_reference: str) -> Sequence[AccountHolder]:
        """Return a customer's account holders that exist at their providers, oldest first."""
        rows = await self._rows(HOLDERS_OF, {"customer_reference": customer_reference})
        return [HOLDERS.record(row) for row in rows]

    async def methods(self, ids: Sequence[MethodId]) -> Mapping[MethodId, PaymentMethod]:
        """Return payment methods by id."""
        found = [METHODS.record(row) for row in await self._by_ids(METHODS_BY_ID, ids)]
        return {method.id: method for method in found}

    async def methods_of(
        self, ids: Sequence[HolderId]
    ) -> Mapping[HolderId, Sequence[PaymentMethod]]:
        """Return account holders' payment methods, oldest first."""
        grouped: dict[HolderId, list[PaymentMethod]] = defaultdict(list)
        for row in await self._by_ids(METHODS_OF, ids):
            method = METHODS.record(row)
            grouped[method.holder_id].append(method)
        return grouped

    async def refund_reasons(self) -> Sequence[RefundReason]:
        """Return the refund reasons in the list, oldest first."""
        return [REASONS.record(row) for row in await self._rows(REFUND_REASONS, {})]

    async def reasons(self, ids: Sequence[RefundReasonId]) -> Mapping[RefundReasonId, RefundReason]:
        """Return refund reasons, deleted ones included."""
        found = [REASONS.record(row) for row in await self._by_ids(REASONS_BY_ID, ids)]
        return {reason.id: reason for reason in found}

    async def movements_of(
        self, ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Operation]]:
        """Return payments' captures and refunds, oldest first."""
        grouped: dict[PaymentId, list[Operation]] = defaultdict(list)
        for row in await self._by_ids(MOVEMENTS_OF, ids):
            operation = OPERATIONS.record(row)
            assert operation.payment_id is not None
            grouped[operation.payment_id].append(operation)
        return grouped

    async def unsettled_page(self, after: Operation | None, *, limit: int) -> Sequence[Operation]:
        """Return operations without an outcome, except those on their first request, oldest first."""
        values = {
            "now": self._database.now(),
            "created_at": FIRST.created_at if after is None else after.created_at,
            "id": FIRST.id if after is None else after.id,
            "most": limit,
        }
        return [OPERATIONS.record(row) for row in await self._rows(UNSETTLED, values)]

    async def disabled_providers(self) -> frozenset[str]:
        """Return the providers that the operator has disabled."""
        return frozenset(row[0] for row in await self._rows(DISABLED, {}))

    async def _by_ids(self, statement: Statement, ids: Sequence[str]) -> list[Row]:
        return await self._rows(statement, {"ids": list(ids)})

    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Row]:
        return await self._database.rows(statement, values)
