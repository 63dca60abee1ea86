"""The gateway's answers as the domain's outcomes. A broken or contradictory answer proves nothing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeGuard, assert_never

import orjson

from payments.model.failures import FailureCode
from payments.model.ids import SESSION, SessionId, is_id
from payments.model.instants import LATEST, SECOND, Instant
from payments.model.money import MOST_MINOR, Money, is_known_currency
from payments.model.outcomes import (
    ActionRequired,
    Ask,
    Authorized,
    Declined,
    Effect,
    JsonObject,
    Moved,
    NotReached,
    Outcome,
    PaidWith,
    Processing,
    RedirectToUrl,
    Unknown,
)
from payments.model.statuses import OperationKind
from providers.sandbox.gateway.tokens import DECLINE_CODE
from providers.sandbox.gateway.wire import BEGUN_HERE, KEY, KINDS, EntryStatus

Facts = Mapping[str, object]
ChallengeUrl = Callable[[str, str], str]
"""Returns the challenge page's address for a session's id and the challenge's key."""

CARD = PaidWith(type="card", label="Sandbox card ending in 4242", brand="sandbox", last_four="4242")

FAILURES = {
    code.value: code
    for code in (FailureCode.DECLINED, FailureCode.ACTION_FAILED, FailureCode.EXPIRED)
}


def outcome_of_response(status: int, body: bytes, ask: Ask, challenge_url: ChallengeUrl) -> Outcome:
    """Return the outcome that the answer to a request stands for.

    200 with the operation's own facts: what they say. Any other status with the promise that nothing happened: not
    reached. Anything else is unknown, a 409 included: the key belongs to something else there.
    """
    try:
        facts = orjson.loads(body)
    except ValueError:
        return Unknown()
    if not isinstance(facts, dict):
        return Unknown()
    if status == 200:
        if (facts.get("key"), facts.get("kind")) != (ask.key, ask.kind.value):
            return Unknown()
        if facts.get("session") != ask.session_id:
            return Unknown()
        return outcome_of_facts(facts, challenge_url)
    is_promised = facts.get("nothing_happened") is True and status != 409
    return NotReached() if is_promised else Unknown()


def outcome_of_facts(facts: Facts, challenge_url: ChallengeUrl) -> Outcome:
    """Return the outcome of an operation's facts, from an answer or a report; Unknown where they are contradictory."""
    kind, status = kind_of(facts), facts.get("status")
    moved = _money(facts)
    session = session_of(facts)
    is_known = isinstance(status, str) and status in _STATUSES
    if not is_known or kind is None or moved is None or session is None:
        return Unknown()
    match EntryStatus(status):
        case EntryStatus.APPROVED if kind is OperationKind.AUTHORIZE:
            return _authorized(facts, moved)
        case EntryStatus.APPROVED if moved.minor == 0 and kind is not OperationKind.CANCEL:
            return Unknown()
        case EntryStatus.APPROVED:
            return Moved(moved)
        case EntryStatus.DECLINED:
            return _declined(facts)
        case EntryStatus.PENDING:
            return Processing()
        case EntryStatus.CHALLENGED if kind is OperationKind.AUTHORIZE:
            return _action(session, facts.get("challenge_key"), challenge_url)
        case EntryStatus.CHALLENGED:
            return Unknown()
        case other:
            assert_never(other)


def effect_of_facts(facts: Facts, challenge_url: ChallengeUrl) -> Effect:
    """Return one of the gateway's effects; raises ValueError where its facts are contradictory."""
    key, session, kind = key_of(facts), session_of(facts), kind_of(facts)
    amount, released = _money(facts, "amount_minor"), _money(facts, "released_minor")
    if key is None or session is None or kind is None:
        raise ValueError("An effect has a key, a session and a kind.")
    if amount is None or amount.minor == 0 or released is None:
        raise ValueError("An effect has an amount, and one that it released.")
    return Effect(
        key=key,
        is_external=key.startswith(BEGUN_HERE),
        kind=kind,
        session_id=session,
        amount=amount,
        outcome=outcome_of_facts(facts, challenge_url),
        released_minor=released.minor if kind is OperationKind.CAPTURE else 0,
        closes_session=facts.get("closes_session") is True,
    )


_STATUSES = frozenset(status.value for status in EntryStatus)


def _money(facts: Facts, name: str = "moved_minor") -> Money | None:
    minor, currency = facts.get(name), facts.get("currency")
    if type(minor) is not int or not 0 <= minor <= MOST_MINOR:
        return None
    if not isinstance(currency, str) or not is_known_currency(currency):
        return None
    return Money(minor, currency)


def _authorized(facts: Facts, moved: Money) -> Outcome:
    is_captured, capture_before = facts.get("is_captured"), facts.get("capture_before")
    if moved.minor == 0 or not isinstance(is_captured, bool):
        return Unknown()
    if capture_before is not None and not _is_instant(capture_before):
        return Unknown()
    return Authorized(
        moved,
        is_captured=is_captured,
        reference=f"sandbox_{facts.get('key')}",
        paid_with=CARD,
        provider_record=_record(facts, moved, capture_before),
        capture_before=capture_before,
    )


def _is_instant(value: object) -> TypeGuard[Instant]:
    return type(value) is int and 0 <= value <= LATEST


def _record(facts: Facts, moved: Money, capture_before: Instant | None) -> JsonObject:
    """Return what back ends may see of the gateway's own record."""
    until = None
    if capture_before is not None:
        until = datetime.fromtimestamp(capture_before / SECOND, UTC).isoformat()
    return {
        "gateway": "sandbox",
        "key": str(facts.get("key")),
        "amount": str(moved),
        "currency": moved.currency,
        "isCaptured": bool(facts.get("is_captured")),
        "captureBefore": until,
    }


def _declined(facts: Facts) -> Outcome:
    failure, code = facts.get("failure"), facts.get("decline_code")
    if not isinstance(failure, str) or failure not in FAILURES:
        return Unknown()
    if code is not None and (not isinstance(code, str) or DECLINE_CODE.fullmatch(code) is None):
        return Unknown()
    return Declined(code, FAILURES[failure])


def _action(session: str, key: object, challenge_url: ChallengeUrl) -> Outcome:
    if not isinstance(key, str) or not key:
        return Unknown()
    return ActionRequired(RedirectToUrl(challenge_url(session, key)))


def session_of(facts: Facts) -> SessionId | None:
    """Return the session's id in an operation's facts; None where it is invalid."""
    session = facts.get("session")
    return SessionId(session) if isinstance(session, str) and is_id(session, SESSION) else None


def kind_of(facts: Facts) -> OperationKind | None:
    """Return an operation's kind in its facts; None where it is invalid."""
    kind = facts.get("kind")
    return KINDS.get(kind) if isinstance(kind, str) else None


def key_of(facts: Facts) -> str | None:
    """Return the operation's key in its facts; None where it is invalid."""
    key = facts.get("key")
    return key if isinstance(key, str) and KEY.fullmatch(key) is not None else None
