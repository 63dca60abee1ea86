"""Pages of a list: what is to be on them, and between which places. Implemented by the database's room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from payments.model.entities import Payment, PaymentCollection
from payments.model.ids import CollectionId, PaymentId
from payments.model.instants import Instant
from payments.model.statuses import CollectionStatus, PaymentStatus


class Place(NamedTuple):
    """Where something stands in the order of creation, which never changes."""

    created_at: int
    id: str


FIRST = Place(-1, "")
LAST = Place(2**63 - 1, "~")
"""Before and after everything: every id is letters and digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFilter:
    """What a list of collections is narrowed down to; None: not by this."""

    ids: Sequence[CollectionId] | None = None
    statuses: Sequence[CollectionStatus] | None = None
    reference: str | None = None
    region_id: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """What a list of payments is narrowed down to; None: not by this."""

    ids: Sequence[PaymentId] | None = None
    statuses: Sequence[PaymentStatus] | None = None
    collection_id: CollectionId | None = None
    provider_id: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The part of a list that lies between two places, neither of them included."""

    after: Place = FIRST
    before: Place = LAST

    def within(self, since: Instant | None, until: Instant | None) -> "Stretch":
        """Narrow it down to what was created from an instant on and before another one."""
        return Stretch(
            after=self.after if since is None else max(self.after, Place(since, "")),
            before=self.before if until is None else min(self.before, Place(until, "")),
        )


class Lists(Protocol):
    """Reads pages by keyset: what is written meanwhile neither moves nor repeats what is on them."""

    async def collection_page(
        self, wanted: CollectionFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[PaymentCollection]:
        """Read the first so many of a stretch, from its old or its new end on."""

    async def payment_page(
        self, wanted: PaymentFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[Payment]:
        """Read the first so many of a stretch, from its old or its new end on."""

    async def count_collections(self, wanted: CollectionFilter, stretch: Stretch, most: int) -> int:
        """Count what is on a stretch, at most up to a number."""

    async def count_payments(self, wanted: PaymentFilter, stretch: Stretch, most: int) -> int:
        """Count what is on a stretch, at most up to a number."""
