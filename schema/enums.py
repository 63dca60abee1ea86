"""The domain's enums as GraphQL enums."""

from enum import Enum

import strawberry

from payments.model.commands import SettledOutcome
from payments.model.failures import FailureCode
from payments.model.statuses import (
    CancellationReason,
    DisputeStatus,
    EventSource,
    OperationStatus,
    PaymentStatus,
)
from payments.model.statuses import CollectionStatus as PaymentCollectionStatus
from payments.model.statuses import EventType as PaymentEventType
from payments.model.statuses import SessionStatus as PaymentSessionStatus
from webhooks.model import DeliveryFailure as WebhookFailure
from webhooks.model import DeliveryStatus as WebhookDeliveryStatus

__all__ = [
    "MOVEMENT_STATUSES",
    "CancellationReason",
    "DisputeStatus",
    "EventSource",
    "FailureCode",
    "MovementStatus",
    "PaymentCollectionStatus",
    "PaymentEventType",
    "PaymentSessionStatus",
    "PaymentStatus",
    "SettledOutcome",
    "SortOrder",
    "WebhookDeliveryStatus",
    "WebhookFailure",
]


def _show(kind: type[Enum], name: str, descriptions: dict[str, str] | None = None) -> None:
    """Return an enum of the domain as one of the API's, under the contract's name."""
    strawberry.enum(kind, name=name)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]  # just set
        value.description = (descriptions or {}).get(value.name)


class MovementStatus(Enum):
    """The state of a capture or a refund."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REVERSED = "REVERSED"


class SortOrder(Enum):
    """The end of a list that comes first."""

    OLDEST_FIRST = "OLDEST_FIRST"
    NEWEST_FIRST = "NEWEST_FIRST"


_show(
    DisputeStatus,
    "DisputeStatus",
    {
        "NEEDS_RESPONSE": "The shop may give evidence, in the provider's dashboard.",
        "CLOSED": "Over without a decision about money, such as an inquiry.",
    },
)
_show(
    FailureCode,
    "FailureCode",
    {
        "INVALID_STATE": "The object's status does not allow this.",
        "AMOUNT_TOO_LARGE": (
            "More than can still be authorized, captured or refunded; maximumAmount says how much could be."
        ),
        "AMOUNT_TOO_SMALL": (
            "Below what is authorized already, or below what the provider takes; minimumAmount says from where on."
        ),
        "PROVIDER_DISABLED": "Not enabled, not for this currency, or not for this caller.",
        "DECLINED": "The provider or the issuer said no.",
        "ACTION_FAILED": "The customer failed or abandoned the required action.",
        "PROVIDER_UNAVAILABLE": "The provider could not be reached and did nothing.",
        "IDEMPOTENCY_KEY_REUSED": "The same idempotency key came with another mutation or input.",
        "IN_PROGRESS": "Another request is doing this and is not through yet.",
    },
)

_show(PaymentCollectionStatus, "PaymentCollectionStatus")

_show(
    PaymentSessionStatus,
    "PaymentSessionStatus",
    {
        "PENDING": "Open; nothing is under way.",
        "PENDING_AUTHORIZATION": "The provider is at it, or its answer is not known yet.",
        "REQUIRES_MORE": "The customer has to do something first.",
        "ERROR": "The newest attempt failed; it may be authorized again.",
    },
)

_show(PaymentStatus, "PaymentStatus")

_show(
    CancellationReason,
    "CancellationReason",
    {
        "EXPIRED": "The provider let the authorization lapse.",
        "SURPLUS": (
            "It arrived when the collection was paid or canceled already, or for more than was outstanding,"
            " and is given back at once. Set as soon as that is decided."
        ),
        "PROVIDER": "The provider or the issuer took it back.",
    },
)

_show(
    PaymentEventType,
    "PaymentEventType",
    {
        "PAYMENT_RELEASED": "Part of an authorization was given back uncaptured.",
        "AUTHORIZATION_RETURNED": (
            "An authorization beyond the collection's amount arrived late and is given back."
        ),
        "PAYMENT_MISMATCHED": (
            "The provider's amount or currency is not what was asked; no further movement until a person has looked."
        ),
    },
)

_show(
    EventSource,
    "EventSource",
    {
        "WEBHOOK": "A report of the provider on something asked here.",
        "PROVIDER": "Begun at the provider, not here.",
        "PERSON": "A person settled it by hand, with evidence.",
    },
)


_show(
    MovementStatus,
    "MovementStatus",
    {
        "PENDING": "Asked of the provider, outcome not known yet; the amount is reserved.",
        "FAILED": "Counts in no sum.",
        "REVERSED": ("A refund that the provider undid after it had succeeded; counts in no sum."),
    },
)

MOVEMENT_STATUSES = {
    OperationStatus.ASKING: MovementStatus.PENDING,
    OperationStatus.UNKNOWN: MovementStatus.PENDING,
    OperationStatus.PROCESSING: MovementStatus.PENDING,
    OperationStatus.SUCCEEDED: MovementStatus.SUCCEEDED,
    OperationStatus.DECLINED: MovementStatus.FAILED,
    OperationStatus.NOT_REACHED: MovementStatus.FAILED,
    OperationStatus.REVERSED: MovementStatus.REVERSED,
}
"""ACTION_REQUIRED belongs to attempts alone and has no movement."""


_show(SettledOutcome, "SettledOutcome")

_show(SortOrder, "SortOrder")

_show(
    WebhookDeliveryStatus,
    "WebhookDeliveryStatus",
    {
        "PENDING": "On its way, or waiting for its next attempt.",
        "DELIVERED": "Answered with a status 2xx.",
        "FAILED": "Given up after three days; redeliverWebhook and recoverWebhookEndpoint send it again.",
    },
)
_show(
    WebhookFailure,
    "WebhookFailure",
    {
        "STATUS": "Answered with another status than 2xx; a redirect is not followed.",
        "TIMEOUT": "No answer within 15 seconds.",
        "CONNECTION": "The connection was refused, or ended before there was an answer.",
        "TLS": "The certificate is not one to be trusted, or there is no common cipher.",
        "PRIVATE_ADDRESS": "The address leads into a private network.",
        "RESPONSE_BROKEN": "The answer is not one of HTTP.",
    },
)
