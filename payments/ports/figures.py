"""What an operator watches: how much is unsettled, and what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from payments.model.ids import ProviderId
from payments.model.instants import Instant
from payments.model.statuses import OperationKind


@dataclass(frozen=True, slots=True)
class UnsettledCount:
    """How many operations of one kind at one provider have no outcome."""

    provider_id: ProviderId
    kind: OperationKind
    is_left_to_person: bool
    """Recovery has ended; else it is working on them."""
    operations: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is counted, at one instant."""

    read_at: Instant
    unsettled: Sequence[UnsettledCount]
    oldest_unsettled_at: Instant | None
    parked_reports: int
    """Reports that match nothing here, and were received within the time that they are tried again."""
    mismatched_payments: int
    pending_webhooks: int
    """Deliveries that are on their way to an endpoint, or wait for its next attempt."""
    oldest_pending_webhook_at: Instant | None


@dataclass(slots=True)
class OpenStreams:
    """How many streams of this process follow the log: what happens while one is counted, its subscriber gets."""

    of_collections: int = 0
    of_everything: int = 0


class Counting(Protocol):
    """Counts, wherever the rows are."""

    async def figures(self) -> Figures:
        """Count; raises StoreFailed."""
