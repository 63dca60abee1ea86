"""The description of an expected failure that a caller receives."""

from dataclasses import dataclass
from enum import Enum

from payments.model.money import Money
from payments.model.statuses import OperationKind


class FailureCode(Enum):
    """The expected failures, named as in the API."""

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
"""The decline code of a provider that has no such customer: it may have been deleted there."""

METHOD_MISSING = "payment_method_missing"
"""The decline code of a provider that has no such payment method: its name is wrong, or it was removed there."""

RETRYABLE = frozenset({FailureCode.PROVIDER_UNAVAILABLE, FailureCode.IN_PROGRESS})
"""Only for these may the very same request succeed later."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed, with the amount that would have been possible."""

    code: FailureCode
    message: str
    path: tuple[str, ...] | None = None
    maximum: Money | None = None
    minimum: Money | None = None
    decline_code: str | None = None

    @property
    def is_retryable(self) -> bool:
        """Return whether the very same request may succeed later."""
        return self.code in RETRYABLE


METHOD_PATH = ("data",)
"""The provider's words where a caller names a payment method that is not saved here."""

_SENTENCES = {
    FailureCode.DECLINED: "The provider or the issuer declined.",
    FailureCode.ACTION_FAILED: "The customer failed or abandoned the required action.",
    FailureCode.EXPIRED: "The authorization expired at the provider.",
    FailureCode.PROVIDER_UNAVAILABLE: "The provider could not be reached and did nothing.",
    FailureCode.PROVIDER_DISABLED: (
        "The provider's account has not activated this way of paying, or not for this amount and currency."
    ),
    FailureCode.AMOUNT_TOO_LARGE: (
        "The collection was covered meanwhile; this authorization is given back."
    ),
    FailureCode.INVALID_STATE: (
        "The collection or the session was canceled meanwhile; this authorization is given back."
    ),
}


def message_of(code: FailureCode, decline_code: str | None = None) -> str:
    """Return one sentence about a failure for a developer."""
    if decline_code == HOLDER_MISSING:
        return (
            "The provider has no such customer: where it was deleted there, creating the account holder again makes"
            " a new one."
        )
    if decline_code == METHOD_MISSING:
        return "The provider has no such payment method."
    sentence = _SENTENCES.get(code, "This request failed.")
    return f"{sentence[:-1]}: {decline_code}." if decline_code else sentence


def path_of(
    kind: OperationKind, decline_code: str | None, *, is_saved: bool
) -> tuple[str, ...] | None:
    """Return the path of the field that an operation's failure is about; None where there is none."""
    if decline_code == METHOD_MISSING:
        return ("paymentMethodId",) if is_saved else METHOD_PATH
    if decline_code != HOLDER_MISSING:
        return None
    if kind is OperationKind.OPEN:
        return ("accountHolderId",)
    return ("paymentMethodId",) if is_saved else None
