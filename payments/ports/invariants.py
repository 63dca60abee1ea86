"""What finds the rows that break an invariant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """One row that breaks an invariant."""

    number: int
    name: str
    id: str
    """Of the collection, session, payment or operation."""
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"invariant {self.number}, {self.name}: {self.id} has {self.found}, not {self.expected}"
        )


class Invariants(Protocol):
    """Looks for what breaks an invariant."""

    async def broken(self) -> Sequence[BrokenInvariant]:
        """List what breaks an invariant."""
