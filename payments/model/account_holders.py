"""Customers and saved payment methods as providers know them: requests and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.model.failures import FailureCode
from payments.model.ids import HolderId, MethodId, ProviderId, SetupId
from payments.model.instants import Instant
from payments.model.outcomes import (
    ActionRequired,
    Declined,
    JsonObject,
    JsonValue,
    NotReached,
    PaidWith,
    Processing,
    Unknown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHolder:
    """A customer at one provider; each customer has at most one for each provider."""

    id: HolderId
    provider_id: ProviderId
    customer_reference: str
    reference: str | None = None
    """The provider's id of the customer; None until it is known to exist there."""
    email: str | None = None
    name: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A payment method that a provider keeps for a customer."""

    id: MethodId
    holder_id: HolderId
    provider_id: ProviderId
    reference: str
    """The provider's id of the payment method."""
    details: PaidWith
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSetup:
    """The saving of a payment method: the durable intent and its known outcome."""

    id: SetupId
    """Also the provider's idempotency key."""
    holder_id: HolderId
    data: JsonObject = field(default_factory=dict)
    reference: str | None = None
    """The provider's id of the saving; None until the provider was reached."""
    method_id: MethodId | None = None
    """The saved payment method."""
    failure_code: FailureCode | None = None
    decline_code: str | None = None
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class HolderAsk:
    """A request to create or update a customer at a provider; the same key never creates a second one."""

    key: HolderId
    customer_reference: str
    email: str | None
    name: str | None
    is_key_forgotten: bool = False
    """The provider may have forgotten the key: look for an existing customer first."""
    replaces: str | None = None
    """The provider's id of the customer that was deleted there and is being replaced."""


@dataclass(frozen=True, slots=True)
class SavingAsk:
    """A request to keep a payment method at a provider; the same key always repeats the same request."""

    key: SetupId
    holder_reference: str
    data: Mapping[str, JsonValue]
    reference: str | None = None
    """The provider's id of the saving, from an earlier outcome."""


@dataclass(frozen=True, slots=True)
class HolderMade:
    """The answer that the provider knows the customer."""

    reference: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer that the provider made the change or deletion, or no longer had such an object."""


@dataclass(frozen=True, slots=True)
class MethodSaved:
    """The answer that the provider keeps a payment method."""

    reference: str
    details: PaidWith


@dataclass(frozen=True, slots=True)
class SavingFound:
    """The state of a saving according to its provider's records."""

    key: SetupId
    """The provider's idempotency key, which is our own id."""
    holder_reference: str
    """The provider's id of the customer it is for."""
    outcome: "SavingOutcome"


HolderOutcome = HolderMade | Declined | NotReached | Unknown
ChangeOutcome = Changed | Declined | NotReached | Unknown
SavingOutcome = MethodSaved | ActionRequired | Processing | Declined | NotReached | Unknown
