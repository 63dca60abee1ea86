"""What the gateway keeps for customers: payment methods, each saved once for its key."""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from providers.sandbox.gateway.ledger import Ledger, LedgerTransaction
from providers.sandbox.gateway.rules import KeyTaken, NoSuchThing, NothingHappened, NothingPending
from providers.sandbox.gateway.tokens import Effect, parse_saving_token
from providers.sandbox.gateway.wallet_records import Customer, Saving, answered, begun
from providers.sandbox.gateway.wire import EntryStatus

Answer = TypeVar("Answer")


class Own(Protocol):
    """Runs work in a task of the gateway's."""

    async def __call__(self, work: Coroutine[Any, Any, Answer]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class SavingDone:
    """What a saving has come to."""

    saving: Saving
    is_reply_lost: bool = False
    """It is durable, and nobody is to hear of it this time."""


class Keeping:
    """Keeps customers and their payment methods in the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        own: Own,
        turn: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        self._ledger = ledger
        self._own = own
        self._turn = turn

    async def put_customer(self, customer: Customer) -> None:
        """Make a customer known, or change what is known of them."""
        await self._own(self._ledger.transact(lambda tx: tx.put_customer(customer)))

    async def change_customer(self, customer: Customer) -> None:
        """Change what is known of a customer; raises NoSuchThing."""

        def work(tx: LedgerTransaction) -> None:
            if tx.customer(customer.id) is None:
                raise NoSuchThing
            tx.put_customer(customer)

        await self._own(self._ledger.transact(work))

    async def delete_customer(self, id: str) -> None:
        """Forget a customer with what is kept for them."""
        await self._own(self._ledger.transact(lambda tx: tx.delete_customer(id)))

    async def delete(self, key: str) -> None:
        """Forget a payment method."""
        await self._own(self._ledger.transact(lambda tx: tx.delete_saving(key)))

    async def find(self, key: str) -> Saving | None:
        """Return what a saving has come to, without asking for it."""
        return await self._ledger.read(lambda tx: tx.saving(key))

    async def save(self, asked: Saving) -> SavingDone | KeyTaken | NothingHappened:
        """Keep a payment method, once for each key; raises NoSuchThing where there is no such customer."""
        return await self._own(self._save(asked))

    async def _save(self, asked: Saving) -> SavingDone | KeyTaken | NothingHappened:
        behaviour = parse_saving_token(asked.token)
        challenge_key = secrets.token_urlsafe(32)

        def work(tx: LedgerTransaction) -> SavingDone | KeyTaken | NothingHappened:
            found = tx.saving(asked.key)
            if found is not None:
                is_same = (found.customer, found.token) == (asked.customer, asked.token)
                return SavingDone(found) if is_same else KeyTaken()
            if behaviour.effect is Effect.UNAVAILABLE:
                return NothingHappened()
            if tx.customer(asked.customer) is None:
                raise NoSuchThing
            saving = begun(asked, challenge_key)
            tx.put_saving(saving)
            return SavingDone(saving, is_reply_lost=behaviour.effect is Effect.LOST_REPLY)

        async with self._turn(asked.key):
            if behaviour.effect is Effect.SLOW:
                await asyncio.sleep(behaviour.seconds)
            return await self._ledger.transact(work)

    async def challenge(self, key: str, challenge_key: str | None) -> Saving:
        """Return the saving whose challenge an address leads to; raises NoSuchThing."""
        return await self._ledger.read(lambda tx: _saving_challenge(tx, key, challenge_key))

    async def answer_challenge(
        self, key: str, challenge_key: str | None, *, is_approved: bool
    ) -> Saving:
        """Bring the customer's answer; raises NoSuchThing, and NothingPending where it is answered already."""

        def work(tx: LedgerTransaction) -> Saving:
            saving = _saving_challenge(tx, key, challenge_key)
            if saving.status is not EntryStatus.CHALLENGED:
                raise NothingPending
            saving = answered(saving, is_approved=is_approved)
            tx.put_saving(saving)
            return saving

        return await self._own(self._ledger.transact(work))


def _saving_challenge(tx: LedgerTransaction, key: str, challenge_key: str | None) -> Saving:
    saving = tx.saving(key)
    if saving is None or saving.challenge_key is None:
        raise NoSuchThing
    if challenge_key is not None and not hmac.compare_digest(
        saving.challenge_key.encode(), challenge_key.encode()
    ):
        raise NoSuchThing
    return saving
