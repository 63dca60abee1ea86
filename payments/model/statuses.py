"""Statuses, each derived by one function from the amounts and the facts. The first line that holds decides."""

from collections.abc import Iterable
from enum import Enum
from typing import Protocol


class CollectionStatus(Enum):
    """How far a collection is paid."""

    NOT_PAID = "NOT_PAID"
    AWAITING = "AWAITING"
    PARTIALLY_AUTHORIZED = "PARTIALLY_AUTHORIZED"
    AUTHORIZED = "AUTHORIZED"
    PARTIALLY_CAPTURED = "PARTIALLY_CAPTURED"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"


class SessionStatus(Enum):
    """How far a session's amount is authorized."""

    PENDING = "PENDING"
    PENDING_AUTHORIZATION = "PENDING_AUTHORIZATION"
    REQUIRES_MORE = "REQUIRES_MORE"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    ERROR = "ERROR"
    CANCELED = "CANCELED"


class PaymentStatus(Enum):
    """The status of an authorized amount."""

    AUTHORIZED = "AUTHORIZED"
    PARTIALLY_CAPTURED = "PARTIALLY_CAPTURED"
    CAPTURED = "CAPTURED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CANCELED = "CANCELED"


class CancellationReason(Enum):
    """Why an authorization was given back."""

    REQUESTED = "REQUESTED"
    EXPIRED = "EXPIRED"
    SURPLUS = "SURPLUS"
    PROVIDER = "PROVIDER"


class OperationKind(Enum):
    """The kinds of requests to a provider."""

    OPEN = "open"
    UPDATE = "update"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    REFUND = "refund"
    CANCEL = "cancel"


class OperationStatus(Enum):
    """The known state of a request to a provider.

    ASKING → UNKNOWN, PROCESSING, ACTION_REQUIRED, SUCCEEDED, DECLINED or NOT_REACHED. UNKNOWN and PROCESSING end by
    evidence alone. NOT_REACHED goes back to ASKING when its idempotency key comes again. SUCCEEDED, DECLINED and
    REVERSED are final, with one exception: a refund that the provider undoes goes from SUCCEEDED to REVERSED.
    """

    ASKING = "ASKING"
    UNKNOWN = "UNKNOWN"
    PROCESSING = "PROCESSING"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    NOT_REACHED = "NOT_REACHED"
    REVERSED = "REVERSED"


WITHOUT_OUTCOME = frozenset(
    {OperationStatus.ASKING, OperationStatus.UNKNOWN, OperationStatus.PROCESSING}
)
"""The operation is in flight: it keeps its reservation, and recovery looks after it."""

FAILED = frozenset({OperationStatus.DECLINED, OperationStatus.NOT_REACHED})
"""The operation moved nothing."""


class EventType(Enum):
    """The kinds of events of a collection and of what belongs to it."""

    COLLECTION_CREATED = "COLLECTION_CREATED"
    COLLECTION_UPDATED = "COLLECTION_UPDATED"
    COLLECTION_CANCELED = "COLLECTION_CANCELED"
    SESSION_CREATED = "SESSION_CREATED"
    SESSION_UPDATED = "SESSION_UPDATED"
    SESSION_REQUIRES_MORE = "SESSION_REQUIRES_MORE"
    SESSION_PENDING = "SESSION_PENDING"
    SESSION_AUTHORIZED = "SESSION_AUTHORIZED"
    SESSION_FAILED = "SESSION_FAILED"
    SESSION_CANCELED = "SESSION_CANCELED"
    PAYMENT_CAPTURE_PENDING = "PAYMENT_CAPTURE_PENDING"
    PAYMENT_CAPTURED = "PAYMENT_CAPTURED"
    PAYMENT_CAPTURE_FAILED = "PAYMENT_CAPTURE_FAILED"
    PAYMENT_RELEASED = "PAYMENT_RELEASED"
    PAYMENT_REFUND_PENDING = "PAYMENT_REFUND_PENDING"
    PAYMENT_REFUNDED = "PAYMENT_REFUNDED"
    PAYMENT_REFUND_FAILED = "PAYMENT_REFUND_FAILED"
    PAYMENT_REFUND_REVERSED = "PAYMENT_REFUND_REVERSED"
    PAYMENT_CANCEL_PENDING = "PAYMENT_CANCEL_PENDING"
    PAYMENT_CANCELED = "PAYMENT_CANCELED"
    PAYMENT_CANCEL_FAILED = "PAYMENT_CANCEL_FAILED"
    PAYMENT_EXPIRED = "PAYMENT_EXPIRED"
    AUTHORIZATION_RETURNED = "AUTHORIZATION_RETURNED"
    PAYMENT_MISMATCHED = "PAYMENT_MISMATCHED"
    DISPUTE_OPENED = "DISPUTE_OPENED"
    DISPUTE_UPDATED = "DISPUTE_UPDATED"
    DISPUTE_CLOSED = "DISPUTE_CLOSED"


