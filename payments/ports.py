"""What the flow needs from outside of the domain: providers, a store, and someone to wake subscribers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from payments.dispute_records import Dispute
from payments.ids import (
    CollectionId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    ProviderId,
    SessionId,
    SetupId,
)
from payments.instants import Instant
from payments.money import AmountLimits
from payments.outcomes import (
    Ask,
    Effect,
    Finding,
    JsonObject,
    JsonValue,
    Outcome,
    PaidWith,
    Report,
)
from payments.records import (
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
)
from payments.saved import (
    AccountHolder,
    ChangeOutcome,
    HolderAsk,
    HolderOutcome,
    MethodSetup,
    PaymentMethod,
    SavingAsk,
    SavingFound,
    SavingOutcome,
)
from payments.statuses import OperationKind, OperationStatus
from payments.stored import StoredKey, StoredReport

Answer = TypeVar("Answer")


class DataFault(ValueError):
    """Which key of a session's `data` is at fault and what would be right."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class ReportRefused(Exception):
    """An error: a report is not the provider's, or is malformed; nothing of it is kept."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status to answer with: 400 malformed, 401 not signed by the provider."""


class BooksUnreadable(Exception):
    """An error: a provider's own books could not be read to the end."""

    def __init__(self, message: str, effects: Sequence[Effect] = ()) -> None:
        super().__init__(message)
        self.effects = effects
        """Every effect on the object, where only its disputes could not be read."""


class Provider(Protocol):
    """Turns a gateway's facts into the domain's outcomes."""

    id: ProviderId
    name: str
    supported_currencies: frozenset[str] | None
    """None: all."""
    client_configuration: JsonObject
    """What a browser needs to start the gateway's own library."""
    browser_keys: frozenset[str]
    """The keys of `data` that a browser may send."""
    captures_once: bool
    """Whether a capture gives back what it leaves uncaptured, asked or not."""
    keeps_keys_seconds: float | None
    """For how long a key asked again has no second effect; None: for ever. Later it is only looked up."""

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Hold a session's `data` to the documented keys; raises DataFault."""

    def decide(self, ask: Ask) -> Outcome | None:
        """Answer inside the transaction what cannot fail apart from it; None where it has to be asked."""

    async def ask(self, ask: Ask) -> Outcome:
        """Ask the gateway, within its own time limits and without retries; never raises for what a gateway does."""

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Read how something asked before stands, without asking for it; None where the gateway has no such thing.

        Of an opening it may also say what the customer's browser made of it: an authorization, one that is being
        processed, or a decline.
        """

    def effects(self, since: Instant) -> AsyncIterator[Finding]:
        """Read all that the gateway did since an instant, oldest first, from its own books; raises BooksUnreadable.

        What customers object to belongs to it, and where that can't be read the error is raised after all else.
        """

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report | None:
        """Verify and read a report from its raw bytes; None where it is about nothing of ours. Raises ReportRefused."""

    def parse_report(self, body: bytes) -> Report:
        """Read a report that was verified before, from the inbox."""

    async def open(self) -> None:
        """Get ready; the server is starting."""

    async def close(self) -> None:
        """Let go of connections; the server is ending."""


@runtime_checkable
class ReadsObjects(Protocol):
    """A provider whose reports name an object, from which all that became of a session can be read."""

    gateway: str
    """The gateway that it is of: several providers here may be of one."""

    async def findings(self, reference: str) -> Sequence[Finding]:
        """Read what became of one session, by the provider's own name of it, oldest first; raises BooksUnreadable.

        Nothing where the object is not of a session. What customers object to holds up no money: disputes that can't
        be read leave the effects in the error.
        """


async def effects_on(reader: ReadsObjects, reference: str) -> Sequence[Effect]:
    """Read the effects on one object, oldest first, whatever its disputes are; raises BooksUnreadable."""
    try:
        found = await reader.findings(reference)
    except BooksUnreadable as error:
        if not error.effects:
            raise
        return error.effects
    return [one for one in found if isinstance(one, Effect)]


class Account(Protocol):
    """The account at a gateway that the configured key opens."""

    known: str | None
    """The account that the database knows; None before it was read from there."""

    wanted: asyncio.Event
    """Set when something is to be asked of an account that was not compared yet."""

    @property
    def is_judged(self) -> bool:
        """Whether it was compared once, or is known to be unreadable; nothing is asked of it before."""

    @property
    def is_misconfigured(self) -> bool:
        """Whether the gateway refuses the key, or has another account behind it."""

    async def read(self) -> str | None:
        """Read the gateway's own name of the account, with its mode; None where it does not say."""

    async def confirm(self) -> bool:
        """Read the account, and tell whether it is proven to be the known one."""


