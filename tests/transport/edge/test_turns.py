"""A large answer gives way: what others do meanwhile goes on, and what waits for its turn can be canceled."""

import asyncio
from time import thread_time

from edge.execution.answer_limits import WAITING_PER_TURN, FairScheduling
from tests.transport.edge.conftest import Limit

PIECES = WAITING_PER_TURN + 500
TURN_SECONDS = 0.002
PIECE_SECONDS = TURN_SECONDS / 100


def work() -> None:
    """Keep the processor busy for as long as a piece takes."""
    ends_at = thread_time() + PIECE_SECONDS
    while thread_time() < ends_at:
        pass


async def piece(scheduling: FairScheduling, done: list[int], number: int) -> None:
    """Do a piece in turn."""
    await scheduling.wait()
    work()
    done.append(number)


def test_others_have_their_turn(limit: Limit) -> None:
    """Of pieces that are ready all at once, no more are done in a turn than there is time for."""
    limit("TURN_SECONDS", TURN_SECONDS)

    async def run() -> tuple[list[int], list[int]]:
        scheduling, done, seen = FairScheduling(), list[int](), list[int]()
        pieces = [asyncio.create_task(piece(scheduling, done, number)) for number in range(PIECES)]
        while len(done) < PIECES:
            await asyncio.sleep(0)
            seen.append(len(done))
        await asyncio.gather(*pieces)
        return done, seen

    done, seen = asyncio.run(run())
    assert sorted(done) == list(range(PIECES))
    steps = [later - sooner for sooner, later in zip([0, *seen], seen, strict=False)]
    assert max(steps) <= 101


def test_who_waits_can_be_canceled(limit: Limit) -> None:
    """A canceled piece is not done, and the others are."""
    limit("TURN_SECONDS", TURN_SECONDS)

    async def run() -> list[int]:
        scheduling, done = FairScheduling(), list[int]()
        pieces = [asyncio.create_task(piece(scheduling, done, number)) for number in range(PIECES)]
        await asyncio.sleep(0)
        assert len(done) < PIECES
        canceled = pieces[-PIECES // 2 :]
        for one in canceled:
            one.cancel()
        ended = await asyncio.gather(*pieces, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in ended] == [
            piece in canceled for piece in pieces
        ]
        return done

    assert sorted(asyncio.run(run())) == list(range(PIECES // 2))


def test_a_small_answer_waits_for_nobody(limit: Limit) -> None:
    """Work that takes less than a turn is done without the loop running in between."""
    limit("TURN_SECONDS", 60.0)

    async def run() -> None:
        scheduling = FairScheduling()
        for _ in range(1_000):
            waiting = scheduling.wait()
            try:
                waiting.send(None)
            except StopIteration:
                continue
            raise AssertionError("it waited")

    asyncio.run(run())
