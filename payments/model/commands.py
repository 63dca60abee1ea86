"""Callers' requests as parsed values. Amounts are decimals here until their currency is known."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, Literal

from payments.model.callers import Caller
from payments.model.outcomes import JsonObject


class _Unchanged(Enum):
    UNCHANGED = "UNCHANGED"


UNCHANGED: Final = _Unchanged.UNCHANGED
"""Marks a field that an update leaves unchanged."""

Unchanged = Literal[_Unchanged.UNCHANGED]


@dataclass(frozen=True, slots=True)
class Call:
    """The caller of a command, and the request that it came with."""

    caller: Caller
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePaymentCollection:
    """A request to open a collection."""

    currency: str
    amount: Decimal
    reference: str | None = None
    region_id: str | None = None
    metadata: JsonObject | None = None
    account_holder_ids: tuple[str, ...] = ()
    allows_split_payment: bool = False
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePaymentCollection:
    """A request to change the amount to be paid, or the details kept with it."""

    id: str
    amount: Decimal | Unchanged = UNCHANGED
    reference: str | Unchanged | None = UNCHANGED
    region_id: str | Unchanged | None = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED
    account_holder_ids: tuple[str, ...] | Unchanged = UNCHANGED
    allows_split_payment: bool | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePaymentSession:
    """A request to open a session with one provider."""

    collection_id: str
    provider_id: str
    amount: Decimal | None = None
    currency: str | None = None
    data: JsonObject | None = None
    metadata: JsonObject | None = None
    account_holder_id: str | None = None
    return_url: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePaymentSessions:
    """A request to open a session with each of several providers, all or none."""

    collection_id: str
    provider_ids: tuple[str, ...] | None = None
    return_url: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePaymentSession:
    """A request to change an open session."""

    id: str
    amount: Decimal | Unchanged = UNCHANGED
    data: JsonObject | Unchanged = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED
    return_url: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizePaymentSession:
    """A request to authorize a session's amount."""

    id: str
    data: JsonObject | None = None
    payment_method_id: str | None = None
    """A saved payment method of one of the collection's account holders."""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    """A request to capture an authorized amount, or a part of it."""

    payment_id: str
    amount: Decimal | None = None
    is_final: bool = False
    created_by: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """A request to refund a captured amount, or a part of it."""

    payment_id: str
    amount: Decimal | None = None
    reason_id: str | None = None
    note: str | None = None
    created_by: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str


class SettledOutcome(Enum):
    """The outcome of an operation, as an operator established it."""

    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleOperation:
    """An operator's decision on an operation that recovery could not resolve."""

    id: str
    outcome: SettledOutcome
    evidence: str
    """The evidence for the decision, such as the provider's reference."""
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccountHolder:
    """A request to create a customer at a provider."""

    provider_id: str
    customer_reference: str
    email: str | None = None
    name: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAccountHolder:
    """A request to change a customer's details."""

    id: str
    email: str | Unchanged | None = UNCHANGED
    name: str | Unchanged | None = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePaymentMethod:
    """A request to save a payment method with an account holder's provider, or to continue a saving."""

    account_holder_id: str
    data: JsonObject | None = None
    setup_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRefundReason:
    """A request to add a reason for refunds."""

    code: str
    label: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRefundReason:
    """A request to change a refund reason's texts."""

    id: str
    label: str | Unchanged = UNCHANGED
    description: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPaymentCollectionAsPaid:
    """A request to record that the outstanding amount was paid outside of any gateway."""

    id: str
    created_by: str | None = None
    idempotency_key: str
