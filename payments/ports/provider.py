"""The ports of providers: what all of them have, and what only some can do."""

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
    """An error: a key of a session's `data` is wrong; it says what would be right."""

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


class RecordsUnreadable(Exception):
    """An error: a provider's own records could not be read to the end."""

    def __init__(self, message: str, effects: Sequence[Effect] = ()) -> None:
        super().__init__(message)
        self.effects = effects
        """Every effect on the object, if only its disputes could not be read."""


class Provider(Protocol):
    """A provider, which turns a gateway's facts into the domain's outcomes."""

    id: ProviderId
    name: str
    supported_currencies: frozenset[str] | None
    """None: all."""
    client_configuration: JsonObject
    """The values that a browser needs to start the gateway's own library."""
    browser_keys: frozenset[str]
    """The keys of `data` that a browser may send."""
    captures_once: bool
    """Whether a capture always gives back what it leaves uncaptured."""
    keeps_keys_seconds: float | None
    """How long a repeated key has no second effect; None: for ever. After that it is only looked up."""

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Check a session's `data` against the documented keys; raises DataFault."""

    def decide(self, ask: Ask) -> Outcome | None:
        """Return an answer inside the transaction if it can't fail separately; None where the gateway must be asked."""

    async def ask(self, ask: Ask) -> Outcome:
        """Ask the gateway, within its own time limits and without retries; never raises for a gateway's failure."""

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Return the state of an earlier request without repeating it; None where the gateway has no such thing.

        For an opening this may be the result of the customer's browser: an authorization, one that is being
        processed, or a decline.
        """

    def effects(self, since: Instant) -> AsyncIterator[Finding]:
        """Yield all that the gateway did since an instant, oldest first, from its records; raises RecordsUnreadable.

        This includes disputes; where those can't be read the error is raised after everything else.
        """

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report | None:
        """Return a verified report from its raw bytes; None where it is about nothing of ours. Raises ReportRefused."""

    def parse_report(self, body: bytes) -> Report:
        """Return a report from the inbox that was verified before."""

    async def open(self) -> None:
        """Get ready; the server is starting."""

    async def close(self) -> None:
        """Close connections; the server is ending."""


@runtime_checkable
class ReadsObjects(Protocol):
    """A provider whose reports name an object, from which a session's whole history can be read."""

    gateway: str
    """The gateway that it belongs to: several providers here may share one."""

    async def findings(self, reference: str) -> Sequence[Finding]:
        """Return what happened to one session, by the provider's id, oldest first; raises RecordsUnreadable.

        Empty where the object belongs to no session. Disputes must not delay money: if they can't be read, the error
        has the effects.
        """


async def effects_on(reader: ReadsObjects, reference: str) -> Sequence[Effect]:
    """Return the effects on one object, oldest first, even if its disputes can't be read; raises RecordsUnreadable."""
    try:
        found = await reader.findings(reference)
    except RecordsUnreadable as error:
        if not error.effects:
            raise
        return error.effects
    return [one for one in found if isinstance(one, Effect)]


class Account(Protocol):
    """The account at a gateway that the configured key opens."""

    known: str | None
    """The account that the database knows; None before it was read."""

    wanted: asyncio.Event
    """Set when a request needs an account that was not compared yet."""

    @property
    def is_judged(self) -> bool:
        """Whether it was compared once, or is known to be unreadable; nothing is requested before."""

    @property
    def is_misconfigured(self) -> bool:
        """Whether the gateway refuses the key, or the key belongs to another account."""

    async def read(self) -> str | None:
        """Return the gateway's id of the account, with its mode; None where it does not answer."""

    async def confirm(self) -> bool:
        """Read the account; return whether it is proven to be the known one."""


@runtime_checkable
class HasAccount(Protocol):
    """A provider whose key opens one account: a missing object in another account proves nothing."""

    gateway: str
    account: Account


@runtime_checkable
class CancelsOnce(Protocol):
    """A provider that cancels a session's object at most once, whatever the key."""

    cancels_once: bool
    """If true, a cancellation whose key was forgotten is requested again while the object can still be canceled."""


@runtime_checkable
class LimitsCaptures(Protocol):
    """A provider that does not accept partial captures of every payment."""

    def why_final(self, payment: Payment) -> str | None:
        """Return why a payment's next capture has to be its last one, as a sentence; None where it needn't."""


@runtime_checkable
class LimitsAmounts(Protocol):
    """A provider with limits on amounts."""

    def limits(self, currency: str) -> AmountLimits:
        """Return the limits of one session's amount in a currency that the provider accepts."""


@runtime_checkable
class Retires(Protocol):
    """A provider whose payment method may be discontinued: its payments continue, and no session is opened."""

    is_retired: bool


def is_retired(provider: Provider) -> bool:
    """Return whether a provider's payment method is discontinued."""
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
    """A provider whose operations may take longer than a call waits: the call is answered, and the request goes on."""

    def longest_ask_seconds(self, kind: OperationKind) -> float:
        """Return how long a request of a kind may take: less than DRAIN_SECONDS, so that a shutdown waits for it."""


@runtime_checkable
class SavesMethods(Protocol):
    """A provider that knows customers, and saves their payment methods.

    Each request is sent once, within the provider's own time limits, and never raises for a gateway's failure.
    """

    method_key: str | None
    """The key of `data` that names a payment method, if there is one; it conflicts with a saved method."""

    def check_saving(self, data: Mapping[str, JsonValue]) -> None:
        """Check the `data` of a saving against the documented keys; raises DataFault."""

    async def make_holder(self, ask: HolderAsk) -> HolderOutcome:
        """Create a customer; the same key again returns the same one."""

    async def change_holder(
        self, reference: str, *, email: str | None, name: str | None
    ) -> ChangeOutcome:
        """Replace a customer's details."""

    async def delete_holder(self, reference: str) -> ChangeOutcome:
        """Delete a customer with all saved methods; succeeds for one who is already deleted."""

    async def save_method(self, ask: SavingAsk) -> SavingOutcome:
        """Save a payment method for a customer; the same key again returns the same one."""

    async def look_up_saving(self, ask: SavingAsk) -> SavingOutcome:
        """Return the state of an earlier saving."""

    async def delete_method(self, reference: str) -> ChangeOutcome:
        """Delete a payment method; succeeds for one that is already deleted."""


@runtime_checkable
class ReadsSavings(Protocol):
    """A provider whose reports may also name the saving of a payment method, which is then read."""

    def names_saving(self, reference: str) -> bool:
        """Return whether a report's reference is a saving's."""

    async def saving_found(self, reference: str) -> SavingFound | None:
        """Return the state of a saving; None where it is not ours. Raises RecordsUnreadable."""


@runtime_checkable
class JudgesRefunds(Protocol):
    """A provider with payment methods that can't be refunded."""

    def refund_obstacle(self, paid_with: PaidWith | None) -> str | None:
        """Return in a sentence why such a payment can't be refunded; None where it can."""


@runtime_checkable
class FindsHolders(Protocol):
    """A provider that can tell whether it still has a customer."""

    async def has_holder(self, reference: str) -> bool | None:
        """Return whether a customer exists; None where the provider does not answer."""
