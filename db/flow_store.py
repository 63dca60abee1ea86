"""The flow's transactions: locks, rows in and out, and the log."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from db.engine.database import Database, Exchanges
from db.engine.exchanges import Overtaken
from db.prepared import NotPrepared, exchange
from db.rows import (
    COLLECTIONS,
    DISPUTES,
    EVENTS,
    HOLDERS,
    METHODS,
    OPERATIONS,
    PAYMENTS,
    REASONS,
    SESSIONS,
    SETUPS,
    RowMap,
    key_of,
    values_of_key,
)
from db.statements import flow as sql
from db.statements.compiled import Connection, Statement
from db.statements.log_order import EVENTS_A_TRANSACTION
from payments.model import instants
from payments.model.account_holders import AccountHolder, MethodSetup, PaymentMethod
from payments.model.entities import (
    Dispute,
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
)
from payments.model.ids import (
    CollectionId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    ProviderId,
    SessionId,
    SetupId,
)
from payments.model.instants import Instant
from payments.model.statuses import OperationKind, OperationStatus
from payments.ports.store import Subject
from payments.ports.stored import StoredKey, StoredReport
from payments.ports.transactions import ReadTransaction, Transaction

Answer = TypeVar("Answer")
Thing = TypeVar("Thing")


class StoreReadTransaction:
    """An open transaction of the flow that only reads."""

    def __init__(self, connection: Connection, now: Instant) -> None:
        self._connection = connection
        self.now = now

    def read_collection(self, id: CollectionId) -> PaymentCollection | None:
        """Return a collection."""
        return self._first(COLLECTIONS, sql.COLLECTION, {"id": id})

    def sessions_of(self, id: CollectionId) -> Sequence[PaymentSession]:
        """Return a collection's sessions, oldest first."""
        rows = self._connection.rows(sql.SESSIONS_OF, {"collection_id": id})
        return [SESSIONS.record(row) for row in rows]

    def sessions_at(
        self, of: Collection[ProviderId], *, since: Instant, after: SessionId, limit: int
    ) -> Sequence[PaymentSession]:
        """Return sessions of some providers that changed since an instant or can still be captured, sorted by id."""
        values = {"providers": list(of), "since": since, "after": after, "most": limit}
        return [SESSIONS.record(row) for row in self._connection.rows(sql.SESSIONS_AT, values)]

    def payments_of(self, id: CollectionId) -> Sequence[Payment]:
        """Return a collection's payments, oldest first."""
        rows = self._connection.rows(sql.PAYMENTS_OF, {"collection_id": id})
        return [PAYMENTS.record(row) for row in rows]

    def collection_named(self, reference: str) -> CollectionId | None:
        """Return a collection that is not canceled, by its reference."""
        rows = self._connection.rows(sql.COLLECTION_NAMED, {"reference": reference})
        return CollectionId(rows[0][0]) if rows else None

    def collection_of_session(self, id: SessionId) -> CollectionId | None:
        """Return the id of the collection that a session belongs to."""
        return self._collection_of(sql.COLLECTION_OF_SESSION, id)

    def collection_of_payment(self, id: PaymentId) -> CollectionId | None:
        """Return the id of the collection that a payment belongs to."""
        return self._collection_of(sql.COLLECTION_OF_PAYMENT, id)

    def operation(self, id: OperationId) -> Operation | None:
        """Return an operation."""
        return self._first(OPERATIONS, sql.OPERATION, {"id": id})

    def closing_of(self, id: SessionId) -> OperationId | None:
        """Return the id of the newest operation that closes a session at its provider."""
        for row in self._connection.rows(sql.CLOSING_OF, {"session_id": id}):
            return OperationId(row[0])
        return None

    def newest_of(self, id: SessionId, kind: OperationKind) -> OperationId | None:
        """Return the id of a session's newest operation of a kind."""
        for row in self._connection.rows(sql.NEWEST_OF, {"session_id": id, "kind": kind.value}):
            return OperationId(row[0])
        return None

    def unasked(self, id: SessionId, kind: OperationKind) -> OperationId | None:
        """Return the id of the newest operation of a kind decided for a session but not requested yet."""
        for row in self._connection.rows(sql.UNASKED, {"session_id": id, "kind": kind.value}):
            return OperationId(row[0])
        return None

    def external_operation(self, id: ProviderId, provider_key: str) -> OperationId | None:
        """Return the id of the operation with a provider's key, or with the key of an earlier request."""
        values = {"provider_id": id, "provider_key": provider_key}
        for row in self._connection.rows(sql.EXTERNAL_OPERATION, values):
            return OperationId(row[0])
        return None

    def disputes_of(self, id: PaymentId) -> Sequence[Dispute]:
        """Return a payment's disputes, oldest first."""
        rows = self._connection.rows(sql.DISPUTES_OF, {"payment_id": id})
        return [DISPUTES.record(row) for row in rows]

    def holder(self, id: HolderId) -> AccountHolder | None:
        """Return an account holder."""
        return self._first(HOLDERS, sql.HOLDER, {"id": id})

    def holder_of(self, id: ProviderId, customer_reference: str) -> AccountHolder | None:
        """Return a customer's account holder at a provider."""
        values = {"provider_id": id, "customer_reference": customer_reference}
        return self._first(HOLDERS, sql.HOLDER_OF, values)

    def method(self, id: MethodId) -> PaymentMethod | None:
        """Return a payment method."""
        return self._first(METHODS, sql.METHOD, {"id": id})

    def method_at(self, id: HolderId, reference: str) -> PaymentMethod | None:
        """Return an account holder's payment method by the provider's id."""
        return self._first(METHODS, sql.METHOD_AT, {"holder_id": id, "reference": reference})

    def setup(self, id: SetupId) -> MethodSetup | None:
        """Return the saving of a payment method."""
        return self._first(SETUPS, sql.SETUP, {"id": id})

    def refund_reasons(self) -> Sequence[RefundReason]:
        """Return the refund reasons that can be chosen."""
        return [REASONS.record(row) for row in self._connection.rows(sql.REFUND_REASONS, {})]

    def disabled_providers(self) -> frozenset[str]:
        """Return the providers that the operator has disabled."""
        return frozenset(row[0] for row in self._connection.rows(sql.DISABLED, {}))

    def known_account(self, gateway: str) -> str | None:
        """Return the account at a gateway that this database's payments belong to."""
        rows = self._connection.rows(sql.KNOWN_ACCOUNT, {"gateway": gateway})
        return rows[0][0] if rows else None

    def expired_payments(self, of: Collection[ProviderId], *, limit: int) -> Sequence[PaymentId]:
        """Return expired authorizations of some providers, the longest expired first."""
        values = {"providers": list(of), "now": self.now, "most": limit}
        return [PaymentId(row[0]) for row in self._connection.rows(sql.EXPIRED, values)]

    def next_due_at(self, of: Collection[ProviderId]) -> Instant | None:
        """Return when the next operation of some providers is due."""
        return self._connection.rows(sql.NEXT_DUE, {"providers": list(of)})[0][0]  # type: ignore[no-any-return]  # an integer column

    def parked_reports(self, *, since: Instant, limit: int) -> Sequence[StoredReport]:
        """Return the reports received since an instant that matched nothing and may do so by now, newest first.

        Reports that match nothing for long do not delay new ones.
        """
        rows = self._connection.rows(sql.PARKED_REPORTS, {"most": limit, "since": since})
        return [
            StoredReport(
                provider_id, event_id, operation_id, body, received_at, session_id, reference
            )
            for provider_id, event_id, operation_id, body, received_at, _, session_id, reference in rows
        ]

    def _collection_of(self, statement: Statement, id: str) -> CollectionId | None:
        for row in self._connection.rows(statement, {"id": id}):
            return CollectionId(row[0])
        return None

    def _first(
        self, rows: RowMap[Thing], statement: Statement, values: dict[str, Any]
    ) -> Thing | None:
        for row in self._connection.rows(statement, values):
            return rows.record(row)
        return None


