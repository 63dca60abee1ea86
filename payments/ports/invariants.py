"""What finds the rows that break an invariant, and the payments that an operator has to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from payments.model.mismatches import Mismatch


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


class Mismatches(Protocol):
    """Looks for mismatched payments."""

    async def count(self) -> int:
        """Count them."""

    async def found(self) -> Sequence[Mismatch]:
        """List them by id, at most 100, with what differs."""
