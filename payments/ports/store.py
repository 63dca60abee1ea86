"""The ports of the store, and of the signals that wake subscribers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from payments.model.ids import CollectionId
from payments.model.instants import Instant
from payments.ports.transactions import ReadTransaction, Transaction

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a transaction is about, so that a store can read all of it at once."""

    id: str | None
    """Of a collection or of something that belongs to one, as the caller gave it; None for a new collection."""
    key: tuple[str, str] | None = None
    """The request's idempotency key, after its owner."""


class Store(Protocol):
    """A store that runs transactions."""

    def now(self) -> Instant:
        """Return the time of the database's clock, which all processes on it share."""

    async def transact(
        self, work: Callable[[Transaction], Answer], about: Subject | None = None
    ) -> Answer:
        """Run a function in one transaction and commit; its exception rolls back. Raises StoreFailed."""

    async def read(self, work: Callable[[ReadTransaction], Answer]) -> Answer:
        """Run a read-only function, beside any writer."""


class Signals(Protocol):
    """A listener called after each commit with what changed: only a hint, never the truth."""

    def wake(self, collection_id: CollectionId) -> None: ...


class Hints(Protocol):
    """Hints between processes that something changed. One may be lost or come twice: the log is the truth."""

    def notify(self, collection_id: CollectionId) -> None:
        """Notify other processes of a committed change, soon and in batches; never waits or raises."""

    def listen(
        self, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Yield what other processes changed, until canceled; None where that is not known.

        Without listeners, nothing need be received.
        """
