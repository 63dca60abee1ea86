"""What the flow needs of providers: what all of them have, and what only some can do."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from payments.model.account_holders import (
    ChangeOutcome,
    HolderAsk,
    HolderOutcome,
    SavingAsk,
    SavingFound,
    SavingOutcome,
)
from payments.model.entities import Payment
from payments.model.ids import ProviderId
from payments.model.instants import Instant
from payments.model.money import AmountLimits
from payments.model.outcomes import (
    Ask,
    Effect,
    Finding,
    JsonObject,
    JsonValue,
    Outcome,
    PaidWith,
    Report,
)
from payments.model.statuses import OperationKind

Answer = TypeVar("Answer")


class DataFault(ValueError):
    """Which key of a session's `data` is at fault and what would be right."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class ReportRefused(Exception):
    """An error: a report is malformed or about something else; nothing of it is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ReportUnsigned(ReportRefused):
    """An error: nothing proves that a report is the provider's."""


class NoReports(ReportRefused):
    """An error: no provider takes reports here."""


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
class Manual(Protocol):
    """A provider for money that a shop takes by itself: it agrees to everything, within the transaction."""

    is_manual: bool


def is_manual(provider: Provider) -> bool:
    """Return whether a provider takes the shop's word for a payment."""
    return isinstance(provider, Manual) and provider.is_manual


def manual_provider(providers: Mapping[ProviderId, Provider]) -> ProviderId:
    """Return the first provider that takes the shop's word for a payment; the registry always has one."""
    for id, provider in providers.items():
        if is_manual(provider):
            return id
    raise LookupError("No provider takes the shop's word for a payment.")


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
