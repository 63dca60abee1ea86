"""The operator's figures: how much is unsettled, and what waits for an operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from payments.model.ids import ProviderId
from payments.model.instants import Instant
from payments.model.statuses import OperationKind


@dataclass(frozen=True, slots=True)
class UnsettledCount:
    """The number of operations of one kind at one provider without an outcome."""

    provider_id: ProviderId
    kind: OperationKind
    is_left_to_operator: bool
    """Whether recovery has given up; otherwise it is working on them."""
    operations: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures at one instant."""

    read_at: Instant
    unsettled: Sequence[UnsettledCount]
    oldest_unsettled_at: Instant | None
    parked_reports: int
    """Reports that match nothing here, received within the time that they are tried again."""
    mismatched_payments: int
    pending_webhooks: int
    """Deliveries that are under way to an endpoint, or wait for its next attempt."""
    oldest_pending_webhook_at: Instant | None


@dataclass(slots=True)
class OpenStreams:
    """The number of this process's streams that follow the log: a counted stream misses no later event."""

    of_collections: int = 0
    of_everything: int = 0


class Counting(Protocol):
    """A source of figures."""

    async def figures(self) -> Figures:
        """Return the figures; raises StoreFailed."""
