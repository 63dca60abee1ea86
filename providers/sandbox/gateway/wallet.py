"""Saved payment methods at the gateway, each saved once for its key."""

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
    """A runner of work in the gateway's own tasks."""

    async def __call__(self, work: Coroutine[Any, Any, Answer]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class SavingDone:
    """The result of a saving."""

    saving: Saving
    is_reply_lost: bool = False
    """The saving is durable, but this reply is to be lost."""


class Keeping:
    """Customers and their payment methods, kept in the ledger."""

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
        """Create a customer, or update an existing one."""
        await self._own(self._ledger.transact(lambda tx: tx.put_customer(customer)))

    async def change_customer(self, customer: Customer) -> None:
        """Update a customer; raises NoSuchThing."""

        def work(tx: LedgerTransaction) -> None:
            if tx.customer(customer.id) is None:
                raise NoSuchThing
            tx.put_customer(customer)

        await self._own(self._ledger.transact(work))

    async def delete_customer(self, id: str) -> None:
        """Delete a customer with their payment methods."""
        await self._own(self._ledger.transact(lambda tx: tx.delete_customer(id)))

    async def delete(self, key: str) -> None:
        """Delete a payment method."""
        await self._own(self._ledger.transact(lambda tx: tx.delete_saving(key)))

    async def find(self, key: str) -> Saving | None:
        """Return a saving's result, without starting one."""
        return await self._ledger.read(lambda tx: tx.saving(key))

    async def save(self, asked: Saving) -> SavingDone | KeyTaken | NothingHappened:
        """Save a payment method, once for each key; raises NoSuchThing where there is no such customer."""
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
        """Return the saving of a challenge's address; raises NoSuchThing."""
        return await self._ledger.read(lambda tx: _saving_challenge(tx, key, challenge_key))

    async def answer_challenge(
        self, key: str, challenge_key: str | None, *, is_approved: bool
    ) -> Saving:
        """Record the customer's answer; raises NoSuchThing, and NothingPending where it is already answered."""

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
