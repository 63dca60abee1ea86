"""PostgreSQL's LISTEN and NOTIFY as hints, on a connection of their own."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import structlog

from db.engine.connector import Connector, Driver
from payments.model.ids import CollectionId

log = structlog.get_logger("database")

CHANNEL = "tillgraph_changes"

LONGEST_PAYLOAD = 7_900
"""Bytes of a notification: PostgreSQL refuses 8,000 and more."""

ALIVE_SECONDS = 2.0
"""Between two checks of the connection: they detect one that died silently."""

ALIVE = "BEGIN READ WRITE; COMMIT"
"""Fails at a read-only server, where nobody notifies: after a failover the next connection leads elsewhere."""

AGAIN_SECONDS = 0.5
"""Before the next attempt to connect, if the server is not there."""

FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""TimeoutError is an OSError."""


class Notifications:
    """Notifications to and from other processes. The slow poll finds what gets lost."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._driver: Driver | None = None
        self._to_notify: set[CollectionId] = set()
        self._heard: set[CollectionId] = set()
        self._changed = asyncio.Event()
        self._notifying: asyncio.Task[None] | None = None
        self._speaking = asyncio.Lock()
        """The driver accepts one statement at a time."""

    def notify(self, collection_id: CollectionId) -> None:
        """Notify soon; what arrives until then is sent together."""
        self._to_notify.add(collection_id)
        if self._notifying is None or self._notifying.done():
            self._notifying = asyncio.create_task(self._notify_all())

    async def listen(self) -> AsyncIterator[frozenset[CollectionId] | None]:
        """Yield other processes' notifications; None after each new connection, as some may have been missed."""
        while True:
            try:
                driver = await self._connector.connect()
            except FAILURES as error:
                log.warning("can't listen", error=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            try:
                async for ids in self._notifications(driver):
                    yield ids
            except FAILURES as error:
                log.warning("no longer listening", error=type(error).__name__)
            finally:
                self._driver = None
                driver.terminate()

    async def close(self) -> None:
        """Stop notifying."""
        if self._notifying is not None:
            self._notifying.cancel()
            await asyncio.gather(self._notifying, return_exceptions=True)

    async def _notifications(self, driver: Driver) -> AsyncIterator[frozenset[CollectionId] | None]:
        await driver.add_listener(CHANNEL, self._notice)
        self._driver = driver
        yield None
        while True:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                async with self._speaking:
                    await driver.execute(ALIVE)
            self._changed.clear()
            if self._heard:
                heard, self._heard = frozenset(self._heard), set()
                yield heard

    def _notice(self, driver: Driver, process: int, _channel: str, payload: str) -> None:
        if process != driver.get_server_pid():
            self._heard.update(CollectionId(id) for id in payload.split(","))
            self._changed.set()

    async def _notify_all(self) -> None:
        while self._to_notify and self._driver is not None:
            payload = ""
            while self._to_notify and len(payload) < LONGEST_PAYLOAD - 100:
                payload += f",{self._to_notify.pop()}" if payload else self._to_notify.pop()
            try:
                async with self._speaking:
                    # Without a parameter, which would be prepared: a pooler may be in between. Ids have no quotes.
                    await self._driver.execute(f"NOTIFY {CHANNEL}, '{payload}'")
            except FAILURES as error:
                # Other processes find it by their slow poll.
                log.warning("not notified", error=type(error).__name__)
                return
        self._to_notify.clear()