@runtime_checkable
class HasAccount(Protocol):
    """A provider whose key opens one account: what is missing from another account proves nothing."""

    gateway: str
    account: Account


@runtime_checkable
class CancelsOnce(Protocol):
    """A provider that cancels a session's object once at most, whatever key it is asked with."""

    cancels_once: bool
    """Where true, a cancellation whose key was forgotten is asked for again while the object can still be canceled."""


@runtime_checkable
class LimitsCaptures(Protocol):
    """A provider that does not take every payment's captures in parts."""

    def why_final(self, payment: Payment) -> str | None:
        """Return why a payment's next capture has to be its last one, as a sentence; None where it needn't."""


@runtime_checkable
class LimitsAmounts(Protocol):
    """A provider that takes amounts within limits."""

    def limits(self, currency: str) -> AmountLimits:
        """Return what one session may be about, in a currency that the provider takes."""


@runtime_checkable
class Retires(Protocol):
    """A provider whose way of paying may be of the past: what was paid with it goes on, and no session is opened."""

    is_retired: bool


def is_retired(provider: Provider) -> bool:
    """Return whether a provider's way of paying is of the past."""
    return isinstance(provider, Retires) and provider.is_retired


@runtime_checkable
class TakesLonger(Protocol):
    """A provider at which some operations may take longer than a call waits: it is answered, and the ask goes on."""

    def longest_ask_seconds(self, kind: OperationKind) -> float:
        """Return how long one ask of a kind may take: less than DRAIN_SECONDS, so that a shutdown waits for it."""


@runtime_checkable
class SavesMethods(Protocol):
    """A provider that knows customers, and keeps their payment methods.

    Each of these is asked once, within the provider's own time limits, and never raises for what a gateway does.
    """

    method_key: str | None
    """The key of `data` that names a payment method, if there is one; beside a saved one it would be a second one."""

    def check_saving(self, data: Mapping[str, JsonValue]) -> None:
        """Hold the `data` of a saving to the documented keys; raises DataFault."""

    async def make_holder(self, ask: HolderAsk) -> HolderOutcome:
        """Make a customer known; the same key again gives the same one."""

    async def change_holder(
        self, reference: str, *, email: str | None, name: str | None
    ) -> ChangeOutcome:
        """Replace what is known of a customer."""

    async def delete_holder(self, reference: str) -> ChangeOutcome:
        """Forget a customer with all that is kept for them; one who is gone already is no fault."""

    async def save_method(self, ask: SavingAsk) -> SavingOutcome:
        """Keep a payment method for a customer; the same key again gives the same one."""

    async def look_up_saving(self, ask: SavingAsk) -> SavingOutcome:
        """Read how a saving stands that was asked for before."""

    async def delete_method(self, reference: str) -> ChangeOutcome:
        """Forget a payment method; one that is gone already is no fault."""


@runtime_checkable
class ReadsSavings(Protocol):
    """A provider whose reports may also name the saving of a payment method, which is read then."""

    def names_saving(self, reference: str) -> bool:
        """Return whether a report's reference is that of a saving."""

    async def saving_found(self, reference: str) -> SavingFound | None:
        """Read how a saving stands; None where it is none of ours. Raises BooksUnreadable."""


@runtime_checkable
class JudgesRefunds(Protocol):
    """A provider with ways of paying that give nothing back."""

    def refund_obstacle(self, paid_with: PaidWith | None) -> str | None:
        """Say in a sentence why what was paid so can't be refunded; None where it can."""


@runtime_checkable
class FindsHolders(Protocol):
    """A provider that can tell whether it still has a customer."""

    async def has_holder(self, reference: str) -> bool | None:
        """Read whether a customer is there; None where the provider does not say."""


