"""Follows the log for subscribers.

A wake-up is only a hint to look: the log is the truth, and a slow poll is the safety net.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from payments.model.entities import Event
from payments.model.errors import StoreFailed, StreamBehind
from payments.model.ids import CollectionId
from payments.ports.figures import OpenStreams
from payments.ports.reads import Log
from payments.ports.store import Hints
from schema.cursors import event_cursor

log = structlog.get_logger("updates")

POLL_SECONDS = 2.0
"""How long a change can go unseen when no hint comes: made by another process, or its wake-up was lost."""

BATCH = 200
"""Events that a subscriber catches up with at a time: what it holds in memory."""

LONGEST_BACKLOG = 1_000
"""Events that may wait for a live subscriber; beyond that it does not keep up and is told to resume."""


BUSY_SECONDS = 0.5
"""Before a stream tries again to read from a database that is busy."""


@dataclass(eq=False, slots=True)
class Follower:
    """One subscriber's place in a log."""

    collection_id: CollectionId | None
    """None: the whole log."""
    seen: int
    """The sequence in the collection's log, or the position in the whole one, of the last event that was read."""
    cursor: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log is read on from."""

    collection_id: CollectionId | None
    after: int
    limit: int


class Updates:
    """Wakes who follows what has changed."""

    def __init__(self, log: Log, poll_seconds: float = POLL_SECONDS) -> None:
        self._log = log
        self._poll_seconds = poll_seconds
        self.open_streams = OpenStreams()
        self._followers: dict[CollectionId | None, set[Follower]] = {}
        self._reads: dict[Place, asyncio.Task[Sequence[Event]]] = {}
        """Those that have not begun yet: who wants the same joins them."""
        self._is_ending = False

    def end(self) -> None:
        """End every stream: its subscriber resumes at another process, or at this one's successor."""
        self._is_ending = True
        for followers in self._followers.values():
            for follower in followers:
                follower.changed.set()

    def wake(self, collection_id: CollectionId) -> None:
        """Wake the followers of a collection and of the whole log."""
        for id in (collection_id, None):
            for follower in self._followers.get(id, ()):
                follower.changed.set()

    async def of_collection(
        self, id: CollectionId, *, after: int, cursor: str | None
    ) -> AsyncGenerator[Event, None]:
        """Return a collection's events after a sequence number, and then each later one as it comes."""
        with self._follow(Follower(id, after, cursor)) as follower:
            async for event in self._events(follower):
                yield event

    async def of_everything(self, *, after: int, cursor: str | None) -> AsyncGenerator[Event, None]:
        """Return the whole log's events after a position, and then each later one as it comes."""
        with self._follow(Follower(None, after, cursor)) as follower:
            async for event in self._events(follower):
                yield event

    def watch(self, changed: asyncio.Event) -> Callable[[], None]:
        """Set an event whenever the whole log may have grown, until what this gives is called."""
        follower = Follower(None, 0, changed=changed)
        self._enter(follower)
        return lambda: self._leave(follower)

    async def poll(self) -> None:
        """Look from time to time, until canceled, for what no hint has told."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._look_safely()

    async def listen(self, hints: Hints) -> None:
        """Wake, until canceled, who follows what other processes have changed."""
        while True:
            try:
                async for ids in hints.listen(lambda: bool(self._followers)):
                    if ids is None:
                        await self._look_safely()
                    for id in ids or ():
                        self.wake(id)
            except Exception as error:  # The slow poll goes on meanwhile.
                log.error("not hearing", error=type(error).__name__, exc_info=error)
                await asyncio.sleep(POLL_SECONDS)

    async def _look_safely(self) -> None:
        try:
            await self._look()
        except Exception as error:  # The next look may succeed; the streams wait for it meanwhile.
            log.error("look failed", error=type(error).__name__, exc_info=error)

    async def _look(self) -> None:
        ids = [id for id in self._followers if id is not None]
        newest = dict(await self._log.sequences(ids)) if ids else {}
        last = await self._log.last_event() if None in self._followers else None
        position = last.position if last is not None else 0
        for id, followers in self._followers.items():
            reached = position if id is None else newest.get(id, 0)
            for follower in followers:
                if follower.seen < reached:
                    follower.changed.set()

    async def _events(self, follower: Follower) -> AsyncGenerator[Event, None]:
        is_live = False
        while True:
            follower.changed.clear()
            if self._is_ending:
                raise StreamBehind(follower.cursor)
            limit = LONGEST_BACKLOG + 1 if is_live else BATCH
            try:
                events = await self._read(Place(follower.collection_id, follower.seen, limit))
            except StoreFailed:
                # A stream has time: it goes on when the database does.
                await asyncio.sleep(BUSY_SECONDS)
                continue
            if len(events) > LONGEST_BACKLOG:
                raise StreamBehind(follower.cursor)
            for event in events:
                follower.seen = event.position if follower.collection_id is None else event.sequence
                follower.cursor = event_cursor(event.id)
                yield event
            if len(events) < BATCH:
                is_live = True
                await follower.changed.wait()

    async def _read(self, place: "Place") -> Sequence[Event]:
        """Read on from a place, once for all who were woken there by the same change."""
        reading = self._reads.get(place)
        if reading is None:
            reading = self._reads[place] = asyncio.create_task(self._begin_reading(place))
            # Whoever asked may be gone by then; nobody else would hear what went wrong.
            reading.add_done_callback(lambda read: read.cancelled() or read.exception())
        return await asyncio.shield(reading)

    async def _begin_reading(self, place: "Place") -> Sequence[Event]:
        # All who were woken have asked when this goes on; whoever asks later may know of more, and reads anew.
        await asyncio.sleep(0)
        del self._reads[place]
        if place.collection_id is None:
            return await self._log.events(after=place.after, limit=place.limit)
        return await self._log.events_of(place.collection_id, after=place.after, limit=place.limit)

    @contextmanager
    def _follow(self, follower: Follower) -> Iterator[Follower]:
        self._enter(follower)
        self._count(follower, 1)
        try:
            yield follower
        finally:
            self._count(follower, -1)
            self._leave(follower)

    def _count(self, follower: Follower, change: int) -> None:
        if follower.collection_id is None:
            self.open_streams.of_everything += change
        else:
            self.open_streams.of_collections += change

    def _enter(self, follower: Follower) -> None:
        self._followers.setdefault(follower.collection_id, set()).add(follower)

    def _leave(self, follower: Follower) -> None:
        followers = self._followers[follower.collection_id]
        followers.discard(follower)
        if not followers:
            del self._followers[follower.collection_id]


class SharedUpdates:
    """Wakes followers in this process and in the others on the same database."""

    def __init__(self, updates: Updates, hints: Hints) -> None:
        self._updates = updates
        self._hints = hints

    def wake(self, collection_id: CollectionId) -> None:
        """Wake the followers of a collection and of the whole log, wherever they are."""
        self._updates.wake(collection_id)
        self._hints.notify(collection_id)
