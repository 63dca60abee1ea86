"""The loader that reads a value once for all the places in an answer that need it."""

import asyncio
import gc
from collections.abc import Mapping, Sequence

import pytest

from payments.model.errors import StoreBusy
from resolvers.loaders import Loader, Once

pytestmark = pytest.mark.once


def test_a_place_that_is_given_up_takes_nothing_from_the_others() -> None:
    """If one waiting place is canceled, the others that wait for the same value still get it, from one read."""
    reads: list[Sequence[str]] = []

    async def read(keys: Sequence[str]) -> Mapping[str, str]:
        reads.append(keys)
        await asyncio.sleep(0)
        return {key: f"the value of {key}" for key in keys}

    async def run() -> list[str | BaseException | None]:
        loader = Loader(read)
        places = [asyncio.create_task(loader.load("a")) for _ in range(3)]
        await asyncio.sleep(0)
        places[0].cancel()
        return await asyncio.gather(*places, return_exceptions=True)

    canceled, *others = asyncio.run(run())
    assert isinstance(canceled, asyncio.CancelledError)
    assert others == ["the value of a"] * 2
    assert reads == [["a"]]


def test_the_one_thing_of_its_kind_is_shared_in_the_same_way() -> None:
    """A place that is canceled takes it from no other, and it is read once until it is forgotten."""
    reads: list[str] = []

    async def read() -> str:
        reads.append("read")
        await asyncio.sleep(0)
        return f"the value of read {len(reads)}"

    async def run() -> tuple[list[str | BaseException], str]:
        once = Once(read)
        places = [asyncio.create_task(once.load()) for _ in range(3)]
        await asyncio.sleep(0)
        places[0].cancel()
        found = await asyncio.gather(*places, return_exceptions=True)
        once.forget()
        return found, await once.load()

    (canceled, *others), anew = asyncio.run(run())
    assert isinstance(canceled, asyncio.CancelledError)
    assert others == ["the value of read 1"] * 2
    assert anew == "the value of read 2"


def test_what_fails_when_nobody_waits_any_more_is_no_fault() -> None:
    """A read that fails after a request that was given up is told to nobody, asyncio's own log included."""
    told: list[object] = []

    given_up, read_to_its_end = asyncio.Event(), asyncio.Event()

    async def read(_keys: Sequence[str]) -> Mapping[str, str]:
        await given_up.wait()
        read_to_its_end.set()
        raise StoreBusy("The database did not answer.")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, fault: told.append(fault))
        loader = Loader(read)
        places = [asyncio.create_task(loader.load("a")) for _ in range(2)]
        await asyncio.sleep(0)
        for place in places:
            place.cancel()
        await asyncio.gather(*places, return_exceptions=True)
        given_up.set()
        await read_to_its_end.wait()
        await asyncio.sleep(0)
        del loader, places, place
        gc.collect()

    asyncio.run(run())
    assert told == []
