"""The search for rows that break an invariant, in slices: no read of it grows with the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

BROKEN_MAX = 100
"""Rows of one invariant that are named: more have the same cause."""


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """A row that breaks an invariant."""

    number: int
    name: str
    id: str
    """The id of the collection, session, payment, operation or delivery."""
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"invariant {self.number}, {self.name}: {self.id} has {self.found}, not {self.expected}"
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """A bounded number of rows, which were read on one snapshot with what belongs to them."""

    broken: Sequence[BrokenInvariant]
    rows: int
    last: str | None
    """The id of the last row; the next slice begins after it. None: nothing is left."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The collections of a bounded number of events, which were read on one snapshot with what belongs to them."""

    broken: Sequence[BrokenInvariant]
    position: int
    """The position in the log of the last event; the next changes come after it."""
    is_last: bool
    """Nothing more has changed."""


class Invariants(Protocol):
    """The check of the invariants. Each read takes one snapshot of a bounded number of rows; it raises StoreFailed."""

    async def slice(self, after: str) -> Slice:
        """Check the rows after an id, table by table, each sorted by id; an empty text is before all of them."""

    async def overdue(self) -> Sequence[BrokenInvariant]:
        """Return what waits for longer than it may, at most 100 rows of each invariant."""

    async def changes(self, after: int) -> Changes:
        """Check the collections that have events after a position in the log."""

    async def rows(self, ids: Sequence[str]) -> Sequence[BrokenInvariant]:
        """Check single rows by their ids."""

    async def end_of_log(self) -> int:
        """Return a position in the log that every later change comes after."""
