"""The search for rows that break an invariant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """A row that breaks an invariant."""

    number: int
    name: str
    id: str
    """The id of the collection, session, payment or operation."""
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"invariant {self.number}, {self.name}: {self.id} has {self.found}, not {self.expected}"
        )


class Invariants(Protocol):
    """The check of the invariants."""

    async def broken(self) -> Sequence[BrokenInvariant]:
        """Return the rows that break an invariant."""
