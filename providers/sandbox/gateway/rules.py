"""The gateway's own rules: how an operation changes a session's entries. They check the server's independently."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from payments.model.failures import FailureCode
from payments.model.instants import Instant, after
from payments.model.statuses import OperationKind
from providers.sandbox.gateway.tokens import (
    DEFAULT_DECLINE_CODE,
    Behaviour,
    Effect,
    Token,
    parse_token,
)
from providers.sandbox.gateway.wire import Entry, EntryStatus, Instruction


@dataclass(frozen=True, slots=True)
class Wait:
    """An error: the operation happens after some time, and not before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NothingHappened:
    """An error: the gateway pretends to be unreachable."""


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """An error: the key belongs to another operation."""


class NoSuchThing(Exception):
    """An error: the gateway has no such session or challenge, or the challenge's key is wrong."""


class NothingPending(Exception):
    """An error: there is nothing to answer: it is already answered, or was never requested."""


@dataclass(frozen=True, slots=True)
class Book:
    """The entries of one session at the gateway. Its sums are computed each time; none is stored."""

    entries: Sequence[Entry]
    """Oldest first."""

    @property
    def authorization(self) -> Entry | None:
        """Return the session's live authorization, answered or not; declined ones do not count."""
        for entry in reversed(self._of(OperationKind.AUTHORIZE)):
            if entry.status is not EntryStatus.DECLINED:
                return entry
        return None

    @property
    def token(self) -> Token:
        """Return the token of the newest authorization, which also decides what follows."""
        authorizations = self._of(OperationKind.AUTHORIZE)
        return parse_token(authorizations[-1].token if authorizations else None)

    @property
    def is_closed(self) -> bool:
        """Return whether the session was closed."""
        return any(
            entry.closes_session and entry.status is EntryStatus.APPROVED for entry in self.entries
        )

    @property
    def authorized_minor(self) -> int:
        """Return the authorized amount, whatever happened to it later."""
        found = self.authorization
        return found.moved_minor if found is not None else 0

    @property
    def captured_minor(self) -> int:
        """Return the captured amount, captured at once or later."""
        found = self.authorization
        at_once = found.moved_minor if found is not None and found.is_captured else 0
        return at_once + sum(entry.moved_minor for entry in self._of(OperationKind.CAPTURE))

    @property
    def left_minor(self) -> int:
        """Return what can still be captured or given back; pending amounts are subtracted."""
        held = sum(
            entry.held_minor for entry in self._of(OperationKind.CAPTURE, OperationKind.CANCEL)
        )
        released = sum(entry.released_minor for entry in self.entries)
        return self.authorized_minor - self.captured_minor - released - held

    @property
    def refundable_minor(self) -> int:
        """Return what can still be refunded; pending amounts are subtracted."""
        refunds = self._of(OperationKind.REFUND)
        return self.captured_minor - sum(entry.moved_minor + entry.held_minor for entry in refunds)

    def _of(self, *kinds: OperationKind) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in kinds]


def carry_out(
    instruction: Instruction, book: Book, now: Instant, *, challenge_key: str, has_waited: bool
) -> list[Entry] | Wait | NothingHappened:
    """Return an operation's effect; the first of the entries is its own, the others are changed by it."""
    behaviour = behaviour_of(instruction, book)
    if behaviour.effect is Effect.UNAVAILABLE:
        return NothingHappened()
    if behaviour.effect is Effect.SLOW and not has_waited:
        return Wait(behaviour.seconds)
    entry = _entry_of(instruction, now)
    refusal = _refusal(instruction, book, now)
    if refusal is not None:
        code, failure = refusal
        return [_declined(entry, code, failure)]
    match behaviour.effect:
        case Effect.DECLINE:
            return [_declined(entry, behaviour.decline_code)]
        case Effect.PENDING:
            held_minor = _held(entry, book)
            return [replace(entry, status=EntryStatus.PENDING, held_minor=held_minor)]
        case Effect.CHALLENGE:
            return [replace(entry, status=EntryStatus.CHALLENGED, challenge_key=challenge_key)]
        case Effect.APPROVE | Effect.AUTO_CAPTURE | Effect.LOST_REPLY | Effect.SLOW:
            return settle(entry, book, now, is_approved=True)
    assert_never(behaviour.effect)


def begun_here(instruction: Instruction, book: Book, now: Instant) -> Entry | None:
    """Return the effect of an operation in the gateway's dashboard; None where the gateway must not carry it out."""
    if instruction.amount_minor < 1 or _refusal(instruction, book, now) is not None:
        return None
    return settle(_entry_of(instruction, now), book, now, is_approved=True)[0]


def reversed_refund(entry: Entry) -> Entry:
    """Return a succeeded refund as undone."""
    return replace(_declined(entry, "reversed"), moved_minor=0)


