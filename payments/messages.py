"""The sentences for failures that a provider brought; never the provider's own words."""

from payments.failures import FailureCode

_SENTENCES = {
    FailureCode.DECLINED: "The provider or the issuer declined.",
    FailureCode.ACTION_FAILED: "The customer failed or abandoned the required action.",
    FailureCode.EXPIRED: "The authorization lapsed at the provider.",
    FailureCode.PROVIDER_UNAVAILABLE: "The provider could not be reached and did nothing.",
    FailureCode.IN_PROGRESS: "Another request is doing this and is not through yet.",
}


def message_of(code: FailureCode, decline_code: str | None = None) -> str:
    """Write one sentence for a developer."""
    sentence = _SENTENCES.get(code, "This did not work out.")
    return f"{sentence[:-1]}: {decline_code}." if decline_code else sentence
