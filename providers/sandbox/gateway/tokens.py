"""The sandbox's tokens: `BASE[,capture=R][,refund=R][,cancel=R][,expires=SECONDS]` tells the gateway what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from payments.model.statuses import OperationKind
from payments.ports.provider import DataFault

LONGEST_TOKEN = 200
"""Characters: every option at its longest fits."""

SLOWEST_SECONDS = 60.0
"""A wait that outlives every caller and every lease; a longer one tests nothing more."""

LATEST_EXPIRY_SECONDS = 31_536_000.0
"""A year."""

DEFAULT_DECLINE_CODE = "card_declined"
"""The decline code of a token that names none."""

DECLINE_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
SECONDS = re.compile(r"(?:0|[1-9][0-9]{0,7})(?:\.[0-9]{1,3})?", re.ASCII)

BASES = "approve, auto_capture, decline[:code], challenge, pending, unavailable, lost_reply or slow:SECONDS"
RESULTS = "decline[:code], pending, unavailable, lost_reply or slow:SECONDS"


class Effect(Enum):
    """The ways in which the gateway can treat an operation."""

    APPROVE = "approve"
    AUTO_CAPTURE = "auto_capture"
    DECLINE = "decline"
    CHALLENGE = "challenge"
    PENDING = "pending"
    UNAVAILABLE = "unavailable"
    LOST_REPLY = "lost_reply"
    SLOW = "slow"


OF_MOVEMENTS = frozenset(
    {Effect.DECLINE, Effect.PENDING, Effect.UNAVAILABLE, Effect.LOST_REPLY, Effect.SLOW}
)
"""The effects that a token can set for a capture, a refund or a cancellation."""

MOVEMENTS = {
    kind.value: kind for kind in (OperationKind.CAPTURE, OperationKind.REFUND, OperationKind.CANCEL)
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The gateway's treatment of one kind of operation."""

    effect: Effect
    decline_code: str = DEFAULT_DECLINE_CODE
    seconds: float = 0.0
    """How long a slow operation takes."""


APPROVING = Behaviour(Effect.APPROVE)


@dataclass(frozen=True, slots=True)
class Token:
    """The instructions of a session's token for its authorization and for what follows."""

    base: Behaviour = APPROVING
    movements: Mapping[OperationKind, Behaviour] = field(default_factory=dict)
    expires_seconds: float | None = None
    """From the authorization to the end of its captures; None: no end."""

    def behaviour(self, kind: OperationKind) -> Behaviour:
        """Return the behaviour for an operation of a kind."""
        if kind is OperationKind.AUTHORIZE:
            return self.base
        return self.movements.get(kind, APPROVING)


OF_SAVINGS = frozenset(
    {
        Effect.APPROVE,
        Effect.DECLINE,
        Effect.CHALLENGE,
        Effect.UNAVAILABLE,
        Effect.LOST_REPLY,
        Effect.SLOW,
    }
)
"""The effects that a token can set for the saving of a payment method."""


def parse_saving_token(text: str | None) -> Behaviour:
    """Return the behaviour in a saving's token, which has no options; without a token it approves. Raises DataFault."""
    token = parse_token(text)
    is_more = bool(token.movements) or token.expires_seconds is not None
    if is_more or token.base.effect not in OF_SAVINGS:
        raise _fault(
            "A saving takes approve, decline[:code], challenge, unavailable, lost_reply or slow:SECONDS."
        )
    return token.base


@lru_cache(maxsize=256)
def parse_token(text: str | None) -> Token:
    """Return a parsed token; without one, everything is approved. Raises DataFault with what would be valid.

    The error never repeats the text: it may contain a card number.
    """
    if text is None:
        return Token()
    if len(text) > LONGEST_TOKEN:
        raise _fault(f"A token has at most {LONGEST_TOKEN} characters.")
    base, *options = text.split(",")
    movements: dict[OperationKind, Behaviour] = {}
    expires_seconds = None
    for option in options:
        name, separator, value = option.partition("=")
        kind = MOVEMENTS.get(name)
        if not separator or (kind is None and name != "expires"):
            raise _fault(
                "After the first comma, a token has capture=R, refund=R, cancel=R or expires=SECONDS."
            )
        if kind in movements or (kind is None and expires_seconds is not None):
            raise _fault(f"A token has {name}= only once.")
        if kind is None:
            expires_seconds = _seconds(value, "expires=", LATEST_EXPIRY_SECONDS)
        else:
            movements[kind] = _behaviour(value, OF_MOVEMENTS, f"{name}= takes {RESULTS}.")
    return Token(
        _behaviour(base, frozenset(Effect), f"A token begins with {BASES}."),
        movements,
        expires_seconds,
    )


def _behaviour(text: str, allowed: frozenset[Effect], sentence: str) -> Behaviour:
    name, separator, argument = text.partition(":")
    effect = _EFFECTS.get(name)
    if effect is None or effect not in allowed:
        raise _fault(sentence)
    if effect is Effect.SLOW:
        return Behaviour(effect, seconds=_seconds(argument, "slow:", SLOWEST_SECONDS))
    if not separator:
        return Behaviour(effect)
    if effect is not Effect.DECLINE:
        raise _fault(f"{name} takes nothing after it.")
    if DECLINE_CODE.fullmatch(argument) is None:
        raise _fault(
            "A decline code is a lower-case letter followed by lower-case letters, digits and underscores."
        )
    return Behaviour(effect, decline_code=argument)


_EFFECTS = {effect.value: effect for effect in Effect}


def _seconds(text: str, name: str, most: float) -> float:
    if SECONDS.fullmatch(text) is None or float(text) > most:
        raise _fault(f"{name} takes seconds, such as {name}2 or {name}0.5, at most {most:.0f}.")
    return float(text)


def _fault(message: str) -> DataFault:
    return DataFault("token", message)
