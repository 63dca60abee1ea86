"""Waiting for an event in the log, and calls that a test lets run beside it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.support.running import Json, RunningServer
from tests.support.shop import collection_of
from tests.support.waiting import until


def until_event(server: RunningServer, collection_id: str, type: str, *, times: int = 1) -> Json:
    """Wait until a collection's log has an event of a type so many times, and give the collection."""

    def look() -> Json:
        collection = collection_of(server, collection_id)
        types = [edge["node"]["type"] for edge in collection["events"]["edges"]]
        return collection if types.count(type) >= times else None

    return until(look)


@contextmanager
def beside(call: Callable[[], Json]) -> Iterator["Future[Json]"]:
    """Run a call beside the test; it is over when the block is."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(call)
