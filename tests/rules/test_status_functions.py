"""The three status functions as tables: each line, and that the first line that holds decides."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import pytest

from payments.model.statuses import (
    FAILED,
    WITHOUT_OUTCOME,
    CancellationReason,
    CollectionStatus,
    OperationStatus,
    PaymentStatus,
    SessionStatus,
    collection_status,
    has_nothing_left_to_capture,
    payment_status,
    session_status,
)

pytestmark = pytest.mark.once

C, S, P, O = CollectionStatus, SessionStatus, PaymentStatus, OperationStatus  # noqa: E741 - short in tables


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection's facts."""

    amount_minor: int = 100
    authorized_minor: int = 0
    captured_minor: int = 0
    canceled_at: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session's facts."""

    canceled_at: int | None = None
    opening_status: OperationStatus | None = None
    attempt_status: OperationStatus | None = None
    has_opening_action: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment's facts."""

    amount_minor: int = 100
    captured_minor: int = 0
    refunded_minor: int = 0
    released_minor: int = 0
    capture_pending_minor: int = 0
    cancellation_reason: CancellationReason | None = None


COLLECTIONS: list[tuple[Collection, list[SessionStatus], CollectionStatus]] = [
    # CANCELED stands above every other line.
    (Collection(canceled_at=1), [], C.CANCELED),
    (Collection(captured_minor=100, authorized_minor=100, canceled_at=1), [S.CAPTURED], C.CANCELED),
    (Collection(canceled_at=1), [S.ERROR], C.CANCELED),
    # COMPLETED: captured >= amount.
    (Collection(captured_minor=100, authorized_minor=100), [S.CAPTURED], C.COMPLETED),
    (Collection(captured_minor=101, authorized_minor=101), [S.CAPTURED], C.COMPLETED),
    (Collection(captured_minor=100), [], C.COMPLETED),
    # PARTIALLY_CAPTURED stands above AUTHORIZED.
    (Collection(captured_minor=99, authorized_minor=100), [S.AUTHORIZED], C.PARTIALLY_CAPTURED),
    (Collection(captured_minor=1, authorized_minor=1), [S.ERROR], C.PARTIALLY_CAPTURED),
    # AUTHORIZED: authorized >= amount.
    (Collection(authorized_minor=100), [S.AUTHORIZED], C.AUTHORIZED),
    (Collection(authorized_minor=101), [S.AUTHORIZED], C.AUTHORIZED),
    # PARTIALLY_AUTHORIZED stands above FAILED and AWAITING.
    (Collection(authorized_minor=99), [S.AUTHORIZED, S.PENDING], C.PARTIALLY_AUTHORIZED),
    (Collection(authorized_minor=1), [S.ERROR], C.PARTIALLY_AUTHORIZED),
    # FAILED: at least one session is not canceled, and every such session is ERROR.
    (Collection(), [S.ERROR], C.FAILED),
    (Collection(), [S.ERROR, S.ERROR], C.FAILED),
    (Collection(), [S.CANCELED, S.ERROR], C.FAILED),
    # AWAITING: a session is not canceled.
    (Collection(), [S.ERROR, S.PENDING], C.AWAITING),
    (Collection(), [S.PENDING], C.AWAITING),
    (Collection(), [S.PENDING_AUTHORIZATION], C.AWAITING),
    (Collection(), [S.REQUIRES_MORE], C.AWAITING),
    (Collection(), [S.CANCELED, S.PENDING], C.AWAITING),
    # NOT_PAID: else.
    (Collection(), [], C.NOT_PAID),
    (Collection(), [S.CANCELED], C.NOT_PAID),
    (Collection(), [S.CANCELED, S.CANCELED], C.NOT_PAID),
]

SURPLUS = CancellationReason.SURPLUS

