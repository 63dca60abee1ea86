"""The check that the key belongs to the known account: a missing object in another account proves nothing."""

import asyncio
from enum import Enum

import stripe
import structlog

from providers.stripe.connection import CONNECT_SECONDS, Connection
from providers.stripe.errors import Meaning, is_missing, meaning_of

log = structlog.get_logger("stripe")


class Fault(Enum):
    """A fault of the configuration."""

    REFUSED = "Stripe refuses the key, or knows nothing of what was made with it"
    ANOTHER_ACCOUNT = "the key is of another account or mode"


class Account:
    """The account of one key, shared by all ways of paying."""

    def __init__(self, connection: Connection) -> None:
        self.known: str | None = None
        self.fault: Fault | None = None
        self.descriptor_prefix: str | None = None
        """The prefix before a charge's own suffix on a card statement, if it is known."""
        self.wanted = asyncio.Event()
        self._judged = asyncio.Event()
        self._connection = connection

    @property
    def is_judged(self) -> bool:
        """Return whether the account was compared once, or is known to be unreadable."""
        return self._judged.is_set()

    @property
    def is_misconfigured(self) -> bool:
        """Return whether Stripe's latest answer shows that the key is wrong."""
        return self.fault is not None

    @property
    def is_another(self) -> bool:
        """Return whether Stripe was read and the key belongs to another account."""
        return self.fault is Fault.ANOTHER_ACCOUNT

    async def is_open(self) -> bool:
        """Return whether requests may be sent to the account; before the first comparison they may not."""
        if not self.is_judged:
            self.wanted.set()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._judged.wait()
            except TimeoutError:
                return False
        return not self.is_another

    async def read(self) -> str | None:
        """Return the account's id and mode, such as `acct_1/test`; None where Stripe does not answer."""
        try:
            found = await self._connection.account()
        except stripe.PermissionError:
            # A restricted key that may do everything else is no fault; it only proves less.
            self._judged.set()
            log.warning("account not readable", hint="let the restricted key read the account")
            return None
        except stripe.StripeError as error:
            self.suspect(error)
            log.warning("account not read", error=type(error).__name__, code=error.code)
            return None
        self.descriptor_prefix = _descriptor_prefix(found)
        return f"{found.id}/{'live' if self._connection.is_live else 'test'}"

    async def confirm(self) -> bool:
        """Read the account; return whether it is proven to be the one that the database knows."""
        found = await self.read()
        if found is None or self.known is None:
            return False
        self._judged.set()
        if found != self.known:
            self._find(Fault.ANOTHER_ACCOUNT, found=found, known=self.known)
            return False
        if self.fault is not None:
            self._end_fault()
        return True

    def suspect(self, error: stripe.StripeError) -> None:
        """Note what an error shows about the configuration."""
        if meaning_of(error) is Meaning.MISCONFIGURED and not self.is_another:
            self._find(Fault.REFUSED, code=error.code, status=error.http_status)

    async def is_to_blame(self, error: stripe.StripeError) -> bool:
        """Note what an error shows about the configuration; return whether it shows nothing else.

        A missing object may have been deleted, or may belong to another account: the account decides.
        """
        if is_missing(error) and await self.confirm():
            return False
        self.suspect(error)
        return is_missing(error) and self.is_misconfigured

    def note_success(self) -> None:
        """Note a successful answer about an object of ours: a key that was refused before works again."""
        if self.fault is Fault.REFUSED:
            self._end_fault()

    def _end_fault(self) -> None:
        self.fault = None
        log.info("provider configured rightly again", provider="stripe")

    def _find(self, fault: Fault, **facts: object) -> None:
        if fault is not self.fault:
            self.fault = fault
            log.error("provider misconfigured", provider="stripe", what=fault.value, **facts)


def _descriptor_prefix(account: stripe.Account) -> str | None:
    cards = getattr(account.settings, "card_payments", None)
    found = getattr(cards, "statement_descriptor_prefix", None)
    return found if isinstance(found, str) and found else None
