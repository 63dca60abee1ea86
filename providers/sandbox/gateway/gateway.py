"""The gateway: carries out each request once for its key, in tasks of its own that no caller can stop."""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

import orjson
import structlog

from payments.model import instants
from payments.model.ids import EVENT, new_id
from payments.model.instants import SECOND, Instant
from payments.model.money import AmountFault, parse_minor
from payments.model.statuses import OperationKind
from providers.sandbox.gateway.ledger import Ledger, LedgerBusy, LedgerTransaction
from providers.sandbox.gateway.report_delivery import Deliveries
from providers.sandbox.gateway.rules import (
    Book,
    KeyTaken,
    NoSuchThing,
    NothingHappened,
    NothingPending,
    Wait,
    begun_here,
    behaviour_of,
    carry_out,
    reversed_refund,
    settle,
)
from providers.sandbox.gateway.tokens import Effect
from providers.sandbox.gateway.wallet import Keeping
from providers.sandbox.gateway.wire import BEGUN_HERE, Entry, EntryStatus, Instruction

Answer = TypeVar("Answer")

log = structlog.get_logger("sandbox")


@dataclass(frozen=True, slots=True)
class Done:
    """The current effect of a key."""

    entry: Entry
    is_reply_lost: bool = False
    """The effect is durable, but this reply is to be lost."""


class Stopped(Exception):
    """An error: the gateway was stopped during the request, which may have happened."""


GONE = "decline:payment_method_gone"
"""The behaviour of a payment with a method that is no longer saved."""

PAGE_ENTRIES = 500
"""Effects read at a time."""

EXPECTED = (NoSuchThing, NothingPending, LedgerBusy, Stopped, AmountFault)
"""Results for the caller that need no line in the log."""


