"""The sentences for failures that are kept with an operation; never the provider's own words."""

from payments.failures import HOLDER_MISSING, METHOD_MISSING, FailureCode
from payments.statuses import OperationKind

METHOD_PATH = ("data",)
"""Where a caller names a payment method that is not saved here, in the provider's words."""

_SENTENCES = {
    FailureCode.DECLINED: "The provider or the issuer declined.",
    FailureCode.ACTION_FAILED: "The customer failed or abandoned the required action.",
    FailureCode.EXPIRED: "The authorization lapsed at the provider.",
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
    """Write one sentence for a developer."""
    if decline_code == HOLDER_MISSING:
        return (
            "The provider has no such customer: where it was deleted there, creating the account holder again makes"
            " a new one."
        )
    if decline_code == METHOD_MISSING:
        return "The provider has no such payment method."
    sentence = _SENTENCES.get(code, "This did not work out.")
    return f"{sentence[:-1]}: {decline_code}." if decline_code else sentence


def path_of(
    kind: OperationKind, decline_code: str | None, *, is_saved: bool
) -> tuple[str, ...] | None:
    """Name the field that an operation's failure is about, where it is about one."""
    if decline_code == METHOD_MISSING:
        return ("paymentMethodId",) if is_saved else METHOD_PATH
    if decline_code != HOLDER_MISSING:
        return None
    if kind is OperationKind.OPEN:
        return ("accountHolderId",)
    return ("paymentMethodId",) if is_saved else None
