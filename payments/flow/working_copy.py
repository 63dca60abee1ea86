"""A collection's working copy under its row lock: what one transaction changes, written when it is finished."""

from dataclasses import dataclass, field

from payments.model.copies import replace
from payments.model.entities import (
    Dispute,
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    Snapshot,
)
from payments.model.ids import (
    EVENT,
    OPERATION_PREFIXES,
    CollectionId,
    EventId,
    OperationId,
    PaymentId,
    SessionId,
    new_id,
)
from payments.model.instants import Instant
from payments.model.statuses import (
    CollectionStatus,
    EventSource,
    EventType,
    OperationKind,
    OperationStatus,
    collection_status,
    has_nothing_left_to_capture,
    payment_status,
    session_status,
)
from payments.ports.transactions import Transaction


@dataclass(slots=True)
class WorkingCopy:
    """A locked collection with everything that belongs to it, as a transaction changes it.

    Statuses and sums are derived again whenever something is put, so that an event carries the state right after it.
    Nothing reaches the database before `finish`.
    """

    tx: Transaction
    source: EventSource
    collection: PaymentCollection
    sessions: dict[SessionId, PaymentSession] = field(default_factory=dict)
    payments: dict[PaymentId, Payment] = field(default_factory=dict)
    operations: dict[OperationId, Operation] = field(default_factory=dict)
    """The operations that this transaction read, created or changed."""
    evidence: str | None = None
    """The evidence for an operator's decision; every event of the change carries it."""
    is_new: bool = False
    _stored: dict[str, object] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)

    @property
    def now(self) -> Instant:
        """Return the transaction's one instant."""
        return self.tx.now

    def payment_of(self, session: PaymentSession) -> Payment | None:
        """Return the payment that a session made."""
        for payment in self.payments.values():
            if payment.session_id == session.id:
                return payment
        return None

    def operation(self, id: OperationId) -> Operation:
        """Return one of the collection's operations; raises KeyError."""
        if id not in self.operations:
            operation = self.tx.operation(id)
            if operation is None:
                raise KeyError(id)
            self.operations[id] = self._stored[id] = operation
        return self.operations[id]

    def closing_of(self, session: PaymentSession) -> Operation | None:
        """Return the operation that closes a session at its provider; None where there is none."""
        found = self.tx.closing_of(session.id)
        return self.operation(found) if found is not None else None

    def put_collection(self, collection: PaymentCollection) -> None:
        """Change the collection's own values."""
        self.collection = collection
        self._derive_collection()

    def put_session(self, session: PaymentSession) -> PaymentSession:
        """Add or change a session, and return it as it is then."""
        status = session_status(session, self.payment_of(session))
        if status is not session.status:
            session = replace(session, status=status)
        self.sessions[session.id] = session
        self._derive_collection()
        return session

    def put_payment(self, payment: Payment) -> Payment:
        """Add or change a payment, and return it as it is then; its session follows."""
        captured_at = payment.captured_at
        if captured_at is None and payment.captured_minor and has_nothing_left_to_capture(payment):
            captured_at = self.now
        payment = replace(payment, status=payment_status(payment), captured_at=captured_at)
        self.payments[payment.id] = payment
        self.put_session(self.sessions[payment.session_id])
        return payment

    def new_operation(
        self, kind: OperationKind, session: PaymentSession, *, amount_minor: int, request_id: str
    ) -> Operation:
        """Return a new operation on a session; it is not part of the collection before it is put."""
        return Operation(
            id=OperationId(new_id(OPERATION_PREFIXES[kind])),
            kind=kind,
            collection_id=self.collection.id,
            session_id=session.id,
            provider_id=session.provider_id,
            currency=session.currency,
            amount_minor=amount_minor,
            source=self.source,
            request_id=request_id,
            created_at=self.now,
            updated_at=self.now,
        )

    def put_operation(self, operation: Operation) -> Operation:
        """Add or change an operation; the session of an attempt or opening follows."""
        self.operations[operation.id] = operation
        session = self.sessions[operation.session_id]
        if operation.kind is OperationKind.AUTHORIZE and session.attempt_id == operation.id:
            self.put_session(replace(session, attempt_status=operation.status))
        elif session.opening_id == operation.id:
            self.put_session(replace(session, opening_status=operation.status))
        return operation

    def emit(
        self,
        type: EventType,
        *,
        session: PaymentSession | None = None,
        payment: Payment | None = None,
        operation: Operation | None = None,
        dispute: Dispute | None = None,
        amount_minor: int | None = None,
    ) -> None:
        """Append an event with the current statuses."""
        if payment is not None:
            payment = self.payments[payment.id]
            session = self.sessions[payment.session_id]
        elif session is not None:
            session = self.sessions[session.id]
        is_movement = operation is not None and operation.kind in (
            OperationKind.CAPTURE,
            OperationKind.REFUND,
        )
        sequence = self.collection.sequence + 1
        self.collection = replace(self.collection, sequence=sequence)
        self._events.append(
            Event(
                id=EventId(new_id(EVENT)),
                collection_id=self.collection.id,
                sequence=sequence,
                type=type,
                source=self.source,
                occurred_at=self.now,
                amount_minor=amount_minor,
                currency=self.collection.currency,
                failure_code=operation.failure_code if operation else None,
                decline_code=operation.decline_code if operation else None,
                collection_status=self.collection.status,
                session_status=session.status if session else None,
                payment_status=payment.status if payment else None,
                session_id=session.id if session else None,
                payment_id=payment.id if payment else None,
                operation_id=operation.id if operation and is_movement else None,
                evidence=self.evidence,
                dispute_id=dispute.id if dispute else None,
            )
        )

    def finish(self) -> Snapshot:
        """Write all changes, each row once, and return the collection as it is then."""
        has_changed = self._write_rows()
        if self.is_new:
            self.tx.insert_collection(self.collection)
        elif self.collection != self._stored[self.collection.id]:
            self.collection = replace(self.collection, updated_at=self.now)
            self.tx.update_collection(self.collection)
        elif has_changed:
            # Whoever read the collection before has to notice that something of it has changed.
            self.tx.update_collection(self.collection)
        for event in self._events:
            self.tx.append_event(event)
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """Return the collection with everything that belongs to it as it is now."""
        return Snapshot(
            self.collection,
            tuple(self.sessions.values()),
            tuple(self.payments.values()),
            tuple(self.operations.values()),
        )

    def _write_rows(self) -> bool:
        """Write what belongs to the collection; return whether anything of it has changed."""
        has_changed = False
        for session in self.sessions.values():
            stored = self._stored.get(session.id)
            if stored is None:
                self.tx.insert_session(session)
            elif session != stored:
                self.sessions[session.id] = replace(session, updated_at=self.now)
                self.tx.update_session(self.sessions[session.id])
            has_changed |= session != stored
        for payment in self.payments.values():
            stored = self._stored.get(payment.id)
            if stored is None:
                self.tx.insert_payment(payment)
            elif payment != stored:
                self.payments[payment.id] = replace(payment, updated_at=self.now)
                self.tx.update_payment(self.payments[payment.id])
            has_changed |= payment != stored
        for operation in self.operations.values():
            stored = self._stored.get(operation.id)
            if stored is None:
                self.tx.insert_operation(operation)
            elif operation != stored:
                assert isinstance(stored, Operation)
                self.operations[operation.id] = replace(operation, updated_at=self.now)
                self._win(self.operations[operation.id], expected=stored.status)
            has_changed |= operation != stored
        return has_changed

    def _win(self, operation: Operation, *, expected: OperationStatus) -> None:
        # The row lock makes losing impossible; a lost race would be a gap in it, and nothing may be written then.
        if not self.tx.update_operation(operation, expected=expected):
            raise LostRace(operation.id)

    def _derive_collection(self) -> None:
        counted = [
            payment
            for payment in self.payments.values()
            if not payment.is_surplus
            and not (payment.captured_minor == 0 and has_nothing_left_to_capture(payment))
        ]
        collection = self.collection
        sums = (
            sum(max(0, p.amount_minor - p.released_minor) for p in counted),
            sum(p.captured_minor for p in counted),
            sum(p.refunded_minor for p in counted),
        )
        before = (collection.authorized_minor, collection.captured_minor, collection.refunded_minor)
        if sums != before:
            authorized_minor, captured_minor, refunded_minor = sums
            collection = replace(
                collection,
                authorized_minor=authorized_minor,
                captured_minor=captured_minor,
                refunded_minor=refunded_minor,
            )
        status = collection_status(collection, (s.status for s in self.sessions.values()))
        if status is not collection.status:
            completed_at = collection.completed_at
            if status is CollectionStatus.COMPLETED and completed_at is None:
                completed_at = self.now
            collection = replace(collection, status=status, completed_at=completed_at)
        self.collection = collection


class LostRace(Exception):
    """An error: a row changed under its collection's lock."""


def lock(tx: Transaction, id: CollectionId, source: EventSource) -> WorkingCopy | None:
    """Lock a collection and read everything that belongs to it; None where there is no such collection."""
    collection = tx.lock_collection(id)
    if collection is None:
        return None
    working = WorkingCopy(tx, source, collection)
    working._stored[collection.id] = collection
    working.sessions = {session.id: session for session in tx.sessions_of(id)}
    working.payments = {payment.id: payment for payment in tx.payments_of(id)}
    working._stored.update(working.sessions.items())
    working._stored.update(working.payments.items())
    return working