SESSIONS: list[tuple[Session, Payment | None, SessionStatus]] = [
    # CANCELED: it, or its payment, is canceled or SURPLUS.
    (Session(canceled_at=1), None, S.CANCELED),
    (Session(canceled_at=1), Payment(captured_minor=100), S.CANCELED),
    (Session(canceled_at=1, attempt_status=O.UNKNOWN), None, S.CANCELED),
    (Session(canceled_at=1, attempt_status=O.ACTION_REQUIRED), None, S.CANCELED),
    (Session(canceled_at=1, attempt_status=O.DECLINED), None, S.CANCELED),
    (Session(attempt_status=O.SUCCEEDED), Payment(released_minor=100), S.CANCELED),
    (Session(attempt_status=O.SUCCEEDED), Payment(cancellation_reason=SURPLUS), S.CANCELED),
    (Session(), Payment(captured_minor=100, cancellation_reason=SURPLUS), S.CANCELED),
    # CAPTURED: its payment has captured > 0 and nothing left to capture.
    (Session(attempt_status=O.SUCCEEDED), Payment(captured_minor=100), S.CAPTURED),
    (Session(), Payment(captured_minor=60, released_minor=40), S.CAPTURED),
    (Session(), Payment(captured_minor=100, refunded_minor=100), S.CAPTURED),
    # AUTHORIZED: it has a payment.
    (Session(attempt_status=O.SUCCEEDED), Payment(), S.AUTHORIZED),
    (Session(), Payment(captured_minor=60), S.AUTHORIZED),
    (Session(), Payment(released_minor=60), S.AUTHORIZED),
    (Session(), Payment(capture_pending_minor=100), S.AUTHORIZED),
    (Session(attempt_status=O.UNKNOWN), Payment(), S.AUTHORIZED),
    # PENDING_AUTHORIZATION: an attempt, or its opening, has no outcome.
    (Session(attempt_status=O.ASKING), None, S.PENDING_AUTHORIZATION),
    (Session(attempt_status=O.UNKNOWN), None, S.PENDING_AUTHORIZATION),
    (Session(attempt_status=O.PROCESSING), None, S.PENDING_AUTHORIZATION),
    (Session(opening_status=O.ASKING), None, S.PENDING_AUTHORIZATION),
    (Session(opening_status=O.UNKNOWN), None, S.PENDING_AUTHORIZATION),
    (Session(opening_status=O.PROCESSING), None, S.PENDING_AUTHORIZATION),
    (
        Session(opening_status=O.ASKING, attempt_status=O.DECLINED),
        None,
        S.PENDING_AUTHORIZATION,
    ),
    (Session(attempt_status=O.ASKING, has_opening_action=True), None, S.PENDING_AUTHORIZATION),
    # REQUIRES_MORE: the newest outcome is an action of the customer's.
    (Session(attempt_status=O.ACTION_REQUIRED), None, S.REQUIRES_MORE),
    (Session(opening_status=O.SUCCEEDED, has_opening_action=True), None, S.REQUIRES_MORE),
    (Session(has_opening_action=True), None, S.REQUIRES_MORE),
    # ERROR: the newest attempt failed, not reached included.
    (Session(attempt_status=O.DECLINED), None, S.ERROR),
    (Session(attempt_status=O.NOT_REACHED), None, S.ERROR),
    (Session(attempt_status=O.DECLINED, has_opening_action=True), None, S.ERROR),
    (Session(opening_status=O.SUCCEEDED, attempt_status=O.DECLINED), None, S.ERROR),
    # PENDING: else.
    (Session(), None, S.PENDING),
    (Session(opening_status=O.SUCCEEDED), None, S.PENDING),
]

PAYMENTS: list[tuple[Payment, PaymentStatus]] = [
    # CANCELED: captured = 0, released = amount, and no capture is in flight.
    (Payment(released_minor=100), P.CANCELED),
    # REFUNDED: nothing left to capture, refunded = captured.
    (Payment(captured_minor=100, refunded_minor=100), P.REFUNDED),
    (Payment(captured_minor=60, released_minor=40, refunded_minor=60), P.REFUNDED),
    # PARTIALLY_REFUNDED: refunded > 0, above CAPTURED and PARTIALLY_CAPTURED.
    (Payment(captured_minor=100, refunded_minor=99), P.PARTIALLY_REFUNDED),
    (Payment(captured_minor=60, refunded_minor=60), P.PARTIALLY_REFUNDED),
    (Payment(captured_minor=60, refunded_minor=1), P.PARTIALLY_REFUNDED),
    (
        Payment(captured_minor=60, refunded_minor=60, capture_pending_minor=40),
        P.PARTIALLY_REFUNDED,
    ),
    # CAPTURED: nothing left to capture.
    (Payment(captured_minor=100), P.CAPTURED),
    (Payment(captured_minor=1, released_minor=99), P.CAPTURED),
    # PARTIALLY_CAPTURED: captured > 0.
    (Payment(captured_minor=99), P.PARTIALLY_CAPTURED),
    (Payment(captured_minor=60, released_minor=39), P.PARTIALLY_CAPTURED),
    (Payment(captured_minor=60, capture_pending_minor=40), P.PARTIALLY_CAPTURED),
    # AUTHORIZED: else.
    (Payment(), P.AUTHORIZED),
    (Payment(capture_pending_minor=100), P.AUTHORIZED),
    (Payment(released_minor=99), P.AUTHORIZED),
    # Of nothing, where the provider authorized another currency: nothing of it is given back, captured or refunded.
    (Payment(amount_minor=0), P.AUTHORIZED),
    (Payment(amount_minor=0, captured_minor=1), P.CAPTURED),
    (Payment(amount_minor=0, released_minor=1), P.CANCELED),
]


