"""Customers as their providers know them, and the payment methods that are kept there: what is asked and answered."""

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
    """A customer at one provider. There is one for each customer and provider."""

    id: HolderId
    provider_id: ProviderId
    customer_reference: str
    reference: str | None = None
    """The provider's own name of them; None as long as it is not known to be there."""
    email: str | None = None
    name: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A way of paying that a provider keeps for a customer."""

    id: MethodId
    holder_id: HolderId
    provider_id: ProviderId
    reference: str
    """The provider's own name of it."""
    details: PaidWith
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSetup:
    """The saving of a payment method: the durable intent, and what is known of its outcome."""

    id: SetupId
    """The provider's idempotency key as well."""
    holder_id: HolderId
    data: JsonObject = field(default_factory=dict)
    reference: str | None = None
    """The provider's own name of it, once it was reached."""
    method_id: MethodId | None = None
    """What was saved."""
    failure_code: FailureCode | None = None
    decline_code: str | None = None
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class HolderAsk:
    """A customer that a provider is to know of; the same key never makes a second one."""

    key: HolderId
    customer_reference: str
    email: str | None
    name: str | None
    is_key_forgotten: bool = False
    """The provider may have forgotten the key by now: it has to be looked for first."""
    replaces: str | None = None
    """The provider's own name of the one that is gone there, in whose place another one is made."""


@dataclass(frozen=True, slots=True)
class SavingAsk:
    """A payment method that a provider is to keep; the same key always asks for the same."""

    key: SetupId
    holder_reference: str
    data: Mapping[str, JsonValue]
    reference: str | None = None
    """The provider's own name of the saving, from an earlier outcome."""


@dataclass(frozen=True, slots=True)
class HolderMade:
    """The answer that the provider knows the customer."""

    reference: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The answer that the provider has changed or deleted what it was asked to, or had no such thing any more."""


@dataclass(frozen=True, slots=True)
class MethodSaved:
    """The answer that the provider keeps a payment method."""

    reference: str
    details: PaidWith


@dataclass(frozen=True, slots=True)
class SavingFound:
    """How a saving stands by its provider's own books."""

    key: SetupId
    """The provider's idempotency key, which is ours."""
    holder_reference: str
    """The provider's own name of the customer whom it is for."""
    outcome: "SavingOutcome"


HolderOutcome = HolderMade | Declined | NotReached | Unknown
ChangeOutcome = Changed | Declined | NotReached | Unknown
SavingOutcome = MethodSaved | ActionRequired | Processing | Declined | NotReached | Unknown
