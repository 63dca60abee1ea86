"""What a caller is told when something expected did not work out."""

from dataclasses import dataclass
from enum import Enum

from payments.money import Money


class FailureCode(Enum):
    """Names every expected failure, as the API does."""

    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_STATE = "INVALID_STATE"
    AMOUNT_TOO_LARGE = "AMOUNT_TOO_LARGE"
    AMOUNT_TOO_SMALL = "AMOUNT_TOO_SMALL"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    PROVIDER_DISABLED = "PROVIDER_DISABLED"
    DECLINED = "DECLINED"
    ACTION_FAILED = "ACTION_FAILED"
    EXPIRED = "EXPIRED"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IN_PROGRESS = "IN_PROGRESS"


HOLDER_MISSING = "account_holder_missing"
"""The decline code that says that a provider has no such customer: it may have been deleted there."""

METHOD_MISSING = "payment_method_missing"
"""The decline code that says that a provider has no such payment method: its name is wrong, or it was removed there."""

RETRYABLE = frozenset({FailureCode.PROVIDER_UNAVAILABLE, FailureCode.IN_PROGRESS})
"""Sending the very same request again may succeed for these, and for no other."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not work out, with the number that would have been possible."""

    code: FailureCode
    message: str
    path: tuple[str, ...] | None = None
    maximum: Money | None = None
    minimum: Money | None = None
    decline_code: str | None = None

    @property
    def is_retryable(self) -> bool:
        """Return whether the very same request may succeed when it is sent again."""
        return self.code in RETRYABLE