class Gateway:
    """The gateway: its ledger, its rules and its reports."""

    def __init__(self, ledger: Ledger, deliveries: Deliveries) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}
        self._delivering: asyncio.Task[None] | None = None
        self.keeping = Keeping(ledger, self._own, self._turn)

    async def open(self) -> None:
        """Open the ledger and start to deliver reports, those of an earlier process included; raises LedgerUnusable."""
        await self._ledger.read(lambda tx: tx.next_report_at())
        if self._delivering is None:
            self._delivering = asyncio.create_task(self._deliveries.run())

    async def close(self) -> None:
        """Stop: waiting requests have not happened, committed ones stay."""
        tasks = [*self._tasks, *([self._delivering] if self._delivering else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._deliveries.close()
        await self._ledger.close()

    async def ask(self, instruction: Instruction) -> Done | KeyTaken | NothingHappened:
        """Carry out a request once for its key; the same key again returns its current effect."""
        return await self._own(self._ask(instruction))

    async def find(self, key: str) -> Entry | None:
        """Return a key's effect without carrying anything out."""
        return await self._ledger.read(lambda tx: tx.entry(key))

    async def entries(self) -> Sequence[Entry]:
        """Return every effect, oldest first."""
        return await self._ledger.read(lambda tx: tx.entries())

    async def entries_of(self, session: str) -> Sequence[Entry]:
        """Return every effect on a session, oldest first."""
        return await self._ledger.read(lambda tx: tx.book(session).entries)

    async def challenge(self, session: str, key: str | None) -> Entry:
        """Return the authorization of a challenge's address; `key` None: the caller needs no key.

        Raises NoSuchThing, both for an unknown session and for a wrong key.
        """
        return await self._ledger.read(lambda tx: _challenge(tx.book(session), key))

    async def answer_challenge(self, session: str, key: str | None, *, is_approved: bool) -> Entry:
        """Record the customer's answer; raises NoSuchThing, and NothingPending where it is already answered."""

        def work(tx: LedgerTransaction) -> Entry:
            book = tx.book(session)
            entry = _challenge(book, key)
            if entry.status is not EntryStatus.CHALLENGED:
                raise NothingPending
            return self._settle(tx, entry, book, is_approved=is_approved)

        return await self._own(self._ledger.transact(work))

    async def settle(self, session: str, movement: str | None, *, is_approved: bool) -> str:
        """End a pending operation and report it; return the report's id once it is committed and delivery was tried.

        `movement` is a capture's or a refund's key, "cancel", or None for the authorization. Raises NoSuchThing where
        the gateway does not know the session, and NothingPending.
        """

        def work(tx: LedgerTransaction) -> Entry:
            book = tx.book(session)
            if not book.entries:
                raise NoSuchThing
            entry = _pending(book, movement)
            return self._settle(tx, entry, book, is_approved=is_approved)

        return await self._report_on(session, work)

    async def page(self, *, since: Instant, behind: int) -> list[tuple[int, Entry]]:
        """Return a page of the effects since an instant, after a number, each with its number, oldest first."""
        return await self._ledger.read(
            lambda tx: tx.page(since=since, behind=behind, limit=PAGE_ENTRIES)
        )

    async def reverse(self, session: str, movement: str | None) -> str:
        """Undo a refund that had succeeded, and report it; return the report's id. Raises as `settle`."""

        def work(tx: LedgerTransaction) -> Entry:
            book = tx.book(session)
            if not book.entries:
                raise NoSuchThing
            entry = next((one for one in book.entries if _is_refunded(one, movement)), None)
            if entry is None:
                raise NothingPending
            entry = reversed_refund(entry)
            tx.update(entry)
            return entry

        return await self._report_on(session, work)

    async def begin(self, session: str, kind: OperationKind, amount: str | None) -> str:
        """Move a session's money as an operator does in the gateway's dashboard, and report it; return the report's id.

        `amount` None: all of it. Raises NoSuchThing, AmountFault and NothingPending where the gateway refuses it.
        """

        def work(tx: LedgerTransaction) -> Entry:
            book = tx.book(session)
            if book.authorization is None:
                raise NoSuchThing
            currency = book.authorization.currency
            there_is = book.refundable_minor if kind is OperationKind.REFUND else book.left_minor
            instruction = Instruction(
                key=new_id(BEGUN_HERE),
                kind=kind,
                session=session,
                amount_minor=there_is if amount is None else parse_minor(Decimal(amount), currency),
                currency=currency,
            )
            entry = begun_here(instruction, book, instants.now())
            if entry is None:
                raise NothingPending
            tx.insert(entry)
            return entry

        return await self._report_on(session, work)

    async def _report_on(self, session: str, work: Callable[[LedgerTransaction], Entry]) -> str:
        """Change an entry and report it in one transaction; return the report's id once delivery was tried."""
        if self._delivering is None:
            await self.open()
        id = new_id(EVENT)

        def report(tx: LedgerTransaction) -> None:
            tx.insert_report(id, session, self._report(id, work(tx)), instants.now())

        async def change_and_deliver() -> str:
            async with self._deliveries.expecting(id):
                await self._ledger.transact(report)
            return id

        return await self._own(change_and_deliver())

    async def _ask(self, instruction: Instruction) -> Done | KeyTaken | NothingHappened:
        async with self._turn(instruction.key):
            answer = await self._attempt(instruction, has_waited=False)
            if isinstance(answer, Wait):
                await asyncio.sleep(answer.seconds)
                answer = await self._attempt(instruction, has_waited=True)
            assert not isinstance(answer, Wait)
            return answer

    async def _attempt(
        self, instruction: Instruction, *, has_waited: bool
    ) -> Done | KeyTaken | NothingHappened | Wait:
        challenge_key = secrets.token_urlsafe(32)

        def work(tx: LedgerTransaction) -> Done | KeyTaken | NothingHappened | Wait:
            found = tx.entry(instruction.key)
            if found is not None:
                return _again(tx, found, instruction)
            book = tx.book(instruction.session)
            result = carry_out(
                _payable(tx, instruction),
                book,
                instants.now(),
                challenge_key=challenge_key,
                has_waited=has_waited,
            )
            if isinstance(result, NothingHappened | Wait):
                return result
            entry, *others = result
            entry = replace(entry, fingerprint=instruction.fingerprint())
            tx.insert(entry)
            for other in others:
                tx.update(other)
            is_lost = behaviour_of(instruction, book).effect is Effect.LOST_REPLY
            return Done(entry, is_reply_lost=is_lost)

        return await self._ledger.transact(work)

    def _settle(
        self, tx: LedgerTransaction, entry: Entry, book: Book, *, is_approved: bool
    ) -> Entry:
        settled = settle(entry, book, instants.now(), is_approved=is_approved)
        for changed in settled:
            tx.update(changed)
        return settled[0]

    def _report(self, id: str, entry: Entry) -> bytes:
        return orjson.dumps(
            {
                "id": id,
                "type": f"operation.{entry.status.value}",
                "created": instants.now() // SECOND,
                "key": entry.key,
                "session": entry.session,
                "operation": entry.to_wire(),
            }
        )

    async def _own(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run work in a task of the gateway's own: a caller that times out or leaves does not stop it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Stopped from None
            raise

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        # Its caller may be gone: a fault is logged here, so that it is not lost silently.
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, EXPECTED):
            log.error("gateway failed", error=type(error).__name__, exc_info=error)

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """Let one request at a time work on a key; later ones find the effect."""
        lock, waiting = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[key]
            if waiting == 1:
                del self._turns[key]
            else:
                self._turns[key] = lock, waiting - 1


def _again(tx: LedgerTransaction, found: Entry, instruction: Instruction) -> Done | KeyTaken:
    if found.fingerprint != instruction.fingerprint():
        return KeyTaken()
    found = replace(found, asked=found.asked + 1)
    tx.update(found)
    return Done(found)


def _payable(tx: LedgerTransaction, instruction: Instruction) -> Instruction:
    """Return the instruction; one that pays with a method that is no longer saved is changed to be declined."""
    if instruction.method is None:
        return instruction
    saving = tx.saving(instruction.method)
    is_kept = saving is not None and saving.status is EntryStatus.APPROVED
    return instruction if is_kept else replace(instruction, token=GONE)


def _challenge(book: Book, key: str | None) -> Entry:
    for entry in reversed(book.entries):
        if entry.challenge_key is None:
            continue
        if key is None or hmac.compare_digest(entry.challenge_key.encode(), key.encode()):
            return entry
    raise NoSuchThing


def _is_refunded(entry: Entry, key: str | None) -> bool:
    is_refund = entry.kind is OperationKind.REFUND and entry.status is EntryStatus.APPROVED
    return is_refund and entry.key == key


def _pending(book: Book, movement: str | None) -> Entry:
    for entry in book.entries:
        if entry.status is not EntryStatus.PENDING:
            continue
        if movement is None and entry.kind is OperationKind.AUTHORIZE:
            return entry
        if movement == "cancel" and entry.kind is OperationKind.CANCEL:
            return entry
        if movement == entry.key and entry.kind in (OperationKind.CAPTURE, OperationKind.REFUND):
            return entry
    raise NothingPending
