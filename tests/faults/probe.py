"""A provider that another package brings: from inside an ask it looks whether the database is free to be written."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from payments.model.ids import ProviderId
from payments.model.instants import Instant
from payments.model.outcomes import (
    Ask,
    Authorized,
    Effect,
    JsonObject,
    JsonValue,
    Moved,
    Opened,
    Outcome,
    Report,
)
from payments.model.statuses import OperationKind
from payments.ports.provider import DataFault, NoReports, Provider
from providers.settings import ProviderSettings
from tests.support.stores import databases

NOTES = Path("notes")
"""A line for each ask, in the directory that the server runs in."""


NO_EFFECTS: Sequence[Effect] = ()


class Probe:
    """Writes down each ask, whether its operation was committed before, and whether a transaction was open."""

    id = ProviderId("probe")
    name = "Probe"
    supported_currencies: frozenset[str] | None = None
    client_configuration: JsonObject
    browser_keys: frozenset[str] = frozenset()
    captures_once = False
    keeps_keys_seconds: float | None = None

    def __init__(self, database: str) -> None:
        self.client_configuration = {}
        self._database = database

    async def open(self) -> None:
        """Do nothing."""

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Take `raises` alone."""
        for key in data:
            if key != "raises":
                raise DataFault(key, "The probe takes raises alone.")

    def decide(self, ask: Ask) -> Outcome | None:
        """Leave everything to be asked."""
        return None

    async def ask(self, ask: Ask) -> Outcome:
        """Look at the database, write down what was found, and agree."""
        self._note(ask)
        if ask.data.get("raises") is True:
            raise RuntimeError("secret sk_live_of_the_probe")
        match ask.kind:
            case OperationKind.OPEN | OperationKind.UPDATE:
                return Opened()
            case OperationKind.AUTHORIZE:
                return Authorized(ask.amount)
            case OperationKind.CAPTURE | OperationKind.REFUND | OperationKind.CANCEL:
                return Moved(ask.amount)

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Know nothing."""
        return None

    async def effects(self, since: Instant) -> AsyncIterator[Effect]:
        """Have no records."""
        for effect in NO_EFFECTS:
            yield effect

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Refuse."""
        raise NoReports("The probe has no reports.")

    def parse_report(self, body: bytes) -> Report:
        """Refuse."""
        raise NoReports("The probe has no reports.")

    async def close(self) -> None:
        """Do nothing."""

    def _note(self, ask: Ask) -> None:
        # Called in the server's own loop: none of its transactions can end while this looks.
        is_free = databases.is_free(self._database)
        statement = "SELECT kind, amount_minor FROM operations WHERE id = ?"
        found = databases.rows(self._database, statement, ask.key)
        is_committed = found == [(ask.kind.value, ask.amount.minor)]
        with NOTES.open("a") as notes:
            notes.write(f"{ask.kind.value} {is_committed} {'free' if is_free else 'held'}\n")


def create(_settings: ProviderSettings) -> Provider:
    """Make the provider; it looks at the database that the server is on."""
    return Probe(os.environ.get("TILLGRAPH_DATABASE_URL", "sqlite+aiosqlite:///tillgraph.db"))