class StoreTransaction(StoreReadTransaction):
    """An open transaction of the flow."""

    def __init__(self, connection: Connection, now: Instant) -> None:
        super().__init__(connection, now)
        self._events = 0

    def lock_collection(self, id: CollectionId) -> PaymentCollection | None:
        """Return a collection and lock it until the transaction ends."""
        return self._first(COLLECTIONS, sql.LOCK_COLLECTION, {"id": id})

    def key(self, owner: str, key: str) -> StoredKey | None:
        """Return an idempotency key."""
        rows = self._connection.rows(sql.KEY, {"owner": owner, "key": key})
        return key_of(rows[0]) if rows else None

    def bind_key(self, stored: StoredKey) -> None:
        """Store an idempotency key."""
        self._connection.change(sql.BIND_KEY, values_of_key(stored))

    def release_key(self, subject_id: str) -> None:
        """Release the key of a request without an effect."""
        self._connection.change(sql.RELEASE_KEY, {"subject_id": subject_id})

    def insert_collection(self, collection: PaymentCollection) -> None:
        """Add a collection."""
        self._connection.change(sql.INSERT_COLLECTION, COLLECTIONS.values(collection))

    def update_collection(self, collection: PaymentCollection) -> None:
        """Change a collection that this transaction has locked."""
        self._update(sql.UPDATE_COLLECTION, COLLECTIONS.values(collection))

    def insert_session(self, session: PaymentSession) -> None:
        """Add a session."""
        self._connection.change(sql.INSERT_SESSION, SESSIONS.values(session))

    def update_session(self, session: PaymentSession) -> None:
        """Change a session of a locked collection."""
        self._update(sql.UPDATE_SESSION, SESSIONS.values(session))

    def insert_payment(self, payment: Payment) -> None:
        """Add a payment."""
        self._connection.change(sql.INSERT_PAYMENT, PAYMENTS.values(payment))

    def update_payment(self, payment: Payment) -> None:
        """Change a payment of a locked collection."""
        self._update(sql.UPDATE_PAYMENT, PAYMENTS.values(payment))

    def insert_operation(self, operation: Operation) -> None:
        """Add an operation."""
        self._connection.change(sql.INSERT_OPERATION, OPERATIONS.values(operation))

    def update_operation(self, operation: Operation, *, expected: OperationStatus) -> bool:
        """Update an operation whose status is still the expected one; return whether it was."""
        values = {**OPERATIONS.values(operation), "expected": expected.value}
        return self._update(sql.UPDATE_OPERATION, values) == 1

    def append_event(self, event: Event) -> None:
        """Add an event to the log."""
        assert self._events < EVENTS_A_TRANSACTION
        self._connection.change(sql.INSERT_EVENT, {**EVENTS.values(event), "ordinal": self._events})
        self._events += 1

    def insert_dispute(self, dispute: Dispute) -> None:
        """Add a dispute."""
        self._connection.change(sql.INSERT_DISPUTE, DISPUTES.values(dispute))

    def update_dispute(self, dispute: Dispute) -> None:
        """Change a dispute of a payment whose collection this transaction has locked."""
        self._update(sql.UPDATE_DISPUTE, DISPUTES.values(dispute))

    def lock_holder(self, id: HolderId) -> AccountHolder | None:
        """Return an account holder and lock it until the transaction ends."""
        return self._first(HOLDERS, sql.LOCK_HOLDER, {"id": id})

    def insert_holder(self, holder: AccountHolder) -> None:
        """Add an account holder."""
        self._connection.change(sql.INSERT_HOLDER, HOLDERS.values(holder))

    def update_holder(self, holder: AccountHolder) -> None:
        """Change an account holder that this transaction has locked."""
        self._update(sql.UPDATE_HOLDER, HOLDERS.values(holder))

    def delete_holder(self, id: HolderId) -> None:
        """Delete an account holder with its payment methods and their savings."""
        for statement in sql.DELETE_HOLDER:
            self._connection.change(statement, {"id": id})

    def insert_method(self, method: PaymentMethod) -> None:
        """Add a payment method to an account holder that this transaction has locked."""
        self._connection.change(sql.INSERT_METHOD, METHODS.values(method))

    def delete_method(self, id: MethodId) -> None:
        """Delete a payment method."""
        self._connection.change(sql.DELETE_METHOD, {"id": id})

    def forget_kept(self, id: HolderId) -> None:
        """Delete the payment methods of a locked account holder whose customer is gone, and end their savings."""
        delete, end = sql.FORGET_KEPT
        self._connection.change(delete, {"id": id})
        self._connection.change(end, {"id": id, "now": self.now})

    def insert_setup(self, setup: MethodSetup) -> None:
        """Add the saving of a payment method."""
        self._connection.change(sql.INSERT_SETUP, SETUPS.values(setup))

    def update_setup(self, setup: MethodSetup) -> None:
        """Change a saving whose account holder this transaction has locked."""
        self._update(sql.UPDATE_SETUP, SETUPS.values(setup))

    def insert_refund_reason(self, reason: RefundReason) -> None:
        """Add a refund reason."""
        self._connection.change(sql.INSERT_REFUND_REASON, REASONS.values(reason))

    def update_refund_reason(self, reason: RefundReason) -> None:
        """Change a refund reason."""
        self._update(sql.UPDATE_REFUND_REASON, REASONS.values(reason))

    def set_provider_enabled(self, id: ProviderId, is_enabled: bool) -> None:
        """Enable or disable a provider."""
        self._connection.change(sql.ENABLE, {"provider_id": id})
        if not is_enabled:
            self._connection.change(sql.DISABLE, {"provider_id": id})

    def set_known_account(self, gateway: str, account: str) -> None:
        """Store the account at a gateway, replacing another one."""
        self._connection.change(sql.FORGET_ACCOUNT, {"gateway": gateway})
        values = {"gateway": gateway, "account": account, "known_since": self.now}
        self._connection.change(sql.KNOW_ACCOUNT, values)

    def claim_due(
        self, of: Collection[ProviderId], *, leased_by: str, lease_seconds: float, limit: int
    ) -> Sequence[Operation]:
        """Claim due operations of some providers, for as long as the lease lasts."""
        values = {
            "providers": list(of),
            "now": self.now,
            "most": limit,
            "holder": leased_by,
            "until": instants.after(self.now, lease_seconds),
        }
        return [OPERATIONS.record(row) for row in self._connection.rows(sql.CLAIM, values)]

    def claim(self, id: OperationId, *, leased_by: str, lease_seconds: float) -> Operation | None:
        """Claim one operation without an outcome that nobody is asking about; None where there is none."""
        until = instants.after(self.now, lease_seconds)
        values = {"by_id": id, "now": self.now, "holder": leased_by, "until": until}
        return self._first(OPERATIONS, sql.CLAIM_ONE, values)

    def renew_lease(self, id: OperationId, *, leased_by: str, lease_seconds: float) -> bool:
        """Prolong a lease; return whether the process still had it."""
        until = instants.after(self.now, lease_seconds)
        values = {"by_id": id, "by_holder": leased_by, "until": until}
        return self._connection.change(sql.RENEW, values) == 1

    def store_report(self, report: StoredReport) -> bool:
        """Store a report; return whether it is new."""
        key = {"provider_id": report.provider_id, "event_id": report.event_id}
        if self._connection.rows(sql.STORED_REPORT, key):
            return False
        values = {
            **key,
            "operation_id": report.operation_id,
            "body": report.body,
            "received_at": report.received_at,
            "applied_at": None,
            "session_id": report.session_id,
            "reference": report.reference,
        }
        return self._connection.change(sql.INSERT_REPORT, values) == 1

    def mark_report_applied(self, provider_id: ProviderId, event_id: str) -> None:
        """Note that a report's effect is recorded."""
        values = {"by_provider": provider_id, "by_event": event_id, "now": self.now}
        self._connection.change(sql.APPLY_REPORT, values)

    def _update(self, statement: Statement, values: dict[str, Any]) -> int:
        return self._connection.change(statement, {**values, "by_id": values["id"]})


class SqlStore:
    """The store of the flow, which runs its transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exchanges = database if isinstance(database, Exchanges) else None

    def now(self) -> Instant:
        """Return the time of the database's clock, which all processes on it share."""
        return self._database.now()

    async def transact(
        self, work: Callable[[Transaction], Answer], about: Subject | None = None
    ) -> Answer:
        """Run a function in one transaction and commit; its exception rolls back. Raises StoreFailed."""
        now = self._database.now
        if about is not None and self._exchanges is not None:
            with suppress(NotPrepared, Overtaken):
                return await exchange(self._exchanges, about, work)
        return await self._database.write(lambda one: work(StoreTransaction(one, now())))

    async def read(self, work: Callable[[ReadTransaction], Answer]) -> Answer:
        """Run a read-only function, beside any writer."""
        now = self._database.now
        return await self._database.read(lambda one: work(StoreReadTransaction(one, now())))
