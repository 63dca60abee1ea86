"""The flow's transactions: locks, rows in and out, and the log."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import bindparam, delete, exists, func, insert, literal_column, select, text, update

from db import tables
from db.engine import Database
from db.log_order import EVENTS_A_TRANSACTION, LogPosition
from db.rows import COLLECTIONS, EVENTS, OPERATIONS, PAYMENTS, SESSIONS
from db.statements import (
    SESSION_ROWS,
    Connection,
    IsOneOf,
    Statement,
    by,
    insert_into,
    update_by_id,
)
from payments import instants
from payments.ids import CollectionId, OperationId, PaymentId, ProviderId, SessionId
from payments.instants import Instant
from payments.ports import Transaction
from payments.records import (
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    StoredKey,
    StoredReport,
)
from payments.statuses import OperationStatus

Answer = TypeVar("Answer")

_collections = tables.payment_collections
_sessions = tables.payment_sessions
_payments = tables.payments
_operations = tables.operations
_keys = tables.idempotency_keys
_reports = tables.provider_reports
_disabled = tables.disabled_providers

IN_FLIGHT = text(tables.IN_FLIGHT)

COLLECTION = by(_collections, "id")
LOCK_COLLECTION = Statement(
    select(_collections).where(_collections.c.id == bindparam("id")).with_for_update()
)
SESSIONS_OF = Statement(
    SESSION_ROWS.where(_sessions.c.collection_id == bindparam("collection_id")).order_by(
        _sessions.c.created_at, _sessions.c.id
    )
)
PAYMENTS_OF = by(_payments, "collection_id", _payments.c.created_at, _payments.c.id)
COLLECTION_OF_SESSION = Statement(
    select(_sessions.c.collection_id).where(_sessions.c.id == bindparam("id"))
)
COLLECTION_OF_PAYMENT = Statement(
    select(_payments.c.collection_id).where(_payments.c.id == bindparam("id"))
)
OPERATION = by(_operations, "id")

INSERT_COLLECTION = insert_into(_collections)
UPDATE_COLLECTION = update_by_id(_collections)
INSERT_SESSION = insert_into(_sessions)
UPDATE_SESSION = update_by_id(_sessions)
INSERT_PAYMENT = insert_into(_payments)
UPDATE_PAYMENT = update_by_id(_payments)
INSERT_OPERATION = insert_into(_operations)
UPDATE_OPERATION = update_by_id(_operations, _operations.c.status == bindparam("expected"))
INSERT_EVENT = Statement(
    insert(tables.payment_events).values(
        {name: bindparam(name) for name in EVENTS.columns if name != "position"}
        | {"position": LogPosition()}
    )
)

KEY = Statement(
    select(_keys).where(_keys.c.owner == bindparam("owner"), _keys.c.key == bindparam("key"))
)
BIND_KEY = insert_into(_keys)
RELEASE_KEY = Statement(delete(_keys).where(_keys.c.subject_id == bindparam("subject_id")))

DISABLED = Statement(select(_disabled.c.provider_id))
DISABLE = insert_into(_disabled)
ENABLE = Statement(delete(_disabled).where(_disabled.c.provider_id == bindparam("provider_id")))

CLOSING_OF = Statement(
    select(_operations.c.id)
    .where(
        _operations.c.session_id == bindparam("session_id"),
        _operations.c.kind == literal_column("'cancel'"),
        _operations.c.payment_id.is_(None),
    )
    .order_by(_operations.c.id.desc())
    .limit(literal_column("1"))
)

OF_PROVIDERS = IsOneOf(_operations.c.provider_id, "providers")
NEXT_DUE = Statement(select(func.min(_operations.c.due_at)).where(IN_FLIGHT, OF_PROVIDERS))
CLAIM = Statement(
    update(_operations)
    .where(
        _operations.c.id.in_(
            select(_operations.c.id)
            .where(IN_FLIGHT, OF_PROVIDERS, _operations.c.due_at <= bindparam("now"))
            .order_by(_operations.c.due_at)
            .limit(bindparam("most"))
            # Whoever holds one of them is recording its outcome, or claims it too.
            .with_for_update(skip_locked=True)
        )
    )
    .values(
        holder=bindparam("holder"),
        due_at=bindparam("until"),
        asked_times=_operations.c.asked_times + 1,
    )
    .returning(*_operations.columns)
)
RENEW = Statement(
    update(_operations)
    .where(_operations.c.id == bindparam("by_id"), _operations.c.holder == bindparam("by_holder"))
    .where(IN_FLIGHT)
    .values(due_at=bindparam("until"))
)

STORED_REPORT = Statement(
    select(_reports.c.event_id).where(
        _reports.c.provider_id == bindparam("provider_id"),
        _reports.c.event_id == bindparam("event_id"),
    )
)
INSERT_REPORT = insert_into(_reports)
PARKED_REPORTS = Statement(
    select(_reports)
    .where(
        _reports.c.applied_at.is_(None),
        exists(
            select(_operations.c.id).where(
                _operations.c.id == _reports.c.operation_id,
                _operations.c.provider_id == _reports.c.provider_id,
            )
        ),
    )
    .order_by(_reports.c.received_at)
    .limit(bindparam("most"))
)
APPLY_REPORT = Statement(
    update(_reports)
    .where(
        _reports.c.provider_id == bindparam("by_provider"),
        _reports.c.event_id == bindparam("by_event"),
    )
    .values(applied_at=bindparam("now"))
)


class StoreTransaction:
    """Is one open transaction of the flow."""

    def __init__(self, connection: Connection, now: Instant, *, may_lock: bool = True) -> None:
        self._connection = connection
        self._lock_collection = LOCK_COLLECTION if may_lock else COLLECTION
        self._events = 0
        self.now = now

    def key(self, owner: str, key: str) -> StoredKey | None:
        """Find an idempotency key."""
        for row in self._connection.rows(KEY, {"owner": owner, "key": key}):
            owner, key, fingerprint, _, subject_ids, created_at = row
            ids = tuple(orjson.loads(subject_ids))
            return StoredKey(owner, key, fingerprint, ids, Instant(created_at))
        return None

    def bind_key(self, stored: StoredKey) -> None:
        """Keep an idempotency key."""
        values = {
            "owner": stored.owner,
            "key": stored.key,
            "fingerprint": stored.fingerprint,
            "subject_id": stored.subject_ids[0],
            "subject_ids": orjson.dumps(stored.subject_ids).decode(),
            "created_at": stored.created_at,
        }
        self._connection.change(BIND_KEY, values)

    def release_key(self, subject_id: str) -> None:
        """Free the key that is bound to what did not come about."""
        self._connection.change(RELEASE_KEY, {"subject_id": subject_id})

    def lock_collection(self, id: CollectionId) -> PaymentCollection | None:
        """Read a collection and hold it until the transaction ends; one that only reads holds nothing."""
        for row in self._connection.rows(self._lock_collection, {"id": id}):
            return COLLECTIONS.record(row)
        return None

    def sessions_of(self, id: CollectionId) -> Sequence[PaymentSession]:
        """List a collection's sessions, oldest first."""
        rows = self._connection.rows(SESSIONS_OF, {"collection_id": id})
        return [SESSIONS.record(row) for row in rows]

    def payments_of(self, id: CollectionId) -> Sequence[Payment]:
        """List a collection's payments, oldest first."""
        rows = self._connection.rows(PAYMENTS_OF, {"collection_id": id})
        return [PAYMENTS.record(row) for row in rows]

    def collection_of_session(self, id: SessionId) -> CollectionId | None:
        """Name the collection that a session hangs off."""
        return self._collection_of(COLLECTION_OF_SESSION, id)

    def collection_of_payment(self, id: PaymentId) -> CollectionId | None:
        """Name the collection that a payment hangs off."""
        return self._collection_of(COLLECTION_OF_PAYMENT, id)

    def operation(self, id: OperationId) -> Operation | None:
        """Read an operation."""
        for row in self._connection.rows(OPERATION, {"id": id}):
            return OPERATIONS.record(row)
        return None

    def closing_of(self, id: SessionId) -> OperationId | None:
        """Name the newest operation that closes a session at its provider."""
        for row in self._connection.rows(CLOSING_OF, {"session_id": id}):
            return OperationId(row[0])
        return None

    def insert_collection(self, collection: PaymentCollection) -> None:
        """Add a collection."""
        self._connection.change(INSERT_COLLECTION, COLLECTIONS.values(collection))

    def update_collection(self, collection: PaymentCollection) -> None:
        """Change a collection that this transaction has locked."""
        self._update(UPDATE_COLLECTION, COLLECTIONS.values(collection))

    def insert_session(self, session: PaymentSession) -> None:
        """Add a session."""
        self._connection.change(INSERT_SESSION, SESSIONS.values(session))

    def update_session(self, session: PaymentSession) -> None:
        """Change a session of a locked collection."""
        self._update(UPDATE_SESSION, SESSIONS.values(session))

    def insert_payment(self, payment: Payment) -> None:
        """Add a payment."""
        self._connection.change(INSERT_PAYMENT, PAYMENTS.values(payment))

    def update_payment(self, payment: Payment) -> None:
        """Change a payment of a locked collection."""
        self._update(UPDATE_PAYMENT, PAYMENTS.values(payment))

    def insert_operation(self, operation: Operation) -> None:
        """Add an operation."""
        self._connection.change(INSERT_OPERATION, OPERATIONS.values(operation))

    def update_operation(self, operation: Operation, *, expected: OperationStatus) -> bool:
        """Change an operation where its status is still the expected one; tells whether it was."""
        values = {**OPERATIONS.values(operation), "expected": expected.value}
        return self._update(UPDATE_OPERATION, values) == 1

    def append_event(self, event: Event) -> None:
        """Add an event to the log."""
        assert self._events < EVENTS_A_TRANSACTION
        self._connection.change(INSERT_EVENT, {**EVENTS.values(event), "ordinal": self._events})
        self._events += 1

    def disabled_providers(self) -> frozenset[str]:
        """List the providers that the operator has disabled."""
        return frozenset(row[0] for row in self._connection.rows(DISABLED, {}))

    def set_provider_enabled(self, id: ProviderId, is_enabled: bool) -> None:
        """Enable or disable a provider."""
        self._connection.change(ENABLE, {"provider_id": id})
        if not is_enabled:
            self._connection.change(DISABLE, {"provider_id": id})

    def claim_due(
        self, of: Collection[ProviderId], *, holder: str, lease_seconds: float, limit: int
    ) -> Sequence[Operation]:
        """Take operations of some providers that are due, for as long as the lease lasts."""
        values = {
            "providers": _json_list(of),
            "now": self.now,
            "most": limit,
            "holder": holder,
            "until": instants.after(self.now, lease_seconds),
        }
        return [OPERATIONS.record(row) for row in self._connection.rows(CLAIM, values)]

    def next_due_at(self, of: Collection[ProviderId]) -> Instant | None:
        """Give when the next operation of some providers is due."""
        return self._connection.rows(NEXT_DUE, {"providers": _json_list(of)})[0][0]  # type: ignore[no-any-return]  # an integer column

    def renew_lease(self, id: OperationId, *, holder: str, lease_seconds: float) -> bool:
        """Prolong a lease; tells whether it was still the holder's."""
        until = instants.after(self.now, lease_seconds)
        values = {"by_id": id, "by_holder": holder, "until": until}
        return self._connection.change(RENEW, values) == 1

    def store_report(self, report: StoredReport) -> bool:
        """Keep a report; tells whether it is new."""
        key = {"provider_id": report.provider_id, "event_id": report.event_id}
        if self._connection.rows(STORED_REPORT, key):
            return False
        values = {
            **key,
            "operation_id": report.operation_id,
            "body": report.body,
            "received_at": report.received_at,
            "applied_at": None,
        }
        return self._connection.change(INSERT_REPORT, values) == 1

    def parked_reports(self, *, limit: int) -> Sequence[StoredReport]:
        """List the reports that matched nothing when they came and match an operation by now, oldest first."""
        rows = self._connection.rows(PARKED_REPORTS, {"most": limit})
        return [StoredReport(*row[:5]) for row in rows]

    def mark_report_applied(self, provider_id: ProviderId, event_id: str) -> None:
        """Note that a report's effect is recorded."""
        values = {"by_provider": provider_id, "by_event": event_id, "now": self.now}
        self._connection.change(APPLY_REPORT, values)

    def _collection_of(self, statement: Statement, id: str) -> CollectionId | None:
        for row in self._connection.rows(statement, {"id": id}):
            return CollectionId(row[0])
        return None

    def _update(self, statement: Statement, values: dict[str, Any]) -> int:
        return self._connection.change(statement, {**values, "by_id": values["id"]})


def _json_list(ids: Collection[str]) -> str:
    return orjson.dumps(sorted(ids)).decode()


class SqlStore:
    """Runs the flow's transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def transact(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; what it raises rolls back. Raises StoreBusy."""
        now = self._database.now
        return await self._database.write(lambda one: work(StoreTransaction(one, now())))

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run a function that only reads, beside whoever writes."""
        now = self._database.now
        return await self._database.read(
            lambda one: work(StoreTransaction(one, now(), may_lock=False))
        )
