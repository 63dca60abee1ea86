"""PostgreSQL alone: a transaction of the flow on what was read beforehand, whose changes are written at once."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar, cast

from sqlalchemy import Table

from db.engine.database import Exchanges
from db.engine.exchanges import Text
from db.rows import (
    COLLECTIONS,
    EVENTS,
    OPERATIONS,
    PAYMENTS,
    SESSIONS,
    key_of,
    values_of_key,
)
from db.statements.compiled import Row
from db.statements.whole import (
    CHANGES_MAX,
    READING_KEY,
    WHICH,
    Kind,
    RowChange,
    arguments_of,
    reading,
    shape_of,
    writing,
)
from db.tables import payments as tables
from payments.model.entities import Event, Operation, Payment, PaymentCollection, PaymentSession
from payments.model.ids import CollectionId, OperationId, PaymentId, SessionId, is_id
from payments.model.instants import Instant
from payments.model.statuses import OperationStatus
from payments.ports.store import Subject
from payments.ports.stored import StoredKey
from payments.ports.transactions import Transaction

Answer = TypeVar("Answer")


class NotPrepared(Exception):
    """An error: a function wants more than was read beforehand, and needs an open transaction."""


class PreparedTransaction:
    """A transaction that is not open: it answers from memory, and keeps its changes.

    It has the methods of the flow's usual paths. Every other one of a transaction raises NotPrepared.
    """

    def __init__(self, subject: Subject, row: Row, now: Instant) -> None:
        self.now = now
        self.changes: list[RowChange] = []
        self._version: int | None = row[0]
        """The number of the transaction that wrote the collection last; None where there is no collection."""
        self._subject = subject
        self._collection = None if row[0] is None else COLLECTIONS.record(row[1])
        self._sessions = [SESSIONS.record(one) for one in row[2]]
        self._payments = [PAYMENTS.record(one) for one in row[3]]
        self._operations = {one[0]: one for one in row[4]}
        self._keys: Sequence[Row] = row[5]
        self._disabled = frozenset(row[6])
        self._events = 0

    def __getattr__(self, name: str) -> NoReturn:
        raise NotPrepared(name)

    def lock_collection(self, id: CollectionId) -> PaymentCollection | None:
        """Return the collection as it was read; its row is compared when the changes are written."""
        if self.changes:
            # What was read no longer is what a second look would have to show.
            raise NotPrepared(id)
        if self._collection is not None and self._collection.id == id:
            return self._collection
        self._require_subject(id)
        return None

    def sessions_of(self, id: CollectionId) -> Sequence[PaymentSession]:
        """Return the collection's sessions, oldest first."""
        self._require_collection(id)
        return self._sessions

    def payments_of(self, id: CollectionId) -> Sequence[Payment]:
        """Return the collection's payments, oldest first."""
        self._require_collection(id)
        return self._payments

    def collection_of_session(self, id: SessionId) -> CollectionId | None:
        """Return the collection's id for the session that the transaction is about."""
        return self._collection_of(id)

    def collection_of_payment(self, id: PaymentId) -> CollectionId | None:
        """Return the collection's id for the payment that the transaction is about."""
        return self._collection_of(id)

    def _collection_of(self, id: str) -> CollectionId | None:
        self._require_subject(id)
        return None if self._collection is None else self._collection.id

    def _require_collection(self, id: CollectionId) -> None:
        if self._collection is None or self._collection.id != id:
            raise NotPrepared(id)

    def _require_subject(self, id: str) -> None:
        if id != self._subject.id:
            raise NotPrepared(id)

    def operation(self, id: OperationId) -> Operation | None:
        """Return the operation that the transaction is about, or that its key is bound to."""
        if id in self._operations:
            return OPERATIONS.record(self._operations[id])
        self._require_subject(id)
        return None

    def disabled_providers(self) -> frozenset[str]:
        """Return the providers that the operator has disabled."""
        return self._disabled

    def key(self, owner: str, key: str) -> StoredKey | None:
        """Return the idempotency key of the request."""
        if self._subject.key != (owner, key):
            raise NotPrepared(key)
        return key_of(self._keys[0]) if self._keys else None

    def bind_key(self, stored: StoredKey) -> None:
        """Keep an idempotency key to be stored."""
        self._keep(Kind.INSERT, tables.idempotency_keys, values_of_key(stored))

    def insert_collection(self, collection: PaymentCollection) -> None:
        """Keep a collection to be added."""
        self._keep_first(Kind.INSERT, collection)

    def update_collection(self, collection: PaymentCollection) -> None:
        """Keep a change of the collection."""
        self._keep_first(Kind.UPDATE, collection)

    def insert_session(self, session: PaymentSession) -> None:
        """Keep a session to be added."""
        self._keep(Kind.INSERT, tables.payment_sessions, SESSIONS.values(session))

    def update_session(self, session: PaymentSession) -> None:
        """Keep a change of a session."""
        self._keep(Kind.UPDATE, tables.payment_sessions, SESSIONS.values(session))

    def insert_payment(self, payment: Payment) -> None:
        """Keep a payment to be added."""
        self._keep(Kind.INSERT, tables.payments, PAYMENTS.values(payment))

    def update_payment(self, payment: Payment) -> None:
        """Keep a change of a payment."""
        self._keep(Kind.UPDATE, tables.payments, PAYMENTS.values(payment))

    def insert_operation(self, operation: Operation) -> None:
        """Keep an operation to be added."""
        self._keep(Kind.INSERT, tables.operations, OPERATIONS.values(operation))

    def update_operation(self, operation: Operation, *, expected: OperationStatus) -> bool:
        """Keep a change of an operation, whose status is compared when it is written."""
        values = OPERATIONS.values(operation)
        self._keep(Kind.UPDATE, tables.operations, values, expected.value)
        return True

    def append_event(self, event: Event) -> None:
        """Keep an event to be added to the log."""
        values = {**EVENTS.values(event), "ordinal": self._events}
        self._events += 1
        self._keep(Kind.APPEND, tables.payment_events, values)

    def writing(self) -> Text | None:
        """Return the statement that writes all changes; None where there are none. Raises NotPrepared."""
        if not self.changes:
            return None
        if self.changes[0].table is not tables.payment_collections:
            raise NotPrepared(self.changes[0].table.name)
        return writing(shape_of(self.changes)), (self._version, *arguments_of(self.changes))

    def _keep_first(self, kind: Kind, collection: PaymentCollection) -> None:
        values = COLLECTIONS.values(collection)
        self.changes.insert(0, RowChange(kind, tables.payment_collections, values))

    def _keep(
        self, kind: Kind, table: Table, values: dict[str, Any], expected: str | None = None
    ) -> None:
        if len(self.changes) >= CHANGES_MAX:
            raise NotPrepared(table.name)
        self.changes.append(RowChange(kind, table, values, expected))


async def exchange(
    database: Exchanges, about: Subject, work: Callable[[Transaction], Answer]
) -> Answer:
    """Run a function on what is read by one statement, and write its changes by another.

    Raises NotPrepared where it needs more than that, and Overtaken.
    """

    def decide(row: Row | None) -> tuple[Answer, Text | None]:
        prepared = PreparedTransaction(about, NOTHING if row is None else row, database.now())
        answer = work(cast(Transaction, prepared))
        return answer, prepared.writing()

    return await database.exchange(_reading(about), decide)


NOTHING: Row = (None, None, (), (), (), (), ())
"""What is read for a new collection without a key."""


def _reading(about: Subject) -> Text | None:
    if about.id is None:
        return None if about.key is None else (READING_KEY, about.key)
    owner, key = about.key or (None, None)
    prefix = about.id.rpartition("_")[0] + "_"
    if prefix not in WHICH or not is_id(about.id, prefix):
        raise NotPrepared(about.id)
    return reading(prefix), (about.id, owner, key)
