"""What the flow needs of a store, and of whoever wakes subscribers."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from payments.model.ids import CollectionId
from payments.model.instants import Instant
from payments.ports.transactions import ReadTransaction, Transaction

Answer = TypeVar("Answer")


class Store(Protocol):
    """Runs transactions."""

    def now(self) -> Instant:
        """Read the database's clock, which all processes on it share."""

    async def transact(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; what it raises rolls back. Raises StoreFailed."""

    async def read(self, work: Callable[[ReadTransaction], Answer]) -> Answer:
        """Run a function that only reads, beside whoever writes."""


class Signals(Protocol):
    """A listener that is told after each commit what changed: a hint to look, never the truth."""

    def wake(self, collection_id: CollectionId) -> None: ...


class Hints(Protocol):
    """Carries between processes that something changed. One may be lost or come twice: the log is the truth."""

    def notify(self, collection_id: CollectionId) -> None:
        """Tell the others of a change that is committed, soon and together with further ones; never waits or raises."""

    def listen(
        self, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Return what others have changed, until canceled; None where it is not known what it was.

        While nobody wants to know, nothing need be heard.
        """
