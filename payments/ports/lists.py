"""Pages of a list: their filters, and the places between which they lie. Implemented by the database's room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from payments.model.entities import Payment, PaymentCollection
from payments.model.ids import CollectionId, PaymentId
from payments.model.instants import Instant
from payments.model.statuses import CollectionStatus, PaymentStatus


class Place(NamedTuple):
    """A position in the order of creation, which never changes."""

    created_at: int
    id: str


FIRST = Place(-1, "")
LAST = Place(2**63 - 1, "~")
"""Before and after everything: every id is letters and digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFilter:
    """The filter of a list of collections; None: not by this."""

    ids: Sequence[CollectionId] | None = None
    statuses: Sequence[CollectionStatus] | None = None
    reference: str | None = None
    region_id: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """The filter of a list of payments; None: not by this."""

    ids: Sequence[PaymentId] | None = None
    statuses: Sequence[PaymentStatus] | None = None
    collection_id: CollectionId | None = None
    provider_id: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The part of a list between two places, neither of them included."""

    after: Place = FIRST
    before: Place = LAST

    def within(self, since: Instant | None, until: Instant | None) -> "Stretch":
        """Return the part that was created from an instant on and before another one."""
        return Stretch(
            after=self.after if since is None else max(self.after, Place(since, "")),
            before=self.before if until is None else min(self.before, Place(until, "")),
        )


class Lists(Protocol):
    """Reads of pages by keyset: rows written meanwhile neither move nor repeat what is on them."""

    async def collection_page(
        self, wanted: CollectionFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[PaymentCollection]:
        """Return the first items of a stretch, from its old or its new end."""

    async def payment_page(
        self, wanted: PaymentFilter, stretch: Stretch, *, limit: int, newest_first: bool
    ) -> Sequence[Payment]:
        """Return the first items of a stretch, from its old or its new end."""

    async def count_collections(self, wanted: CollectionFilter, stretch: Stretch, most: int) -> int:
        """Return the number of items in a stretch, counted at most up to a number."""

    async def count_payments(self, wanted: PaymentFilter, stretch: Stretch, most: int) -> int:
        """Return the number of items in a stretch, counted at most up to a number."""
