"""The durable objects of the flow, as frozen values. The store keeps a row for each."""

from dataclasses import dataclass, field
from typing import TypeVar

from payments.model.failures import Failure, FailureCode, message_of, path_of
from payments.model.ids import (
    CAPTURE,
    REFUND,
    CollectionId,
    DisputeId,
    EventId,
    HolderId,
    OperationId,
    PaymentId,
    ProviderId,
    RefundReasonId,
    SessionId,
)
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import CustomerAction, JsonObject, PaidWith
from payments.model.statuses import (
    WITHOUT_OUTCOME,
    CancellationReason,
    CollectionStatus,
    DisputeStatus,
    EventSource,
    EventType,
    OperationKind,
    OperationStatus,
    PaymentStatus,
    SessionStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCollection:
    """The payment of one resource. Sums and status are derived from what belongs to it."""

    id: CollectionId
    status: CollectionStatus = CollectionStatus.NOT_PAID
    currency: str
    amount_minor: int
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    reference: str | None = None
    claims_reference: bool = False
    """No other collection may use its reference until it is canceled."""
    region_id: str | None = None
    allows_split_payment: bool = False
    account_holder_ids: tuple[HolderId, ...] = ()
    """The account holders whose saved payment methods may pay for it."""
    metadata: JsonObject = field(default_factory=dict)
    secret_version: int = 1
    secret_ends_at: Instant
    failed_attempts: int = 0
    """Failed attempts since a back end last opened a session."""
    sequence: int = 0
    """The newest event's position in this collection's own sequence: 1, 2, 3 and so on."""
    canceled_at: Instant | None = None
    completed_at: Instant | None = None
    created_at: Instant
    updated_at: Instant

    @property
    def outstanding_minor(self) -> int:
        """Return the amount that no payment covers yet, never below zero."""
        return max(0, self.amount_minor - self.authorized_minor)

    def money(self, minor: int) -> Money:
        """Return an amount in this collection's currency."""
        return Money(minor, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSession:
    """One amount to be authorized by one provider."""

    id: SessionId
    collection_id: CollectionId
    provider_id: ProviderId
    status: SessionStatus = SessionStatus.PENDING
    currency: str
    amount_minor: int
    data: JsonObject = field(default_factory=dict)
    """The caller's data for the provider; never shown."""
    client_data: JsonObject = field(default_factory=dict)
    """The provider's data for the customer's browser."""
    metadata: JsonObject = field(default_factory=dict)
    return_url: str | None = None
    account_holder_id: HolderId | None = None
    holder_reference: str | None = None
    """The provider's id of the account holder."""
    reference: str | None = None
    opening_action: CustomerAction | None = None
    opening_id: OperationId | None = None
    attempt_id: OperationId | None = None
    canceled_at: Instant | None = None
    authorized_at: Instant | None = None
    expires_at: Instant | None = None
    created_at: Instant
    updated_at: Instant
    opening_status: OperationStatus | None = None
    """Of the newest opening or change; read from the operation, not stored with the session."""
    attempt_status: OperationStatus | None = None
    """Of the newest attempt; read from the operation, not stored with the session."""

    @property
    def has_opening_action(self) -> bool:
        """Return whether the provider opened it but the browser has to act first."""
        return self.opening_action is not None

    @property
    def is_in_flight(self) -> bool:
        """Return whether an authorization was requested and has no outcome yet."""
        return self.attempt_status in WITHOUT_OUTCOME

    @property
    def is_opening(self) -> bool:
        """Return whether its opening, or a change of it, has no outcome yet."""
        return self.opening_status in WITHOUT_OUTCOME

    @property
    def is_known_to_provider(self) -> bool:
        """Return whether something is open at the provider that has to be closed there."""
        return self.reference is not None or self.attempt_status is OperationStatus.ACTION_REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An authorized amount of money."""

    id: PaymentId
    collection_id: CollectionId
    session_id: SessionId
    provider_id: ProviderId
    status: PaymentStatus = PaymentStatus.AUTHORIZED
    currency: str
    amount_minor: int
    captured_minor: int = 0
    refunded_minor: int = 0
    released_minor: int = 0
    capture_pending_minor: int = 0
    """Reserved by captures without an outcome, including what they will release."""
    refund_pending_minor: int = 0
    cancellation_id: OperationId | None = None
    """The cancellation without an outcome, if there is one."""
    capture_count: int = 0
    refund_count: int = 0
    is_mismatched: bool = False
    disputed_minor: int = 0
    """The amount that disputes took, according to the provider; disputes in another currency are not added."""
    has_refunds_blocked: bool = False
    """A dispute took money, and its provider refunds nothing of the payment meanwhile."""
    reference: str | None = None
    paid_with: PaidWith | None = None
    provider_record: JsonObject = field(default_factory=dict)
    """The provider's details, for back ends alone."""
    metadata: JsonObject = field(default_factory=dict)
    cancellation_reason: CancellationReason | None = None
    capture_before: Instant | None = None
    captured_at: Instant | None = None
    canceled_at: Instant | None = None
    created_at: Instant
    updated_at: Instant

    @property
    def is_surplus(self) -> bool:
        """Return whether it arrived late and is given back; the collection's sums leave it out."""
        return self.cancellation_reason is CancellationReason.SURPLUS

    @property
    def remainder_minor(self) -> int:
        """Return the amount that is neither captured, released nor reserved by a capture."""
        taken_minor = self.captured_minor + self.released_minor + self.capture_pending_minor
        return self.amount_minor - taken_minor

    def capturable_minor(self, now: Instant) -> int:
        """Return what can be captured now: zero while a cancellation is pending, after it expired, or on a mismatch."""
        is_expired = self.capture_before is not None and self.capture_before <= now
        is_given_up = self.cancellation_id is not None or self.cancellation_reason is not None
        is_closed = is_given_up or self.is_mismatched
        return 0 if is_expired or is_closed else max(0, self.remainder_minor)

    @property
    def refundable_minor(self) -> int:
        """Return what can be refunded now; pending refunds and disputed amounts are already subtracted."""
        if self.is_mismatched or self.is_surplus or self.has_refunds_blocked:
            return 0
        given_back_minor = self.refunded_minor + self.refund_pending_minor + self.disputed_minor
        return max(0, self.captured_minor - given_back_minor)

    def money(self, minor: int) -> Money:
        """Return an amount in this payment's currency."""
        return Money(minor, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A request to a provider: the durable intent and its known outcome."""

    id: OperationId
    kind: OperationKind
    status: OperationStatus = OperationStatus.ASKING
    collection_id: CollectionId
    session_id: SessionId
    payment_id: PaymentId | None = None
    provider_id: ProviderId
    currency: str
    amount_minor: int
    reserved_minor: int = 0
    """The amount it reserves on its payment; for a capture, including what it will release."""
    releases_rest: bool = False
    reason: CancellationReason | None = None
    """Why the amount is given back."""
    data: JsonObject = field(default_factory=dict)
    reference: str | None = None
    """The provider's id of the session's object, as it was known at the first request."""
    holder_reference: str | None = None
    method_reference: str | None = None
    """The provider's ids of the saved method that is to pay, and of its account holder if the session is for none."""
    moved_minor: int | None = None
    """The amount that the provider reports for a capture, a refund or a cancellation once it succeeded."""
    provider_key: str | None = None
    """For an operation found in the provider's records: the provider's id, or the key of the earlier request."""
    absent_times: int | None = None
    """How often the provider was read and had no such operation, after it may have forgotten its keys."""
    absent_since: Instant | None = None
    action: CustomerAction | None = None
    failure_code: FailureCode | None = None
    decline_code: str | None = None
    maximum_minor: int | None = None
    """For a surplus authorization: the amount that would have fitted when it arrived."""
    source: EventSource = EventSource.API
    created_by: str | None = None
    note: str | None = None
    refund_reason_id: RefundReasonId | None = None
    refund_reason_code: str | None = None
    """The code of the reason, which is sent to the provider."""
    metadata: JsonObject = field(default_factory=dict)
    request_id: str
    """The id of the API request that caused it."""
    asked_times: int = 0
    """Requests to the provider that began, including those of processes that died."""
    unanswered_times: int = 0
    """Requests to the provider that ended without an outcome: they decide when recovery asks next."""
    leased_by: str | None = None
    """The process that holds the lease."""
    due_at: Instant | None = None
    """When recovery may ask; while a process is asking, the end of its lease. None: never again."""
    created_at: Instant
    updated_at: Instant

    @property
    def is_without_outcome(self) -> bool:
        """Return whether the operation is in flight."""
        return self.status in WITHOUT_OUTCOME

    @property
    def counted_minor(self) -> int:
        """Return the amount that it moved according to the provider; before that, the requested amount."""
        return self.amount_minor if self.moved_minor is None else self.moved_minor

    @property
    def is_closing(self) -> bool:
        """Return whether it closes a session or gives back a surplus: it has to happen."""
        closes_session = self.kind is OperationKind.CANCEL and self.payment_id is None
        return closes_session or self.reason in (
            CancellationReason.SURPLUS,
            CancellationReason.EXPIRED,
        )

    @property
    def failure(self) -> Failure | None:
        """Return why it failed; None where it did not."""
        if self.failure_code is None:
            return None
        return Failure(
            self.failure_code,
            message_of(self.failure_code, self.decline_code),
            path_of(self.kind, self.decline_code, is_saved=self.method_reference is not None),
            maximum=None
            if self.maximum_minor is None
            else Money(self.maximum_minor, self.currency),
            decline_code=self.decline_code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundReason:
    """A reason for refunds."""

    id: RefundReasonId
    code: str
    label: str
    description: str | None = None
    deleted_at: Instant | None = None
    """When it was deleted; refunds that refer to it still show it."""
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, written in the same transaction and never changed."""

    id: EventId
    collection_id: CollectionId
    sequence: int
    type: EventType
    source: EventSource
    occurred_at: Instant
    amount_minor: int | None = None
    currency: str
    failure_code: FailureCode | None = None
    decline_code: str | None = None
    collection_status: CollectionStatus
    session_status: SessionStatus | None = None
    payment_status: PaymentStatus | None = None
    session_id: SessionId | None = None
    payment_id: PaymentId | None = None
    operation_id: OperationId | None = None
    """The operation of the capture or refund, where the event is about one."""
    evidence: str | None = None
    """The evidence for an operator's decision, such as the provider's reference."""
    dispute_id: DisputeId | None = None
    position: int = 0
    """The position in the whole log, given by the database."""

    @property
    def capture_id(self) -> OperationId | None:
        """Return the id of the capture that it is about."""
        return self._movement(CAPTURE)

    @property
    def refund_id(self) -> OperationId | None:
        """Return the id of the refund that it is about."""
        return self._movement(REFUND)

    def _movement(self, prefix: str) -> OperationId | None:
        if self.operation_id is not None and self.operation_id.startswith(prefix):
            return self.operation_id
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection with all that belongs to it, as one transaction left it."""

    collection: PaymentCollection
    sessions: tuple[PaymentSession, ...]
    """Oldest first."""
    payments: tuple[Payment, ...]
    """Oldest first."""
    operations: tuple[Operation, ...] = ()
    """Those that the transaction created or changed."""

    def session(self, id: SessionId) -> PaymentSession:
        """Return one of its sessions; raises KeyError."""
        return _by_id(self.sessions, id)

    def payment(self, id: PaymentId) -> Payment:
        """Return one of its payments; raises KeyError."""
        return _by_id(self.payments, id)

    def operation(self, id: OperationId) -> Operation:
        """Return an operation that the transaction created, changed or read; raises KeyError."""
        return _by_id(self.operations, id)

    def payment_of(self, id: SessionId) -> Payment | None:
        """Return the payment that a session made."""
        return next((payment for payment in self.payments if payment.session_id == id), None)


Thing = TypeVar("Thing", PaymentSession, Payment, Operation)


def _by_id(things: tuple[Thing, ...], id: str) -> Thing:
    for thing in things:
        if thing.id == id:
            return thing
    raise KeyError(id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A customer's objection to a payment, which their bank or the provider decides."""

    id: DisputeId
    collection_id: CollectionId
    payment_id: PaymentId
    provider_id: ProviderId
    reference: str
    """The provider's id of the dispute."""
    status: DisputeStatus
    reason: str
    """The provider's documented reason, such as fraudulent."""
    currency: str
    amount_minor: int
    takes_money: bool
    """Whether the provider holds the amount, or has given it to the customer; an inquiry takes nothing."""
    blocks_refunds: bool
    """Whether the provider refuses refunds of the payment because of it."""
    respond_before: Instant | None = None
    created_at: Instant
    updated_at: Instant
