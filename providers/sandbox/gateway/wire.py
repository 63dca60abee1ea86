"""The gateway's instructions and entries, as values and in their wire format."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import orjson

from payments.model.failures import FailureCode
from payments.model.ids import SESSION, is_id
from payments.model.instants import Instant
from payments.model.money import decimal_text, is_known_currency
from payments.model.outcomes import JsonObject
from payments.model.statuses import OperationKind
from payments.ports.provider import DataFault
from providers.sandbox.gateway.tokens import parse_token

LARGEST_MINOR = 2**63 - 1
"""The largest integer column of SQLite."""

KEY = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,2000}", re.ASCII)
"""Characters of a return address; the server has checked it against the allowed origins."""

BEGUN_HERE = "own_"
"""The prefix of the keys of operations made in the gateway's dashboard."""

KINDS = {
    kind.value: kind
    for kind in (
        OperationKind.AUTHORIZE,
        OperationKind.CAPTURE,
        OperationKind.REFUND,
        OperationKind.CANCEL,
    )
}


class Malformed(ValueError):
    """An error: a request to the gateway is malformed, and none of it was done."""


class EntryStatus(Enum):
    """The state of an operation."""

    APPROVED = "approved"
    DECLINED = "declined"
    PENDING = "pending"
    CHALLENGED = "challenged"


OPEN_STATUSES = frozenset({EntryStatus.PENDING, EntryStatus.CHALLENGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """An instruction to the gateway for one operation."""

    key: str
    kind: OperationKind
    session: str
    amount_minor: int
    currency: str
    token: str | None = None
    """For an authorization; its token also decides what follows."""
    method: str | None = None
    """The saved payment method that is to pay."""
    return_url: str | None = None
    closes_session: bool = False
    """A cancellation without a payment: it ends whatever the session has open."""
    releases_rest: bool = False

    def fingerprint(self) -> str:
        """Return a digest of all but the key, so that a key can't be reused with another body."""
        left_out = {"key", "kind", *(() if self.method else ("method",))}
        parts = [getattr(self, one.name) for one in fields(self) if one.name not in left_out]
        return hashlib.sha256(orjson.dumps([self.kind.value, *parts])).hexdigest()

    def to_wire(self) -> JsonObject:
        """Return the body of POST /operations."""
        return {
            one.name: self.kind.value if one.name == "kind" else getattr(self, one.name)
            for one in fields(self)
        }


def _matches(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


_CHECKS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "key": (lambda value: _matches(value, KEY), "1 to 64 letters, digits and underscores"),
    "kind": (
        lambda value: isinstance(value, str) and value in KINDS,
        "authorize, capture, refund or cancel",
    ),
    "session": (
        lambda value: isinstance(value, str) and is_id(value, SESSION),
        "the id of a payment session",
    ),
    "amount_minor": (
        lambda value: type(value) is int and 1 <= value <= LARGEST_MINOR,
        "an integer of minor units, from 1 to 2^63 - 1",
    ),
    "currency": (
        lambda value: isinstance(value, str) and is_known_currency(value),
        "a code of ISO 4217",
    ),
    "token": (lambda value: value is None or isinstance(value, str), "a text or null"),
    "method": (
        lambda value: value is None or _matches(value, KEY),
        "1 to 64 letters, digits and underscores, or null",
    ),
    "return_url": (
        lambda value: value is None or _matches(value, ADDRESS),
        "an http or https address, or null",
    ),
    "closes_session": (lambda value: isinstance(value, bool), "true or false"),
    "releases_rest": (lambda value: isinstance(value, bool), "true or false"),
}


def read_instruction(body: object) -> Instruction:
    """Return the instruction in the body of POST /operations; raises Malformed."""
    if not isinstance(body, dict) or body.keys() != _CHECKS.keys():
        raise Malformed(f"An operation is one object with {', '.join(_CHECKS)}.")
    for name, (is_right, what) in _CHECKS.items():
        if not is_right(body[name]):
            raise Malformed(f"{name} is {what}.")
    if body["closes_session"] and body["kind"] != OperationKind.CANCEL.value:
        raise Malformed("closes_session is for a cancellation.")
    if body["releases_rest"] and body["kind"] != OperationKind.CAPTURE.value:
        raise Malformed("releases_rest is for a capture.")
    try:
        parse_token(body["token"])
    except DataFault as fault:
        raise Malformed(str(fault)) from None
    return Instruction(**{**body, "kind": KINDS[body["kind"]]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The one effect of an operation, under its key."""

    key: str
    kind: OperationKind
    session: str
    currency: str
    amount_minor: int
    status: EntryStatus
    moved_minor: int = 0
    """The amount that it authorized, captured, refunded or gave back."""
    held_minor: int = 0
    """The amount that it reserves while pending: its own, and what it will give back."""
    released_minor: int = 0
    """The amount that it gave back: the cancellation's, and what a capture left over."""
    failure: FailureCode | None = None
    decline_code: str | None = None
    is_captured: bool = False
    """Whether an authorization was captured at once."""
    capture_before: Instant | None = None
    token: str | None = None
    challenge_key: str | None = None
    """The unguessable part of the challenge page's address."""
    return_url: str | None = None
    closes_session: bool = False
    releases_rest: bool = False
    fingerprint: str
    asked: int = 1
    """How often the gateway was asked for it."""
    created_at: Instant

    @property
    def is_open(self) -> bool:
        """Return whether it has no outcome yet."""
        return self.status in OPEN_STATUSES

    def to_row(self) -> dict[str, object]:
        """Return the columns of its row."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.value if isinstance(value, Enum) else value
            for name, value in values.items()
        }

    def to_wire(self) -> JsonObject:
        """Return the gateway's answer, the challenge's key included: for the server alone."""
        return {
            "key": self.key,
            "kind": self.kind.value,
            "session": self.session,
            "currency": self.currency,
            "amount_minor": self.amount_minor,
            "status": self.status.value,
            "moved_minor": self.moved_minor,
            "released_minor": self.released_minor,
            "closes_session": self.closes_session,
            "failure": self.failure.value if self.failure else None,
            "decline_code": self.decline_code,
            "is_captured": self.is_captured,
            "capture_before": self.capture_before,
            "challenge_key": self.challenge_key,
        }

    def to_ledger(self) -> JsonObject:
        """Return a line of the ledger, for people and tests."""
        return {
            "key": self.key,
            "kind": self.kind.value,
            "session": self.session,
            "amount": decimal_text(self.amount_minor, self.currency),
            "currency": self.currency,
            "asked": self.asked,
            "result": EntryStatus.PENDING.value if self.is_open else self.status.value,
            "moved": decimal_text(self.moved_minor, self.currency),
        }


ENTRY_COLUMNS = tuple(one.name for one in fields(Entry))
"""The columns of an entry, in the order of a row."""


def entry_from_row(row: Mapping[str, Any]) -> Entry:
    """Return the entry in a row of the ledger."""
    values = dict(row)
    values["kind"] = KINDS[values["kind"]]
    values["status"] = EntryStatus(values["status"])
    if values["failure"] is not None:
        values["failure"] = FailureCode(values["failure"])
    for name in ("is_captured", "closes_session", "releases_rest"):
        values[name] = bool(values[name])
    return Entry(**values)
