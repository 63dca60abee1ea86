"""A card terminal in a package of its own, as somebody else would write it: it has to be asked for everything.

What it answers stands in the session's `data`, one list for each kind of ask: `{"open": ["unknown", "opened"]}` answers
the first ask with one key by `unknown` and every further one by `opened`. Each ask is a line of the terminal's journal.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from payments.model.ids import OperationId, ProviderId
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import (
    Ask,
    Authorized,
    ConfirmWithSdk,
    Declined,
    Effect,
    JsonObject,
    JsonValue,
    Moved,
    NotReached,
    Opened,
    Outcome,
    Report,
    Unknown,
)
from payments.model.statuses import OperationKind
from payments.ports.provider import NoReports
from providers.settings import ProviderSettings

JOURNAL = Path("terminal.jsonl")
"""In the directory that the server runs in."""


NO_EFFECTS: Sequence[Effect] = ()


class Terminal:
    """Answers as the session's data says."""

    supported_currencies: frozenset[str] | None = frozenset({"USD", "EUR"})
    browser_keys: frozenset[str] = frozenset()
    keeps_keys_seconds: float | None = 23 * 3_600.0

    def __init__(
        self, id: str, *, opening: Sequence[str] = ("opened",), captures_once: bool = False
    ) -> None:
        """Return the terminal, and what it answers to an opening that says nothing else."""
        self.id = ProviderId(id)
        self.name = id.title()
        self.client_configuration: JsonObject = {"terminal": id}
        self.captures_once = captures_once
        self._opening = opening

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Take everything."""

    def decide(self, ask: Ask) -> Outcome | None:
        """Decide nothing: the terminal stands elsewhere."""
        return None

    async def ask(self, ask: Ask) -> Outcome:
        """Answer the n-th ask of a key by the n-th word."""
        standard = self._opening if ask.kind is OperationKind.OPEN else ["done"]
        words = cast(Sequence[str], ask.data.get(ask.kind.value.lower(), standard))
        return outcome_of(note(ask, words), ask)

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Answer the n-th look at a key by the n-th word under `look`; absent: the terminal has no such thing."""
        words = cast(Sequence[str], ask.data.get("look", ["unknown"]))
        looked = replace(ask, key=OperationId(f"look at {ask.key}"))
        word = note(looked, words)
        return None if word == "absent" else outcome_of(word, looked)

    async def effects(self, since: Instant) -> AsyncIterator[Effect]:
        """Have no records."""
        for effect in NO_EFFECTS:
            yield effect

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Report nothing."""
        raise NoReports("The terminal has no reports.")

    def parse_report(self, body: bytes) -> Report:
        """Report nothing."""
        raise NoReports("The terminal has no reports.")

    async def open(self) -> None:
        """Need nothing."""

    async def close(self) -> None:
        """Hold nothing."""


def note(ask: Ask, words: Sequence[str]) -> str:
    """Write an ask into the journal, and return the word that is its answer."""
    with JOURNAL.open("a+") as journal:
        journal.seek(0)
        asked = sum(1 for line in journal if json.loads(line)["key"] == ask.key)
        word = words[min(asked, len(words) - 1)]
        line = {
            "key": ask.key,
            "session": ask.session_id,
            "kind": "look" if ask.key.startswith("look") else ask.kind.value,
            "amount": str(ask.amount),
            "data": dict(ask.data),
            "return_url": ask.return_url,
            "word": word,
        }
        journal.write(json.dumps(line) + "\n")
    return word


def outcome_of(word: str, ask: Ask) -> Outcome:
    """Turn a word into an outcome; a number in minor units after it is what the terminal says it moved.

    A currency may follow: `done:10000 JPY`.
    """
    name, _, moved = word.partition(":")
    minor, _, currency = moved.partition(" ")
    amount = Money(int(minor), currency or ask.amount.currency) if minor else ask.amount
    match name:
        case "done" | "opened":
            return _done(ask, amount)
        case "browser":
            return Opened(action=ConfirmWithSdk("terminal-secret", "terminal-key"))
        case "authorized":
            return Authorized(amount)
        case "captured":
            return Authorized(amount, is_captured=True)
        case "declined":
            return Declined("terminal_says_no")
        case "not_reached":
            return NotReached()
        case "unknown":
            return Unknown()
        case "other_kind":
            return Opened() if ask.kind is not OperationKind.OPEN else Moved(ask.amount)
        case _:
            raise RuntimeError("The cable is broken, and this message names sk_terminal_secret.")


def _done(ask: Ask, amount: Money) -> Outcome:
    if ask.kind in (OperationKind.OPEN, OperationKind.UPDATE):
        return Opened(reference=f"terminal-{ask.session_id}")
    return Authorized(amount) if ask.kind is OperationKind.AUTHORIZE else Moved(amount)


def terminal(_settings: ProviderSettings) -> Terminal:
    """Make the terminal that opens what it is told to open."""
    return Terminal("terminal")


def once(_settings: ProviderSettings) -> Terminal:
    """Make one that captures once and gives the rest back."""
    return Terminal("once", captures_once=True)


def refusing(_settings: ProviderSettings) -> Terminal:
    """Make one that opens nothing."""
    return Terminal("refusing", opening=("declined",))


def silent(_settings: ProviderSettings) -> Terminal:
    """Make one that answers an opening when it is asked again."""
    return Terminal("silent", opening=("unknown", "opened"))
