"""Turns what the gateway says into the domain's outcomes. What is broken or contradictory proves nothing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import assert_never, cast

import orjson

from payments.failures import FailureCode
from payments.ids import SESSION, SessionId, is_id
from payments.instants import SECOND, Instant
from payments.money import Money, is_currency
from payments.outcomes import (
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
from payments.statuses import OperationKind
from providers.sandbox.records import BEGUN_HERE, KEY, KINDS, LARGEST_MINOR, EntryStatus
from providers.sandbox.tokens import DECLINE_CODE

Facts = Mapping[str, object]
ChallengeUrl = Callable[[str, str], str]
"""Makes the challenge page's address from a session's id and the challenge's key."""

CARD = PaidWith(type="card", label="Sandbox card ending in 4242", brand="sandbox", last_four="4242")

FAILURES = {
    code.value: code
    for code in (FailureCode.DECLINED, FailureCode.ACTION_FAILED, FailureCode.EXPIRED)
}


def outcome_of_response(status: int, body: bytes, ask: Ask, challenge_url: ChallengeUrl) -> Outcome:
    """Read the answer to an ask.

    200 with the operation's own facts: what they say. Any other status with the promise that nothing happened: not
    reached. All else is unknown, a 409 included: there is something under this key, and it is not this.
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
    """Read an operation's facts, from an answer or a report; Unknown where they do not fit together."""
    kind, status = facts.get("kind"), facts.get("status")
    moved = _money(facts)
    session = facts.get("session")
    is_known = isinstance(kind, str) and kind in KINDS and status in _STATUSES
    if not is_known or moved is None or not isinstance(session, str):
        return Unknown()
    match EntryStatus(status):
        case EntryStatus.APPROVED if kind == OperationKind.AUTHORIZE.value:
            return _authorized(facts, moved)
        case EntryStatus.APPROVED:
            return Moved(moved)
        case EntryStatus.DECLINED:
            return _declined(facts)
        case EntryStatus.PENDING:
            return Processing()
        case EntryStatus.CHALLENGED if kind == OperationKind.AUTHORIZE.value:
            return _action(session, facts.get("challenge_key"), challenge_url)
        case EntryStatus.CHALLENGED:
            return Unknown()
        case other:
            assert_never(other)


def effect_of_facts(facts: Facts, challenge_url: ChallengeUrl) -> Effect:
    """Read one of the gateway's effects; raises ValueError where its facts do not fit together."""
    key, session, kind = key_of(facts), facts.get("session"), facts.get("kind")
    amount_minor, currency = facts.get("amount_minor"), facts.get("currency")
    released_minor = facts.get("released_minor")
    is_known = isinstance(session, str) and is_id(session, SESSION) and kind in KINDS
    is_counted = type(amount_minor) is int and type(released_minor) is int and amount_minor >= 1
    if key is None or not is_known or not is_counted or not is_currency(str(currency)):
        raise ValueError("The facts of an effect do not fit together.")
    is_capture = kind == OperationKind.CAPTURE.value
    return Effect(
        key=key,
        is_begun_there=key.startswith(BEGUN_HERE),
        kind=KINDS[str(kind)],
        session_id=SessionId(str(session)),
        amount=Money(cast(int, amount_minor), str(currency)),
        outcome=outcome_of_facts(facts, challenge_url),
        released_minor=cast(int, released_minor) if is_capture else 0,
        closes_session=facts.get("closes_session") is True,
    )


_STATUSES = frozenset(status.value for status in EntryStatus)


def _money(facts: Facts) -> Money | None:
    minor, currency = facts.get("moved_minor"), facts.get("currency")
    if type(minor) is not int or not 0 <= minor <= LARGEST_MINOR:
        return None
    if not isinstance(currency, str) or not is_currency(currency):
        return None
    return Money(minor, currency)


def _authorized(facts: Facts, moved: Money) -> Outcome:
    is_captured, capture_before = facts.get("is_captured"), facts.get("capture_before")
    if moved.minor == 0 or not isinstance(is_captured, bool):
        return Unknown()
    if capture_before is not None and type(capture_before) is not int:
        return Unknown()
    return Authorized(
        moved,
        is_captured=is_captured,
        reference=f"sandbox_{facts.get('key')}",
        paid_with=CARD,
        record=_record(facts, moved, capture_before),
        capture_before=None if capture_before is None else Instant(capture_before),
    )


def _record(facts: Facts, moved: Money, capture_before: int | None) -> JsonObject:
    """Give what back ends may see of the gateway's own record."""
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


def key_of(facts: Facts) -> str | None:
    """Read the operation's key out of its facts; None where it is none."""
    key = facts.get("key")
    return key if isinstance(key, str) and KEY.fullmatch(key) is not None else None
