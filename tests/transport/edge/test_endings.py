"""Ends of a stream that come from outside, by the real clock."""

import asyncio
import time

from edge.connections import End, OpenConnections
from payments.model.callers import Caller
from payments.model.ids import CollectionId

LIFE_SECONDS = 0.05


def test_a_credential_ends_at_its_time() -> None:
    """A connection ends when its credential does, and not before."""

    async def wait_for_the_end() -> tuple[End, float]:
        connections = OpenConnections(lambda _: True)
        ending = connections.enter()
        ends_at = time.time() + LIFE_SECONDS
        connections.bind(ending, Caller(CollectionId("pay_col_1"), int(ends_at * 1_000_000)))
        return await ending, time.time() - ends_at

    reason, late_by_seconds = asyncio.run(wait_for_the_end())
    assert reason is End.CREDENTIAL_ENDED
    assert late_by_seconds >= -0.000_001


def test_a_credential_that_has_ended_opens_nothing() -> None:
    """A connection with a credential that has ended is to end at once."""

    async def bind() -> bool:
        connections = OpenConnections(lambda _: True)
        ending = connections.enter()
        connections.bind(ending, Caller(CollectionId("pay_col_1"), 1))
        return ending.done()

    assert asyncio.run(bind())
