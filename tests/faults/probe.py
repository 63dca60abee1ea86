"""A provider that another package brings: from inside an ask it looks whether the database is free to be written."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing

from payments.ids import ProviderId
from payments.outcomes import Ask, Authorized, JsonObject, JsonValue, Moved, Opened, Outcome, Report
from payments.ports import DataFault, Provider, ReportRefused
from payments.statuses import OperationKind
from providers.settings import ProviderSettings

PATIENCE_SECONDS = 0.5
"""For a transaction of somebody else's to end; this process's own can't while its loop is held up here."""


class Probe:
    """Writes down each ask, whether its operation was committed before, and whether a transaction was open."""

    id = ProviderId("probe")
    name = "Probe"
    supported_currencies: frozenset[str] | None = None
    client_configuration: JsonObject
    browser_keys: frozenset[str] = frozenset()
    captures_once = False

    def __init__(self, database: str, notes: str) -> None:
        self.client_configuration = {}
        self._database = database
        self._notes = notes

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

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Refuse."""
        raise ReportRefused(404, "The probe has no reports.")

    def parse_report(self, body: bytes) -> Report:
        """Refuse."""
        raise ReportRefused(404, "The probe has no reports.")

    async def close(self) -> None:
        """Do nothing."""

    def _note(self, ask: Ask) -> None:
        with closing(
            sqlite3.connect(self._database, timeout=PATIENCE_SECONDS, isolation_level=None)
        ) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                found = "free"
            except sqlite3.OperationalError as error:
                found = str(error)
            row = database.execute(
                "SELECT kind, amount_minor FROM operations WHERE id = ?", (ask.key,)
            ).fetchone()
            is_committed = row == (ask.kind.value, ask.amount.minor)
        with open(self._notes, "a") as notes:  # noqa: PTH123 - a line, in order
            notes.write(f"{ask.kind.value} {is_committed} {found}\n")


def create(_settings: ProviderSettings) -> Provider:
    """Make the provider for the database that the test names."""
    return Probe(os.environ["PROBE_DATABASE"], os.environ["PROBE_NOTES"])
