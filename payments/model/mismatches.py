"""The differences of a mismatched payment between what its provider did and what was requested.

Such a payment breaks no invariant: what is stored is what its provider reports. Nothing can be captured or refunded
until an operator has looked at it, so `check` lists it next to what is broken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from payments.model.entities import Operation, Payment
from payments.model.ids import PaymentId
from payments.model.money import Money
from payments.model.statuses import OperationKind, OperationStatus

DECLINED_HERE = "its provider did what is declined here"
"""An operation that is declined here and happened at its provider enters no sum; the log names it."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A mismatched payment, with each of its differences."""

    payment_id: PaymentId
    differs: Sequence[str]

    def __str__(self) -> str:
        return f"mismatched payment {self.payment_id}: {'; '.join(self.differs)}"


def amount_differs(operation: Operation, found: Money) -> str:
    """Return the sentence that an operation moved another amount than was requested."""
    requested = Money(operation.amount_minor, operation.currency)
    return (
        f"{operation.kind.value} {operation.id} is {found} {found.currency},"
        f" not {requested} {requested.currency}"
    )


def outcome_differs(operation: Operation, found: Money) -> str:
    """Return the sentence that an operation recorded here as declined happened at its provider."""
    return f"{operation.kind.value} {operation.id} is {found} {found.currency}, not declined"


def limits_passed(payment: Payment) -> Iterator[str]:
    """Return a sentence for each limit that a payment's sums exceed, which only external operations can cause."""
    taken = payment.money(payment.amount_minor - payment.remainder_minor)
    if payment.remainder_minor < 0:
        authorized = payment.money(payment.amount_minor)
        yield f"captured and released is {taken} {taken.currency}, not at most {authorized}"
    refunded = payment.money(payment.refunded_minor + payment.refund_pending_minor)
    if refunded.minor > payment.captured_minor:
        captured = payment.money(payment.captured_minor)
        yield f"refunded is {refunded} {refunded.currency}, not at most {captured}"


def mismatch_of(payment: Payment, operations: Sequence[Operation]) -> Mismatch:
    """Return the differences of a mismatched payment, by its operations that have ended."""
    differs = [
        amount_differs(operation, payment.money(_found_minor(payment, operation)))
        for operation in operations
        if operation.status is OperationStatus.SUCCEEDED
        and _found_minor(payment, operation) != operation.amount_minor
    ]
    return Mismatch(payment.id, [*differs, *limits_passed(payment)] or [_declined(operations)])


def _declined(operations: Sequence[Operation]) -> str:
    declined = [
        f"{operation.kind.value} {operation.id}"
        for operation in operations
        if operation.status is OperationStatus.DECLINED and operation.payment_id is not None
    ]
    return f"{DECLINED_HERE}: {' or '.join(declined)}" if declined else DECLINED_HERE


def _found_minor(payment: Payment, operation: Operation) -> int:
    is_authorization = operation.kind is OperationKind.AUTHORIZE
    return payment.amount_minor if is_authorization else operation.counted_minor
