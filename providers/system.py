"""The system provider: money that a shop takes itself, such as cash or a bank transfer. It always agrees."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import assert_never

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

NO_EFFECTS: Sequence[Effect] = ()


class SystemProvider:
    """The system provider: it works inside this process and decides everything within the transaction."""

    id = ProviderId("system")
    name = "System"
    supported_currencies: frozenset[str] | None = None
    client_configuration: JsonObject
    browser_keys: frozenset[str] = frozenset()
    captures_once = False
    is_manual = True
    keeps_keys_seconds: float | None = None

    def __init__(self) -> None:
        self.client_configuration = {}

    def check(self, data: Mapping[str, JsonValue]) -> None:
        """Refuse every key; raises DataFault."""
        for key in data:
            raise DataFault(key, "The system provider takes no data.")

    def decide(self, ask: Ask) -> Outcome:
        """Agree."""
        match ask.kind:
            case OperationKind.OPEN | OperationKind.UPDATE:
                return Opened()
            case OperationKind.AUTHORIZE:
                return Authorized(ask.amount)
            case OperationKind.CAPTURE | OperationKind.REFUND | OperationKind.CANCEL:
                return Moved(ask.amount)
        assert_never(ask.kind)

    async def ask(self, ask: Ask) -> Outcome:
        """Agree, as within the transaction; no request is needed."""
        return self.decide(ask)

    async def look_up(self, ask: Ask) -> Outcome | None:
        """Agree, as within the transaction; no look-up is needed."""
        return self.decide(ask)

    async def effects(self, since: Instant) -> AsyncIterator[Effect]:
        """Return nothing: this provider's effects are in the database alone."""
        for effect in NO_EFFECTS:
            yield effect

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """Refuse: nothing outside this process sends reports; raises NoReports."""
        raise NoReports("The system provider has no reports.")

    def parse_report(self, body: bytes) -> Report:
        """Refuse: there are none in the inbox; raises NoReports."""
        raise NoReports("The system provider has no reports.")

    async def open(self) -> None:
        """Do nothing: there are no connections."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def create(_settings: ProviderSettings) -> Provider:
    """Return the provider, which is always there."""
    return SystemProvider()
