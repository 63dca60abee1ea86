"""Waiting for what a report or recovery brings, and calls that a test lets run beside it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from tests.running import Json, RunningServer
from tests.shop import collection_of

Found = TypeVar("Found")

DEADLINE_SECONDS = 30.0
LOOK_SECONDS = 0.02


def eventually(look: Callable[[], Found]) -> Found:
    """Look again and again until something true is found, and give it; fails after ten seconds."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while not (found := look()):
        assert time.monotonic() < ends_at, f"not in time; last seen: {found!r}"
        time.sleep(LOOK_SECONDS)
    return found


def until_event(server: RunningServer, collection_id: str, type: str, *, times: int = 1) -> Json:
    """Wait until a collection's log has an event of a type so many times, and give the collection."""

    def look() -> Json:
        collection = collection_of(server, collection_id)
        types = [edge["node"]["type"] for edge in collection["events"]["edges"]]
        return collection if types.count(type) >= times else None

    return eventually(look)


@contextmanager
def beside(call: Callable[[], Json]) -> Iterator["Future[Json]"]:
    """Run a call beside the test; it is over when the block is."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(call)