def behaviour_of(instruction: Instruction, book: Book) -> Behaviour:
    """Return the behaviour that the token asks for: an authorization's own, and the session's for what follows."""
    if instruction.kind is OperationKind.AUTHORIZE:
        return parse_token(instruction.token).base
    return book.token.behaviour(instruction.kind)


def settle(entry: Entry, book: Book, now: Instant, *, is_approved: bool) -> list[Entry]:
    """End a pending operation; the first of the entries is its own, the others are changed by it."""
    if not is_approved:
        was_challenged = entry.status is EntryStatus.CHALLENGED
        code = None if was_challenged else DEFAULT_DECLINE_CODE
        failure = FailureCode.ACTION_FAILED if was_challenged else FailureCode.DECLINED
        return [_declined(entry, code, failure)]
    held_minor = entry.held_minor or _held(entry, book)
    entry = replace(entry, status=EntryStatus.APPROVED, held_minor=0)
    match entry.kind:
        case OperationKind.AUTHORIZE:
            return [_authorized(entry, now)]
        case OperationKind.CAPTURE:
            released_minor = held_minor - entry.amount_minor
            return [replace(entry, moved_minor=entry.amount_minor, released_minor=released_minor)]
        case OperationKind.REFUND:
            return [replace(entry, moved_minor=entry.amount_minor)]
        case OperationKind.CANCEL if entry.closes_session:
            return _closed(entry, book, held_minor)
        case OperationKind.CANCEL:
            return [replace(entry, moved_minor=held_minor, released_minor=held_minor)]
        case OperationKind.OPEN | OperationKind.UPDATE:
            raise AssertionError("The gateway has nothing to open")
    assert_never(entry.kind)


def _refusal(instruction: Instruction, book: Book, now: Instant) -> tuple[str, FailureCode] | None:
    """Return why the gateway must not do it, whatever the token asks for; None where it may."""
    if instruction.closes_session:
        return None
    if _has_expired(instruction, book, now):
        return "expired_authorization", FailureCode.EXPIRED
    is_authorization = instruction.kind is OperationKind.AUTHORIZE
    code = _authorizing_refusal(book) if is_authorization else _movement_refusal(instruction, book)
    return (code, FailureCode.DECLINED) if code is not None else None


def _authorizing_refusal(book: Book) -> str | None:
    if book.is_closed:
        return "session_closed"
    return "already_authorized" if book.authorization is not None else None


def _has_expired(instruction: Instruction, book: Book, now: Instant) -> bool:
    found = book.authorization
    return (
        instruction.kind is OperationKind.CAPTURE
        and found is not None
        and found.capture_before is not None
        and found.capture_before <= now
    )


def _movement_refusal(instruction: Instruction, book: Book) -> str | None:
    found = book.authorization
    if found is None or found.status is not EntryStatus.APPROVED:
        return "no_authorization"
    if instruction.currency != found.currency:
        return "currency_mismatch"
    if instruction.kind is OperationKind.REFUND:
        is_too_large = instruction.amount_minor > book.refundable_minor
        return "amount_exceeds_capture" if is_too_large else None
    if instruction.amount_minor > book.left_minor:
        return "amount_exceeds_authorization"
    if instruction.kind is OperationKind.CANCEL and instruction.amount_minor < book.left_minor:
        return "amount_is_not_what_is_left"
    return None


def _held(entry: Entry, book: Book) -> int:
    """Return what an operation reserves: all that is left where it closes the session or gives the rest back."""
    takes_all = entry.closes_session or entry.releases_rest
    return book.left_minor if takes_all else entry.amount_minor


def _authorized(entry: Entry, now: Instant) -> Entry:
    token = parse_token(entry.token)
    expires = token.expires_seconds
    return replace(
        entry,
        moved_minor=entry.amount_minor,
        is_captured=token.base.effect is Effect.AUTO_CAPTURE,
        capture_before=None if expires is None else after(now, expires),
    )


def _closed(entry: Entry, book: Book, held_minor: int) -> list[Entry]:
    """End a session's open authorization: an unanswered one is void, an approved one is given back."""
    found = book.authorization
    if found is not None and found.is_open:
        return [entry, _declined(found, "canceled")]
    return [replace(entry, moved_minor=held_minor, released_minor=held_minor)]


def _declined(entry: Entry, code: str | None, failure: FailureCode = FailureCode.DECLINED) -> Entry:
    return replace(
        entry,
        status=EntryStatus.DECLINED,
        held_minor=0,
        decline_code=code,
        failure=failure,
    )


def _entry_of(instruction: Instruction, now: Instant) -> Entry:
    return Entry(
        key=instruction.key,
        kind=instruction.kind,
        session=instruction.session,
        currency=instruction.currency,
        amount_minor=instruction.amount_minor,
        status=EntryStatus.PENDING,
        token=instruction.token,
        return_url=instruction.return_url,
        closes_session=instruction.closes_session,
        releases_rest=instruction.releases_rest,
        fingerprint=instruction.fingerprint(),
        created_at=now,
    )
