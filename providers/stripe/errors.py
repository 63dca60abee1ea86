"""The meaning of errors of Stripe's SDK for a request: declined, did not happen, or unknown."""

from enum import Enum, auto

import aiohttp
import stripe
import structlog

from payments.model.failures import HOLDER_MISSING, METHOD_MISSING, FailureCode
from payments.model.outcomes import Declined, NotReached, Unknown
from providers.stripe.codes import (
    ACTION_FAILED_CODES,
    ACTION_FAILED_DECLINES,
    CONFIGURATION_CODES,
    EXPIRED_CODES,
    EXPIRED_DECLINES,
    MISSING,
    NOT_DONE_CODES,
)

log = structlog.get_logger("stripe")


class Meaning(Enum):
    """The possible outcomes of an error."""

    DECLINED = auto()
    """Stripe or the issuer refused, and would refuse again."""
    NOT_DONE = auto()
    """Stripe did nothing, and may do it when requested again."""
    MISCONFIGURED = auto()
    """Stripe did nothing, because the key is wrong or belongs to another account or mode: an operator has to act."""
    UNKNOWN = auto()
    """It may have been done."""


class ListTooLong(stripe.APIError):
    """An error: a list has more pages than are read, so that a missing object proves nothing."""


MEANINGS: dict[type[stripe.StripeError], Meaning] = {
    stripe.CardError: Meaning.DECLINED,
    stripe.InvalidRequestError: Meaning.DECLINED,
    # Another request was sent with this key before, and may have happened.
    stripe.IdempotencyError: Meaning.UNKNOWN,
    stripe.AuthenticationError: Meaning.MISCONFIGURED,
    stripe.PermissionError: Meaning.MISCONFIGURED,
    stripe.RateLimitError: Meaning.NOT_DONE,
    # A 5xx, a page of HTML, a garbled answer.
    stripe.APIError: Meaning.UNKNOWN,
    ListTooLong: Meaning.UNKNOWN,
    # Distinguished by its cause: see `outcome_of`.
    stripe.APIConnectionError: Meaning.UNKNOWN,
    # Never an answer to the requests made here.
    stripe.SignatureVerificationError: Meaning.UNKNOWN,
    # The second version of Stripe's API has these; the first, which is used here, does not.
    stripe.AlreadyCanceledError: Meaning.DECLINED,
    stripe.BlockedByStripeError: Meaning.DECLINED,
    stripe.CannotProceedError: Meaning.DECLINED,
    stripe.CapabilityNotEnabledError: Meaning.DECLINED,
    stripe.ControlledByAlternateResourceError: Meaning.DECLINED,
    stripe.FeatureNotEnabledError: Meaning.DECLINED,
    stripe.FinancialAccountNotOpenError: Meaning.DECLINED,
    stripe.FxQuoteNeedsRefreshError: Meaning.DECLINED,
    stripe.InsufficientFundsError: Meaning.DECLINED,
    stripe.InvalidPaymentMethodError: Meaning.DECLINED,
    stripe.InvalidPayoutMethodError: Meaning.DECLINED,
    stripe.InvalidVaultedCredentialError: Meaning.DECLINED,
    stripe.NotCancelableError: Meaning.DECLINED,
    stripe.QuotaExceededError: Meaning.NOT_DONE,
    stripe.RecipientNotNotifiableError: Meaning.DECLINED,
    stripe.TemporarySessionExpiredError: Meaning.DECLINED,
    stripe.VerificationAttemptFailedError: Meaning.DECLINED,
    stripe.VerificationExpiredError: Meaning.DECLINED,
    stripe.VerificationNotInitiatedError: Meaning.DECLINED,
}
"""Every class of stripe-python 16.1, and the one that is made here; a test compares this with the SDK."""

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    ConnectionRefusedError,
)
"""Failures before the first byte: Stripe knows nothing of the request."""

CALLERS = frozenset({"payment_method", "customer"})
"""Parameters for a caller's object; any other missing object was created by this server."""

NOT_FOUND = 404

IN_USE = 409
"""Another request is using the same object or key now, and this one was not accepted."""


def meaning_of(error: stripe.StripeError) -> Meaning:
    """Return what an error means for the request."""
    if isinstance(error, stripe.APIConnectionError):
        is_unsent = isinstance(error.__cause__, NOT_SENT)
        return Meaning.NOT_DONE if is_unsent else Meaning.UNKNOWN
    if error.http_status == IN_USE or error.code in NOT_DONE_CODES:
        return Meaning.NOT_DONE
    if error.code in CONFIGURATION_CODES or _is_ours_missing(error):
        return Meaning.MISCONFIGURED
    return MEANINGS.get(type(error), Meaning.UNKNOWN)


def outcome_of(error: stripe.StripeError) -> Declined | NotReached | Unknown:
    """Return the outcome of an error; its text is Stripe's own and is not passed on."""
    match meaning_of(error):
        case Meaning.DECLINED if is_missing(error) and getattr(error, "param", None) == "customer":
            return Declined(HOLDER_MISSING)
        case Meaning.DECLINED if (
            is_missing(error) and getattr(error, "param", None) == "payment_method"
        ):
            return Declined(METHOD_MISSING)
        case Meaning.DECLINED:
            return declined(error.code, _decline_code(error))
        case Meaning.NOT_DONE | Meaning.MISCONFIGURED:
            return NotReached()
        case Meaning.UNKNOWN:
            return Unknown()


def is_missing(error: stripe.StripeError) -> bool:
    """Return whether Stripe has no such object; it answers the same for another account or mode."""
    return error.code == MISSING or error.http_status == NOT_FOUND


def _is_ours_missing(error: stripe.StripeError) -> bool:
    return is_missing(error) and getattr(error, "param", None) not in CALLERS


def declined(code: object, decline_code: object) -> Declined:
    """Return the decline that Stripe's codes stand for."""
    word = next((one for one in (decline_code, code) if isinstance(one, str) and one), None)
    if code in ACTION_FAILED_CODES or decline_code in ACTION_FAILED_DECLINES:
        return Declined(word, FailureCode.ACTION_FAILED)
    if code in EXPIRED_CODES or decline_code in EXPIRED_DECLINES:
        return Declined(word, FailureCode.EXPIRED)
    return Declined(word)


def _decline_code(error: stripe.StripeError) -> object:
    return getattr(error.error, "decline_code", None)


def log_error(event: str, error: stripe.StripeError, **about: str) -> None:
    """Log an error of Stripe's, with what it was about and Stripe's own request id."""
    log.warning(
        event,
        **about,
        error=type(error).__name__,
        code=error.code,
        status=error.http_status,
        stripe_request=error.request_id,
    )
