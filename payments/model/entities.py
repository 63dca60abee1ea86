"""The durable things of the flow, as frozen values. The store keeps a row for each."""

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
    """Everything about paying for one resource. Sums and status are derived from what hangs off it."""

    id: CollectionId
    status: CollectionStatus = CollectionStatus.NOT_PAID
    currency: str
    amount_minor: int
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    reference: str | None = None
    claims_reference: bool = False
    """No other collection may have its reference until it is canceled."""
    region_id: str | None = None
    allows_split_payment: bool = False
    account_holder_ids: tuple[HolderId, ...] = ()
    """Whose saved methods may pay for it."""
    metadata: JsonObject = field(default_factory=dict)
    secret_version: int = 1
    secret_ends_at: Instant
    failed_attempts: int = 0
    """Attempts that failed since a back end opened a session last."""
    sequence: int = 0
    """The newest event's place in this collection's own sequence: 1, 2, 3 and so on."""
    canceled_at: Instant | None = None
    completed_at: Instant | None = None
    created_at: Instant
    updated_at: Instant

    @property
    def outstanding_minor(self) -> int:
        """Return what no payment covers yet, never below zero."""
        return max(0, self.amount_minor - self.authorized_minor)

    def money(self, minor: int) -> Money:
        """Put an amount into this collection's currency."""
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
    """What the caller gave for the provider; not shown."""
    client_data: JsonObject = field(default_factory=dict)
    """What the provider gave the customer's browser."""
    metadata: JsonObject = field(default_factory=dict)
    return_url: str | None = None
    account_holder_id: HolderId | None = None
    holder_reference: str | None = None
    """The provider's own name of the account holder."""
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
    """Of the newest opening or change; read from the operation and not kept with the session."""
    attempt_status: OperationStatus | None = None
    """Of the newest attempt; read from the operation and not kept with the session."""

    @property
    def has_opening_action(self) -> bool:
        """Return whether the provider opened it for the browser to act first."""
        return self.opening_action is not None

    @property
    def is_in_flight(self) -> bool:
        """Return whether an authorization was asked for and has no outcome."""
        return self.attempt_status in WITHOUT_OUTCOME

    @property
    def is_opening(self) -> bool:
        """Return whether its opening, or a change of it, has no outcome."""
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
    """Reserved by captures without outcome, what they will release included."""
    refund_pending_minor: int = 0
    cancellation_id: OperationId | None = None
    """The cancellation that has no outcome yet."""
    capture_count: int = 0
    refund_count: int = 0
    is_mismatched: bool = False
    disputed_minor: int = 0
    """What disputes have taken of it, by what its provider says; those in another currency are not summed up."""
    has_refunds_blocked: bool = False
    """A dispute has taken money, and its provider refunds nothing of the payment meanwhile."""
    reference: str | None = None
    paid_with: PaidWith | None = None
    provider_record: JsonObject = field(default_factory=dict)
    """What the provider says of it, for back ends alone."""
    metadata: JsonObject = field(default_factory=dict)
    cancellation_reason: CancellationReason | None = None
    capture_before: Instant | None = None
    captured_at: Instant | None = None
    canceled_at: Instant | None = None
    created_at: Instant
    updated_at: Instant

    @property
    def is_surplus(self) -> bool:
        """Return whether it arrived late and is given back; it counts in none of the collection's sums."""
        return self.cancellation_reason is CancellationReason.SURPLUS

    @property
    def remainder_minor(self) -> int:
        """Return what is neither captured, released nor reserved by a capture."""
        taken_minor = self.captured_minor + self.released_minor + self.capture_pending_minor
        return self.amount_minor - taken_minor

    def capturable_minor(self, now: Instant) -> int:
        """Return what can be captured now: zero while a cancellation is pending, after its time, or on a mismatch."""
        has_lapsed = self.capture_before is not None and self.capture_before <= now
        is_given_up = self.cancellation_id is not None or self.cancellation_reason is not None
        is_closed = is_given_up or self.is_mismatched
        return 0 if has_lapsed or is_closed else max(0, self.remainder_minor)

    @property
    def refundable_minor(self) -> int:
        """Return what can be refunded now; refunds in flight and what disputes have taken are already taken off."""
        if self.is_mismatched or self.is_surplus or self.has_refunds_blocked:
            return 0
        given_back_minor = self.refunded_minor + self.refund_pending_minor + self.disputed_minor
        return max(0, self.captured_minor - given_back_minor)

    def money(self, minor: int) -> Money:
        """Put an amount into this payment's currency."""
        return Money(minor, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something asked of a provider: the durable intent, and what is known of its outcome."""

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
    """What it holds on its payment: the amount, and for a capture what it will release."""
    releases_rest: bool = False
    reason: CancellationReason | None = None
    """Why something is given back."""
    data: JsonObject = field(default_factory=dict)
    reference: str | None = None
    """The provider's own name of the session's object, as it was known when this was first asked."""
    holder_reference: str | None = None
    method_reference: str | None = None
    """The provider's own names of the saved method that is to pay, and of its holder where the session is for none."""
    moved_minor: int | None = None
    """What the provider says that a capture, a refund or a cancellation moved, once it succeeded."""
    provider_key: str | None = None
    """Of what the provider's books brought: its own name of it, or the key that it was asked with before."""
    absent_times: int | None = None
    """How often its provider was read and had no such thing, once it may have forgotten its keys."""
    absent_since: Instant | None = None
    action: CustomerAction | None = None
    failure_code: FailureCode | None = None
    decline_code: str | None = None
    maximum_minor: int | None = None
    """Of a surplus authorization: what would have fitted when it arrived."""
    source: EventSource = EventSource.API
    created_by: str | None = None
    note: str | None = None
    refund_reason_id: RefundReasonId | None = None
    refund_reason_code: str | None = None
    """Of the reason; the provider is told."""
    metadata: JsonObject = field(default_factory=dict)
    request_id: str
    """Of the request that asked for it."""
    asked_times: int = 0
    """Asks that began, those of processes that died included."""
    unanswered_times: int = 0
    """Asks that ended without an outcome: they decide when recovery asks next."""
    leased_by: str | None = None
    """The process that is asking."""
    due_at: Instant | None = None
    """From when on recovery may ask; while somebody is asking, the end of the lease. None: not any more."""
    created_at: Instant
    updated_at: Instant

    @property
    def is_without_outcome(self) -> bool:
        """Return whether it is in flight."""
        return self.status in WITHOUT_OUTCOME

    @property
    def counted_minor(self) -> int:
        """Return what it moved by the provider's word; before that, what was requested."""
        return self.amount_minor if self.moved_minor is None else self.moved_minor

    @property
    def is_closing(self) -> bool:
        """Return whether it closes a session, or gives back what nobody keeps: it has to happen."""
        closes_session = self.kind is OperationKind.CANCEL and self.payment_id is None
        return closes_session or self.reason in (
            CancellationReason.SURPLUS,
            CancellationReason.EXPIRED,
        )

    @property
    def failure(self) -> Failure | None:
        """Say why it failed, where it did."""
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
    """Why something is refunded."""

    id: RefundReasonId
    code: str
    label: str
    description: str | None = None
    deleted_at: Instant | None = None
    """Off the list since then; refunds that bear it still show it."""
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, written in the transaction that made it happen, never changed."""

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
    """The capture's or the refund's, where the event is about one."""
    evidence: str | None = None
    """What a person's word rests on, such as the provider's reference."""
    dispute_id: DisputeId | None = None
    position: int = 0
    """Its place in the whole log, given by the database."""

    @property
    def capture_id(self) -> OperationId | None:
        """Name the capture that it is about."""
        return self._movement(CAPTURE)

    @property
    def refund_id(self) -> OperationId | None:
        """Name the refund that it is about."""
        return self._movement(REFUND)

    def _movement(self, prefix: str) -> OperationId | None:
        if self.operation_id is not None and self.operation_id.startswith(prefix):
            return self.operation_id
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection with all that hangs off it, as one transaction left it."""

    collection: PaymentCollection
    sessions: tuple[PaymentSession, ...]
    """Oldest first."""
    payments: tuple[Payment, ...]
    """Oldest first."""
    operations: tuple[Operation, ...] = ()
    """Those that the transaction made or changed."""

    def session(self, id: SessionId) -> PaymentSession:
        """Find one of its sessions; raises KeyError."""
        return _by_id(self.sessions, id)

    def payment(self, id: PaymentId) -> Payment:
        """Find one of its payments; raises KeyError."""
        return _by_id(self.payments, id)

    def operation(self, id: OperationId) -> Operation:
        """Find one of the operations that the transaction made, changed or read; raises KeyError."""
        return _by_id(self.operations, id)

    def payment_of(self, id: SessionId) -> Payment | None:
        """Find the payment that a session made."""
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
    """The provider's own name of it."""
    status: DisputeStatus
    reason: str
    """The provider's documented word, such as fraudulent."""
    currency: str
    amount_minor: int
    takes_money: bool
    """The provider holds its amount, or has given it to the customer; a mere inquiry takes nothing."""
    blocks_refunds: bool
    """The provider refunds nothing of the payment because of it."""
    respond_before: Instant | None = None
    created_at: Instant
    updated_at: Instant