class Transaction(Protocol):
    """One open transaction. A synchronous function over it runs whole: no provider can be asked meanwhile."""

    now: Instant

    def key(self, owner: str, key: str) -> StoredKey | None: ...
    def bind_key(self, stored: StoredKey) -> None: ...
    def release_key(self, subject_id: str) -> None: ...

    def lock_collection(self, id: CollectionId) -> PaymentCollection | None: ...
    def sessions_of(self, id: CollectionId) -> Sequence[PaymentSession]: ...
    def payments_of(self, id: CollectionId) -> Sequence[Payment]: ...
    def collection_named(self, reference: str) -> CollectionId | None:
        """Find a collection that is not canceled by its reference."""

    def collection_of_session(self, id: SessionId) -> CollectionId | None: ...
    def collection_of_payment(self, id: PaymentId) -> CollectionId | None: ...
    def sessions_at(
        self, of: Collection[ProviderId], *, since: Instant, behind: SessionId, limit: int
    ) -> Sequence[PaymentSession]: ...
    def operation(self, id: OperationId) -> Operation | None: ...
    def closing_of(self, id: SessionId) -> OperationId | None: ...
    def begun_there(self, id: ProviderId, provider_key: str) -> OperationId | None: ...
    def newest_of(self, id: SessionId, kind: OperationKind) -> OperationId | None: ...
    def unasked(self, id: SessionId, kind: OperationKind) -> OperationId | None: ...

    def insert_collection(self, collection: PaymentCollection) -> None: ...
    def update_collection(self, collection: PaymentCollection) -> None: ...
    def insert_session(self, session: PaymentSession) -> None: ...
    def update_session(self, session: PaymentSession) -> None: ...
    def insert_payment(self, payment: Payment) -> None: ...
    def update_payment(self, payment: Payment) -> None: ...
    def insert_operation(self, operation: Operation) -> None: ...
    def update_operation(self, operation: Operation, *, expected: OperationStatus) -> bool: ...
    def append_event(self, event: Event) -> None: ...

    def disputes_of(self, id: PaymentId) -> Sequence[Dispute]: ...
    def insert_dispute(self, dispute: Dispute) -> None: ...
    def update_dispute(self, dispute: Dispute) -> None: ...

    def holder(self, id: HolderId) -> AccountHolder | None: ...
    def lock_holder(self, id: HolderId) -> AccountHolder | None: ...
    def holder_of(self, id: ProviderId, customer_reference: str) -> AccountHolder | None: ...
    def insert_holder(self, holder: AccountHolder) -> None: ...
    def update_holder(self, holder: AccountHolder) -> None: ...
    def delete_holder(self, id: HolderId) -> None: ...
    def method(self, id: MethodId) -> PaymentMethod | None: ...
    def method_at(self, id: HolderId, reference: str) -> PaymentMethod | None: ...
    def insert_method(self, method: PaymentMethod) -> None: ...
    def delete_method(self, id: MethodId) -> None: ...
    def delete_methods_of(self, id: HolderId) -> None: ...
    def setup(self, id: SetupId) -> MethodSetup | None: ...
    def insert_setup(self, setup: MethodSetup) -> None: ...
    def update_setup(self, setup: MethodSetup) -> None: ...

    def refund_reasons(self) -> Sequence[RefundReason]: ...
    def insert_refund_reason(self, reason: RefundReason) -> None: ...
    def update_refund_reason(self, reason: RefundReason) -> None: ...

    def disabled_providers(self) -> frozenset[str]: ...
    def set_provider_enabled(self, id: ProviderId, is_enabled: bool) -> None: ...

    def known_account(self, gateway: str) -> str | None: ...
    def set_known_account(self, gateway: str, account: str) -> None: ...

    def claim_due(
        self, of: Collection[ProviderId], *, holder: str, lease_seconds: float, limit: int
    ) -> Sequence[Operation]: ...
    def claim(self, id: OperationId, *, holder: str, lease_seconds: float) -> Operation | None: ...
    def lapsed_payments(self, of: Collection[ProviderId], *, limit: int) -> Sequence[PaymentId]: ...
    def next_due_at(self, of: Collection[ProviderId]) -> Instant | None: ...
    def renew_lease(self, id: OperationId, *, holder: str, lease_seconds: float) -> bool: ...

    def store_report(self, report: StoredReport) -> bool: ...
    def parked_reports(self, *, since: Instant, limit: int) -> Sequence[StoredReport]: ...
    def mark_report_applied(self, provider_id: ProviderId, event_id: str) -> None: ...


class Store(Protocol):
    """Runs transactions."""

    def now(self) -> Instant:
        """Read the database's clock, which all processes on it share."""

    async def transact(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; what it raises rolls back. Raises StoreFailed."""

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run a function that only reads, beside whoever writes."""


class Signals(Protocol):
    """A listener that is told after each commit what changed: a hint to look, never the truth."""

    def wake(self, collection_id: CollectionId) -> None: ...


class Hints(Protocol):
    """Carries between processes that something changed. One may be lost or come twice: the log is the truth."""

    def tell(self, collection_id: CollectionId) -> None:
        """Tell the others of a change that is committed, soon and together with further ones; never waits or raises."""

    def hear(self, is_wanted: Callable[[], bool]) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Return what others have changed, until canceled; None where it is not known what it was.

        While nobody wants to know, nothing need be heard.
        """
