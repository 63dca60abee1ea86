"""What is asked of a provider, and what it can answer.

The outcome of an ask is one of four: it happened; it was declined; it did not happen; or it is unknown. Two more are
on the way to one of these: the customer has to act first, or the provider is still at it. What is read back from a
provider can also say that there is no such thing, or that a refund was undone.
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
    """Sends the customer to an address; they come back to the session's return address."""

    url: str
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ConfirmWithSdk:
    """Hands the customer to the provider's own library in the browser."""

    client_secret: str
    publishable_key: str | None = None
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class DisplayInstructions:
    """Shows the customer a voucher, a bank account or a QR code."""

    instructions: JsonObject
    expires_at: Instant | None = None


CustomerAction = RedirectToUrl | ConfirmWithSdk | DisplayInstructions


@dataclass(frozen=True, slots=True)
class PaidWith:
    """What may be shown of the payment method; never a whole card number."""

    type: str
    label: str
    brand: str | None = None
    last_four: str | None = None
    expiry_month: int | None = None
    expiry_year: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing asked of a provider; asking again with the same key never has a second effect."""

    key: OperationId
    """The provider's idempotency key: the id of the committed operation."""
    kind: OperationKind
    session_id: SessionId
    amount: Money
    """Always explicit: for a cancellation, what is given back."""
    payment_id: PaymentId | None = None
    """The payment that is moved; None where a session is opened, changed, authorized or closed."""
    reference: str | None = None
    """The provider's own name of its object, from an earlier outcome."""
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    """The session's data for the provider, the authorization's keys over it."""
    holder_reference: str | None = None
    """The provider's own name of the customer whom the session's object is for from now on, where it is for one."""
    method_reference: str | None = None
    """The provider's own name of the saved method that is to pay."""
    return_url: str | None = None
    refund_reason: str | None = None
    """The code of a refund's reason."""
    amount_before: Money | None = None
    """What a change replaces."""
    releases_rest: bool = False
    """A capture that gives back what it leaves uncaptured."""
    absent_times: int = 0
    """How often earlier asks of it ended with a look that found nothing of it."""
    number: int = 1
    """Which ask of its operation it is: a gateway may be asked with a further key where that is safe."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The news that a session was opened or changed."""

    client_data: JsonObject = field(default_factory=dict)
    """What the customer's browser may see."""
    reference: str | None = None
    action: CustomerAction | None = None
    """Where the browser has to act before anything can be authorized."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The news that an amount was authorized, and captured at once where `is_captured`."""

    amount: Money
    """What the provider says it authorized, to be held against what was asked."""
    is_captured: bool = False
    reference: str | None = None
    paid_with: PaidWith | None = None
    provider_record: JsonObject = field(default_factory=dict)
    """What the provider says of it, for back ends alone."""
    client_data: JsonObject = field(default_factory=dict)
    capture_before: Instant | None = None
    saved_as: str | None = None
    """The provider's own name of what it keeps for the session's account holder now."""
    saved_details: PaidWith | None = None
    """What may be shown of that; None: it is what was paid with."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The news that a capture, a refund or a cancellation happened."""

    amount: Money
    """What the provider says it moved, to be held against what was asked."""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The news that the customer has to do something first."""

    action: CustomerAction
    reference: str | None = None
    client_data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processing:
    """The news that the provider has taken it and is not through; a report or recovery brings the outcome."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The news that the provider or the issuer said no, or that the customer failed or let it lapse."""

    decline_code: str | None = None
    """The provider's documented reason, such as insufficient_funds."""
    code: FailureCode = FailureCode.DECLINED
    reference: str | None = None
    """The provider's own name of what was made all the same, and has to be closed there."""


@dataclass(frozen=True, slots=True)
class NotReached:
    """The news that the provider did nothing, on proof."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The news that it may have happened: a time-out after sending, a server error, a broken answer."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The news that the provider was read, after it may have forgotten its keys, and has no such thing."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """The news that the provider was read and has undone a refund that had succeeded."""


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
    """One thing that a provider did, as its own books have it."""

    key: str
    """The id of the operation that asked for it, or the provider's own name of what was begun there."""
    is_external: bool
    """Nobody asked for it here: it was done in the provider's dashboard, or by another program."""
    kind: OperationKind
    session_id: SessionId
    amount: Money
    """What was asked for."""
    outcome: Outcome
    released_minor: int = 0
    """What a capture gave back with it."""
    closes_session: bool = False
    """A cancellation of the session and not of its payment."""
    is_sole: bool = False
    """A session has at most one such thing at its provider: whichever operation of this kind is open here is it."""
    is_release: bool = False
    """All that was given back of a payment that was captured in part: what is known of it here is no news."""
    has_lapsed: bool = False
    """A cancellation because its time was over."""
    provider_id: ProviderId | None = None
    """Whose session it is, where several providers here are of one gateway; None: of the one that was read."""


@dataclass(frozen=True, slots=True)
class DisputeFound:
    """A dispute as a provider's books have it now."""

    reference: str
    session_id: SessionId
    status: DisputeStatus
    reason: str
    amount: Money
    takes_money: bool
    """The provider holds the amount, or has given it to the customer."""
    blocks_refunds: bool
    """The provider refunds nothing of the payment because of it."""
    respond_before: Instant | None = None
    provider_id: ProviderId | None = None
    """As in an effect."""
    is_appeal: bool = False
    """It was lost, and is being looked at again."""


Finding = Effect | DisputeFound
"""One thing that became of a session."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider reported of something that was asked of it."""

    event_id: str
    """The provider's own id of the report; the same id is applied once."""
    key: OperationId
    outcome: Outcome
    effect: Effect | None = None
    """What was begun at the provider; None for a report on something that was asked for here."""
    session_id: SessionId | None = None
    kind: OperationKind | None = None
    """What it says of the key's operation, where it does: both have to be that operation's own."""
    reference: str | None = None
    """The provider's name of an object, where a report only says that something became of it: that is read from it."""
