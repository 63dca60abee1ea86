"""The exceptions that are raised on purpose, split by what the caller does next.

TillgraphError
├── Refused                  nothing was changed and nothing was sent: change the request
│   ├── NotFound             no such object for this caller
│   ├── InvalidInput         a field is at fault; `path` names it
│   ├── InvalidState         the object's status does not allow this
│   ├── Expired              the time for this is over
│   ├── AmountTooLarge       `maximum` says how much could be
│   ├── AmountTooSmall       `minimum` says from where on
│   ├── CurrencyMismatch     not the collection's currency
│   ├── ProviderDisabled     not enabled, not for this currency, or not for this caller
│   ├── KeyReused            the idempotency key belongs to another request
│   ├── InProgress           another request is doing this: send it again later
│   ├── ProviderDeclined     the provider refused to open, change or keep something
│   ├── ActionFailed         the customer failed or abandoned what they had to do
│   └── ProviderUnavailable  the provider was not reached to open, change or keep something
├── Denied                   the caller is not allowed to: present a credential, or another one
│   ├── Unauthenticated
│   └── Forbidden
├── InvalidCursor            the cursor does not belong to this list: start without it
├── StreamBehind             the subscriber did not keep up: resume after `cursor`
└── StoreFailed              the database did not do it
    ├── StoreBusy            it did not answer in time: send the request again
    └── StoreUnavailable     it takes no writes: send it again once an operator has repaired it

What a provider answers (it happened, it was declined, it did not happen, unknown) is a value and not an
exception: see `payments/model/outcomes.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from payments.model.entities import Snapshot
from payments.model.failures import Failure, FailureCode
from payments.model.money import Money


class TillgraphError(Exception):
    """The root of every exception that is raised on purpose."""


class Refused(TillgraphError):
    """An error: nothing was changed and nothing was sent."""

    code: ClassVar[FailureCode]

    def __init__(
        self,
        message: str,
        *,
        path: tuple[str, ...] | None = None,
        maximum: Money | None = None,
        minimum: Money | None = None,
        decline_code: str | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(self.code, message, path, maximum, minimum, decline_code)
        self.snapshot = snapshot
        """The collection that it is about, as the flow read it; None where it was not read, or no answer shows it."""


@contextmanager
def about(snapshot: Snapshot) -> Iterator[None]:
    """Attach a collection to every refusal raised inside."""
    try:
        yield
    except Refused as refusal:
        refusal.snapshot = snapshot
        raise


class NotFound(Refused):
    """An error: the object does not exist for this caller."""

    code = FailureCode.NOT_FOUND


class InvalidInput(Refused):
    """An error: a field is invalid; it names the field and what would be valid."""

    code = FailureCode.INVALID_INPUT


class InvalidState(Refused):
    """An error: the object's status does not allow this."""

    code = FailureCode.INVALID_STATE


class Expired(Refused):
    """An error: it is too late for this."""

    code = FailureCode.EXPIRED


class AmountTooLarge(Refused):
    """An error: the amount is larger than what is left."""

    code = FailureCode.AMOUNT_TOO_LARGE


class AmountTooSmall(Refused):
    """An error: the amount is smaller than what is already committed."""

    code = FailureCode.AMOUNT_TOO_SMALL


class CurrencyMismatch(Refused):
    """An error: the collection has another currency."""

    code = FailureCode.CURRENCY_MISMATCH


class ProviderDisabled(Refused):
    """An error: the provider can't be used for this session."""

    code = FailureCode.PROVIDER_DISABLED


class KeyReused(Refused):
    """An error: the idempotency key belongs to another request."""

    code = FailureCode.IDEMPOTENCY_KEY_REUSED


class InProgress(Refused):
    """An error: another request is doing this and has not finished."""

    code = FailureCode.IN_PROGRESS


class ProviderDeclined(Refused):
    """An error: the provider refused to open, change or keep something."""

    code = FailureCode.DECLINED


class ActionFailed(Refused):
    """An error: the customer failed or abandoned what they had to do."""

    code = FailureCode.ACTION_FAILED


class ProviderUnavailable(Refused):
    """An error: the provider was not reached and did nothing."""

    code = FailureCode.PROVIDER_UNAVAILABLE


class Denied(TillgraphError):
    """An error: the caller is not allowed to do this."""


class Unauthenticated(Denied):
    """An error: no credential, or a wrong one, came with the request."""


class Forbidden(Denied):
    """An error: the credential is valid but does not permit this."""


class InvalidCursor(TillgraphError):
    """An error: a cursor does not belong to this list or stream."""


class StreamBehind(TillgraphError):
    """An error: a subscriber did not keep up; it carries the cursor to resume from."""

    def __init__(self, cursor: str | None) -> None:
        super().__init__("This stream fell behind and has ended; resume it after its last cursor.")
        self.cursor = cursor


class StoreFailed(TillgraphError):
    """An error: the database failed. If a commit was under way, sending the same request again shows the result."""


class StoreUnavailable(StoreFailed):
    """An error: the database can't be written or read until an operator has repaired it."""


class StoreBusy(StoreFailed):
    """An error: the database did not answer in time, and nothing was sent."""