@pytest.mark.parametrize(("collection", "sessions", "expected"), COLLECTIONS)
def test_a_collection_s_status(
    collection: Collection, sessions: Iterable[SessionStatus], expected: CollectionStatus
) -> None:
    """The first line of the collection's table that holds decides."""
    assert collection_status(collection, sessions) is expected


@pytest.mark.parametrize(("session", "payment", "expected"), SESSIONS)
def test_a_session_s_status(
    session: Session, payment: Payment | None, expected: SessionStatus
) -> None:
    """The first line of the session's table that holds decides."""
    assert session_status(session, payment) is expected


@pytest.mark.parametrize(("payment", "expected"), PAYMENTS)
def test_a_payment_s_status(payment: Payment, expected: PaymentStatus) -> None:
    """The first line of the payment's table that holds decides."""
    assert payment_status(payment) is expected


@pytest.mark.parametrize("refunded_minor", [0, 1, 60])
def test_refunds_change_no_collection_status(refunded_minor: int) -> None:
    """A session whose payment is refunded stays CAPTURED, so its collection stays COMPLETED."""
    payment = Payment(captured_minor=100, refunded_minor=refunded_minor)
    status = session_status(Session(attempt_status=O.SUCCEEDED), payment)
    collection = Collection(authorized_minor=100, captured_minor=100)
    assert (status, collection_status(collection, [status])) == (S.CAPTURED, C.COMPLETED)


@pytest.mark.parametrize(
    ("captured", "released", "pending", "expected"),
    [
        (100, 0, 0, True),
        (60, 40, 0, True),
        (0, 100, 0, True),
        (0, 0, 0, False),
        (60, 39, 0, False),
        (0, 0, 100, False),
        (60, 0, 40, False),
    ],
)
def test_nothing_left_to_capture(
    captured: int, released: int, pending: int, *, expected: bool
) -> None:
    """Nothing is left to capture when captured + released = amount and no capture is in flight."""
    payment = Payment(
        captured_minor=captured, released_minor=released, capture_pending_minor=pending
    )
    assert has_nothing_left_to_capture(payment) is expected


@pytest.mark.parametrize("reason", list(CancellationReason))
def test_only_surplus_cancels_a_session_by_its_reason(reason: CancellationReason) -> None:
    """Of the reasons SURPLUS alone cancels the session before the amount is given back."""
    payment = replace(Payment(), cancellation_reason=reason)
    is_canceled = session_status(Session(), payment) is S.CANCELED
    assert is_canceled is (reason is SURPLUS)


ATTEMPTS = {
    O.ASKING: S.PENDING_AUTHORIZATION,
    O.UNKNOWN: S.PENDING_AUTHORIZATION,
    O.PROCESSING: S.PENDING_AUTHORIZATION,
    O.ACTION_REQUIRED: S.REQUIRES_MORE,
    O.DECLINED: S.ERROR,
    O.NOT_REACHED: S.ERROR,
}
"""The status of a session without a payment, by its newest attempt's status."""

WITH_A_PAYMENT_OR_NEVER = {
    O.SUCCEEDED: "the session has a payment",
    O.REVERSED: "only a refund is reversed",
}


def test_every_operation_status_is_classified() -> None:
    """Each status of an attempt has its place in the session's table; a new one fails here."""
    assert ATTEMPTS.keys() | WITH_A_PAYMENT_OR_NEVER.keys() == set(OperationStatus)
    assert {one for one in ATTEMPTS if ATTEMPTS[one] is S.PENDING_AUTHORIZATION} == WITHOUT_OUTCOME
    assert {one for one in ATTEMPTS if ATTEMPTS[one] is S.ERROR} == FAILED


@pytest.mark.parametrize(("attempt", "expected"), ATTEMPTS.items())
def test_an_attempt_s_status(attempt: OperationStatus, expected: SessionStatus) -> None:
    """The newest attempt's status decides over a session without a payment."""
    assert session_status(Session(attempt_status=attempt), None) is expected


@pytest.mark.parametrize(
    ("members", "reached"),
    [
        (CollectionStatus, {row[2] for row in COLLECTIONS}),
        (SessionStatus, {row[2] for row in SESSIONS}),
        (PaymentStatus, {row[1] for row in PAYMENTS}),
    ],
)
def test_every_status_has_a_line(members: type[Enum], reached: set[Enum]) -> None:
    """Every member of a status enum is reached by a row of its table; a new one fails here."""
    assert set(members) == reached


@pytest.mark.parametrize("status", list(SessionStatus))
def test_every_session_status_counts_in_the_collection(status: SessionStatus) -> None:
    """A collection with nothing authorized is NOT_PAID, FAILED or AWAITING by each session status."""
    expected = {S.CANCELED: C.NOT_PAID, S.ERROR: C.FAILED}.get(status, C.AWAITING)
    assert collection_status(Collection(), [status]) is expected
