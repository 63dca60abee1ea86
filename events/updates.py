"""The log's updates for subscribers.

A wake-up is only a hint: the log is the truth, and a slow poll is the safety net.
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
"""How long a change can go unnoticed without a hint: another process made it, or its wake-up was lost."""

BATCH = 200
"""Events that a catching-up subscriber reads at a time and holds in memory."""

LONGEST_BACKLOG = 1_000
"""Events that may wait for a live subscriber; beyond that it is too slow and is told to resume."""


BUSY_SECONDS = 0.5
"""The pause before a stream reads again from a database that is busy."""


@dataclass(eq=False, slots=True)
class Follower:
    """One subscriber's place in a log."""

    collection_id: CollectionId | None
    """None: the whole log."""
    seen: int
    """The last event that was read: its sequence in the collection's log, or its position in the whole one."""
    cursor: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Place:
    """A place from which a log is read on."""

    collection_id: CollectionId | None
    after: int
    limit: int


class Updates:
    """The wake-ups of followers when the log has changed."""

    def __init__(self, log: Log, poll_seconds: float = POLL_SECONDS) -> None:
        self._log = log
        self._poll_seconds = poll_seconds
        self.open_streams = OpenStreams()
        self._followers: dict[CollectionId | None, set[Follower]] = {}
        self._reads: dict[Place, asyncio.Task[Sequence[Event]]] = {}
        """Reads that have not begun yet: followers of the same place join them."""
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
        """Yield a collection's events after a sequence number, and then each later one as it comes."""
        with self._follow(Follower(id, after, cursor)) as follower:
            async for event in self._events(follower):
                yield event

    async def of_everything(self, *, after: int, cursor: str | None) -> AsyncGenerator[Event, None]:
        """Yield the whole log's events after a position, and then each later one as it comes."""
        with self._follow(Follower(None, after, cursor)) as follower:
            async for event in self._events(follower):
                yield event

    def watch(self, changed: asyncio.Event) -> Callable[[], None]:
        """Set an event whenever the whole log may have grown, until the returned function is called."""
        follower = Follower(None, 0, changed=changed)
        self._enter(follower)
        return lambda: self._leave(follower)

    async def poll(self) -> None:
        """Poll, until canceled, for changes without a hint."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._look_safely()

    async def listen(self, hints: Hints) -> None:
        """Wake followers, until canceled, when other processes have changed something."""
        while True:
            try:
                async for ids in hints.listen(lambda: bool(self._followers)):
                    if ids is None:
                        await self._look_safely()
                    for id in ids or ():
                        self.wake(id)
            except Exception as error:  # The slow poll continues meanwhile.
                log.error("not hearing", error=type(error).__name__, exc_info=error)
                await asyncio.sleep(POLL_SECONDS)

    async def _look_safely(self) -> None:
        try:
            await self._look()
        except Exception as error:  # The next poll may succeed; the streams wait for it meanwhile.
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
                # A stream can wait: it continues when the database does.
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
        """Read on from a place, once for all followers that the same change woke there."""
        reading = self._reads.get(place)
        if reading is None:
            reading = self._reads[place] = asyncio.create_task(self._begin_reading(place))
            # The reader may be gone by then; nobody else would retrieve the exception.
            reading.add_done_callback(lambda read: read.cancelled() or read.exception())
        return await asyncio.shield(reading)

    async def _begin_reading(self, place: "Place") -> Sequence[Event]:
        # All woken followers have joined when this goes on; a later one may know of more, and reads again.
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
    """Wake-ups of followers in this process and in the others on the same database."""

    def __init__(self, updates: Updates, hints: Hints) -> None:
        self._updates = updates
        self._hints = hints

    def wake(self, collection_id: CollectionId) -> None:
        """Wake the followers of a collection and of the whole log, in every process."""
        self._updates.wake(collection_id)
        self._hints.notify(collection_id)
