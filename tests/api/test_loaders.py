"""What an answer loads, for all the places at which it stands."""

import asyncio
from collections.abc import Mapping, Sequence

from resolvers.loaders import Loader


def test_a_place_that_is_given_up_takes_nothing_from_the_others() -> None:
    """Where a sibling failed, what waits beside it is canceled; another place that waits for the same thing has it."""
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
