"""Requests to a provider, and the answers it can give.

A request has one of four outcomes: it happened; it was declined; it did not happen; or it is unknown. Two states
come before these: the customer has to act first, or the provider is still processing it. Reading a provider's
records can also show that there is no such object, or that a refund was undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.model.failures import FailureCode
from payments.model.ids import OperationId, PaymentId, ProviderId, SessionId
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.statuses import DisputeStatus, OperationKind

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class RedirectToUrl:
    """An action: send the customer to an address; they come back to the session's return address."""

    url: str
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ConfirmWithSdk:
    """An action: hand over to the provider's own library in the browser."""

    client_secret: str
    publishable_key: str | None = None
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class DisplayInstructions:
    """An action: show the customer a voucher, a bank account or a QR code."""

    instructions: JsonObject
    expires_at: Instant | None = None


CustomerAction = RedirectToUrl | ConfirmWithSdk | DisplayInstructions


@dataclass(frozen=True, slots=True)
class PaidWith:
    """The details of a payment method that may be shown; never a whole card number."""

    type: str
    label: str
    brand: str | None = None
    last_four: str | None = None
    expiry_month: int | None = None
    expiry_year: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a provider; repeating it with the same key never has a second effect."""

    key: OperationId
    """The provider's idempotency key: the id of the committed operation."""
    kind: OperationKind
    session_id: SessionId
    amount: Money
    """Always explicit: for a cancellation, the amount given back."""
    payment_id: PaymentId | None = None
    """The payment that it concerns; None where a session is opened, changed, authorized or closed."""
    reference: str | None = None
    """The provider's id of its object, from an earlier outcome."""
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    """The session's data for the provider, overridden by the authorization's data."""
    holder_reference: str | None = None
    """The provider's id of the customer whom the session's object is for from now on, if it is for one."""
    method_reference: str | None = None
    """The provider's id of the saved payment method that is to pay."""
    return_url: str | None = None
    refund_reason: str | None = None
    """The code of a refund's reason."""
    amount_before: Money | None = None
    """The values that a change replaces."""
    releases_rest: bool = False
    """Whether a capture gives back what it leaves uncaptured."""
    absent_times: int = 0
    """How often a search after an earlier request found nothing of it."""
    number: int = 1
    """The number of this request within its operation: a further key may be used with a gateway where that is safe."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer that a session was opened or changed."""

    client_data: JsonObject = field(default_factory=dict)
    """The data that the customer's browser may see."""
    reference: str | None = None
    action: CustomerAction | None = None
    """Set where the browser has to act before anything can be authorized."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The answer that an amount was authorized, and captured at once if `is_captured`."""

    amount: Money
    """The amount according to the provider, to be compared with the requested one."""
    is_captured: bool = False
    reference: str | None = None
    paid_with: PaidWith | None = None
    provider_record: JsonObject = field(default_factory=dict)
    """The provider's details, for back ends alone."""
    client_data: JsonObject = field(default_factory=dict)
    capture_before: Instant | None = None
    saved_as: str | None = None
    """The provider's id of the payment method that it now keeps for the session's account holder."""
    saved_details: PaidWith | None = None
    """The details of that method that may be shown; None: those of the method that paid."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer that a capture, a refund or a cancellation happened."""

    amount: Money
    """The amount according to the provider, to be compared with the requested one."""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The answer that the customer has to do something first."""

    action: CustomerAction
    reference: str | None = None
    client_data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processing:
    """The answer that the provider is still processing it; a report or recovery brings the outcome."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The answer that the provider or the issuer refused, or that the customer failed or let it expire."""

    decline_code: str | None = None
    """The provider's documented reason, such as insufficient_funds."""
    code: FailureCode = FailureCode.DECLINED
    reference: str | None = None
    """The provider's id of an object that was created all the same and has to be closed there."""


@dataclass(frozen=True, slots=True)
class NotReached:
    """The answer that the provider provably did nothing."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer that it may have happened: a time-out after sending, a server error, a broken response."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The answer that the provider, which may have forgotten its keys, was read and has no such object."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """The answer that the provider was read and has undone a refund that had succeeded."""


Outcome = (
    Opened
    | Authorized
    | Moved
    | ActionRequired
    | Processing
    | Declined
    | NotReached
    | Unknown
    | Absent
    | Reversed
)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a provider did, according to its records."""

    key: str
    """The id of the operation that requested it, or the provider's id of an external operation."""
    is_external: bool
    """Not requested here: done in the provider's dashboard, or by another program."""
    kind: OperationKind
    session_id: SessionId
    amount: Money
    """The requested amount."""
    outcome: Outcome
    released_minor: int = 0
    """The amount that a capture released at the same time."""
    closes_session: bool = False
    """A cancellation of the session, not of its payment."""
    is_sole: bool = False
    """A session has at most one of these at its provider: an open operation of this kind here is the same one."""
    is_release: bool = False
    """The total given back of a partly captured payment: what is already known here is not news."""
    is_expired: bool = False
    """A cancellation because it expired."""
    provider_id: ProviderId | None = None
    """Whose session it is, where several providers here share a gateway; None: the provider that was read."""


@dataclass(frozen=True, slots=True)
class DisputeFound:
    """The current state of a dispute according to a provider's records."""

    reference: str
    session_id: SessionId
    status: DisputeStatus
    reason: str
    amount: Money
    takes_money: bool
    """Whether the provider holds the amount, or has given it to the customer."""
    blocks_refunds: bool
    """Whether the provider refuses refunds of the payment because of it."""
    respond_before: Instant | None = None
    provider_id: ProviderId | None = None
    """As in an effect."""
    is_appeal: bool = False
    """Whether it was lost and is under review again."""


Finding = Effect | DisputeFound
"""One thing that happened to a session."""


@dataclass(frozen=True, slots=True)
class Report:
    """A provider's report on a request."""

    event_id: str
    """The provider's id of the report; one id is applied once."""
    key: OperationId
    outcome: Outcome
    effect: Effect | None = None
    """The external operation that it reports; None for a report on something requested here."""
    session_id: SessionId | None = None
    kind: OperationKind | None = None
    """The session and kind that the report names for the key's operation, if any: both have to match."""
    reference: str | None = None
    """The provider's id of an object, where a report says only that it changed: the change is read from it."""
