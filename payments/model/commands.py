"""What a caller can ask for, as parsed values. Amounts wait for their currency and are decimals here."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, Literal

from payments.model.callers import Caller
from payments.model.outcomes import JsonObject


class _Unchanged(Enum):
    UNCHANGED = "UNCHANGED"


UNCHANGED: Final = _Unchanged.UNCHANGED
"""Stands for a field that an update leaves as it is."""

Unchanged = Literal[_Unchanged.UNCHANGED]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and under which request."""

    caller: Caller
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePaymentCollection:
    """Opens a collection."""

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
    """Changes what is to be paid, or what is written down with it."""

    id: str
    amount: Decimal | Unchanged = UNCHANGED
    reference: str | Unchanged | None = UNCHANGED
    region_id: str | Unchanged | None = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED
    account_holder_ids: tuple[str, ...] | Unchanged = UNCHANGED
    allows_split_payment: bool | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePaymentSession:
    """Opens a session with one provider."""

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
    """Opens a session with each provider, all or none."""

    collection_id: str
    provider_ids: tuple[str, ...] | None = None
    return_url: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePaymentSession:
    """Changes an open session."""

    id: str
    amount: Decimal | Unchanged = UNCHANGED
    data: JsonObject | Unchanged = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED
    return_url: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizePaymentSession:
    """Authorizes a session's amount."""

    id: str
    data: JsonObject | None = None
    payment_method_id: str | None = None
    """A saved method of one of the collection's account holders."""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    """Takes an authorized amount, or a part of it."""

    payment_id: str
    amount: Decimal | None = None
    is_final: bool = False
    created_by: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """A request to give a captured amount back, or a part of it."""

    payment_id: str
    amount: Decimal | None = None
    reason_id: str | None = None
    note: str | None = None
    created_by: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str


class SettledOutcome(Enum):
    """What a person found out about an operation."""

    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleOperation:
    """Settles by a person's word what recovery could not."""

    id: str
    outcome: SettledOutcome
    evidence: str
    """What the word rests on, such as the provider's reference."""
    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccountHolder:
    """Makes a customer known to a provider."""

    provider_id: str
    customer_reference: str
    email: str | None = None
    name: str | None = None
    metadata: JsonObject | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAccountHolder:
    """Changes what is known of a customer."""

    id: str
    email: str | Unchanged | None = UNCHANGED
    name: str | Unchanged | None = UNCHANGED
    metadata: JsonObject | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePaymentMethod:
    """Keeps a payment method at a holder's provider, or goes on with a saving."""

    account_holder_id: str
    data: JsonObject | None = None
    setup_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRefundReason:
    """Adds a reason for refunds."""

    code: str
    label: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRefundReason:
    """Changes how a reason reads."""

    id: str
    label: str | Unchanged = UNCHANGED
    description: str | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPaymentCollectionAsPaid:
    """Settles what is outstanding outside of any gateway."""

    id: str
    created_by: str | None = None
    idempotency_key: str
