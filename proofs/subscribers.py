"""Many subscribers in a process of their own, each cut off at random and resuming after its last cursor.

Standard input gives two lines of JSON: what is followed, and then, once nothing more happens, the cursors of the log.
Standard output answers the first with "ready" and the second with what each kind of fault was found how often.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.support.callers.sockets import PROTOCOL

STALLED_SECONDS = 60.0
"""Without a single item for any subscriber: what is missing then will not come."""

GRACE_SECONDS = 1.0
"""After the last item: anything more is one too many."""

PAUSE_SECONDS = 0.02
"""Before a cut, at most: what is under way then is lost with the connection."""

AGAIN_SECONDS = 0.1
LOOK_SECONDS = 0.1

MOST_ENDINGS = 20
"""Faults in words; a stream that ends is resumed like one that is cut."""

BROKEN = (WebSocketException, OSError, EOFError, TimeoutError)


@dataclass(frozen=True)
class Followed:
    """The subscription that all subscribers follow."""

    urls: tuple[str, ...]
    query: str
    variables: dict[str, Any]
    after: str
    subscribers: int
    seed: int
    items_between_cuts: int
    """On average."""


class Subscriber:
    """A subscriber that follows a stream over many connections, and keeps each cursor."""

    def __init__(self, followed: Followed, number: int) -> None:
        self._followed = followed
        self._random = random.Random(f"{followed.seed} {number}")  # noqa: S311 - can be repeated
        self._after = followed.after
        self.seen: list[str] = []
        self.cuts = 0
        self.ended_by_server: list[str] = []
        self.is_there = asyncio.Event()

    async def follow(self) -> None:
        """Follow until canceled."""
        while True:
            try:
                await self._follow_a_while()
            except BROKEN as fault:
                self.ended_by_server.append(repr(fault))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _follow_a_while(self) -> None:
        url = self._random.choice(self._followed.urls)
        left = self._random.randint(0, 2 * self._followed.items_between_cuts)
        socket = await connect(url, subprotocols=[PROTOCOL], compression=None, proxy=None)
        try:
            await self._subscribe(socket)
            self.is_there.set()
            while left > 0:
                left -= await self._take(socket)
            await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS))
            self.cuts += 1
        finally:
            # The other side gets no closing handshake.
            socket.transport.abort()

    async def _subscribe(self, socket: ClientConnection) -> None:
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        variables = {**self._followed.variables, "after": self._after}
        payload = {"query": self._followed.query, "variables": variables}
        message = {"type": "subscribe", "id": "1", "payload": payload}
        await socket.send(orjson.dumps(message).decode())

    async def _take(self, socket: ClientConnection) -> int:
        """Handle a message; return how many items it was."""
        message = orjson.loads(await socket.recv())
        if message["type"] == "ping":
            return 0
        if message["type"] != "next" or "errors" in message["payload"]:
            # It was told to resume, for example because it was too slow.
            raise EOFError(message.get("payload"))
        (item,) = message["payload"]["data"].values()
        self._after = item["cursor"]
        self.seen.append(self._after)
        return 1


def faults_of(seen: Sequence[str], log: Sequence[str]) -> dict[str, int]:
    """Count missing, repeated and unknown events, and whether the order differs."""
    first_times = list(dict.fromkeys(seen))
    known, had = set(log), set(first_times)
    return {
        "deliveries": len(seen),
        "gaps": len(known - had),
        "repeats": len(seen) - len(first_times),
        "strangers": len(had - known),
        "out_of_order": int(
            [one for one in first_times if one in known] != [one for one in log if one in had]
        ),
    }


async def follow_all(followed: Followed) -> None:
    """Follow, and report the faults."""
    subscribers = [Subscriber(followed, number) for number in range(followed.subscribers)]
    tasks = [asyncio.create_task(one.follow()) for one in subscribers]
    await asyncio.gather(*(one.is_there.wait() for one in subscribers))
    print("ready", flush=True)
    log: list[str] = orjson.loads(await asyncio.to_thread(sys.stdin.readline))
    await _wait_for(subscribers, log[-1])
    await asyncio.sleep(GRACE_SECONDS)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(ended, asyncio.CancelledError):
            raise RuntimeError("A subscriber gave up.") from ended
    found = [faults_of(one.seen, log) for one in subscribers]
    endings = [fault for one in subscribers for fault in one.ended_by_server]
    told = {
        **{name: sum(one[name] for one in found) for name in found[0]},
        "cuts": sum(one.cuts for one in subscribers),
        "ended_by_server": len(endings),
        "endings": endings[:MOST_ENDINGS],
    }
    print(orjson.dumps(told).decode(), flush=True)


async def _wait_for(subscribers: Sequence[Subscriber], last: str) -> None:
    taken, changed_at = 0, time.monotonic()
    while time.monotonic() < changed_at + STALLED_SECONDS:
        if all(one.seen and one.seen[-1] == last for one in subscribers):
            return
        await asyncio.sleep(LOOK_SECONDS)
        now_taken = sum(len(one.seen) for one in subscribers)
        if now_taken != taken:
            taken, changed_at = now_taken, time.monotonic()


if __name__ == "__main__":
    asyncio.run(follow_all(Followed(**orjson.loads(sys.stdin.readline()))))