class DisputeStatus(Enum):
    """The state of a dispute."""

    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"
    CLOSED = "CLOSED"


DISPUTE_OVER = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED})
"""Nothing more is required of the shop."""


class EventSource(Enum):
    """The origin of an event."""

    API = "API"
    WEBHOOK = "WEBHOOK"
    RECONCILIATION = "RECONCILIATION"
    PROVIDER = "PROVIDER"
    PERSON = "PERSON"


class CollectionFacts(Protocol):
    """The facts that a collection's status is derived from."""

    @property
    def amount_minor(self) -> int: ...
    @property
    def authorized_minor(self) -> int: ...
    @property
    def captured_minor(self) -> int: ...
    @property
    def canceled_at(self) -> int | None: ...


class PaymentFacts(Protocol):
    """The facts that a payment's status is derived from."""

    @property
    def amount_minor(self) -> int: ...
    @property
    def captured_minor(self) -> int: ...
    @property
    def refunded_minor(self) -> int: ...
    @property
    def released_minor(self) -> int: ...
    @property
    def capture_pending_minor(self) -> int: ...
    @property
    def cancellation_reason(self) -> CancellationReason | None: ...


class SessionFacts(Protocol):
    """The facts that a session's status is derived from."""

    @property
    def canceled_at(self) -> int | None: ...
    @property
    def opening_status(self) -> OperationStatus | None: ...
    @property
    def attempt_status(self) -> OperationStatus | None: ...
    @property
    def has_opening_action(self) -> bool: ...


def collection_status(
    collection: CollectionFacts, sessions: Iterable[SessionStatus]
) -> CollectionStatus:
    """Derive a collection's status from its sums and its sessions' statuses."""
    if collection.canceled_at is not None:
        return CollectionStatus.CANCELED
    if collection.captured_minor >= collection.amount_minor:
        return CollectionStatus.COMPLETED
    if collection.captured_minor > 0:
        return CollectionStatus.PARTIALLY_CAPTURED
    if collection.authorized_minor >= collection.amount_minor:
        return CollectionStatus.AUTHORIZED
    if collection.authorized_minor > 0:
        return CollectionStatus.PARTIALLY_AUTHORIZED
    open_sessions = [status for status in sessions if status is not SessionStatus.CANCELED]
    if not open_sessions:
        return CollectionStatus.NOT_PAID
    if all(status is SessionStatus.ERROR for status in open_sessions):
        return CollectionStatus.FAILED
    return CollectionStatus.AWAITING


def has_nothing_left_to_capture(payment: PaymentFacts) -> bool:
    """Return whether everything is captured or given back and no capture is in flight.

    A payment authorized in another currency has the amount zero, and nothing of it is captured or given back.
    """
    return (
        payment.captured_minor + payment.released_minor >= max(1, payment.amount_minor)
        and payment.capture_pending_minor == 0
    )


def payment_status(payment: PaymentFacts) -> PaymentStatus:
    """Derive a payment's status from its amounts."""
    nothing_left = has_nothing_left_to_capture(payment)
    if payment.captured_minor == 0 and nothing_left:
        return PaymentStatus.CANCELED
    if nothing_left and payment.refunded_minor == payment.captured_minor:
        return PaymentStatus.REFUNDED
    if payment.refunded_minor > 0:
        return PaymentStatus.PARTIALLY_REFUNDED
    if nothing_left:
        return PaymentStatus.CAPTURED
    if payment.captured_minor > 0:
        return PaymentStatus.PARTIALLY_CAPTURED
    return PaymentStatus.AUTHORIZED


def session_status(session: SessionFacts, payment: PaymentFacts | None) -> SessionStatus:
    """Derive a session's status from its attempts and its payment, where it has one."""
    if session.canceled_at is not None:
        return SessionStatus.CANCELED
    if payment is not None:
        return _status_with_payment(payment)
    if session.attempt_status in WITHOUT_OUTCOME or session.opening_status in WITHOUT_OUTCOME:
        return SessionStatus.PENDING_AUTHORIZATION
    if session.attempt_status is OperationStatus.ACTION_REQUIRED:
        return SessionStatus.REQUIRES_MORE
    if session.attempt_status in FAILED:
        return SessionStatus.ERROR
    if session.has_opening_action:
        return SessionStatus.REQUIRES_MORE
    return SessionStatus.PENDING


def _status_with_payment(payment: PaymentFacts) -> SessionStatus:
    if payment.cancellation_reason is CancellationReason.SURPLUS:
        return SessionStatus.CANCELED
    if payment_status(payment) is PaymentStatus.CANCELED:
        return SessionStatus.CANCELED
    if payment.captured_minor > 0 and has_nothing_left_to_capture(payment):
        return SessionStatus.CAPTURED
    return SessionStatus.AUTHORIZED
