"""`make show-deliveries`: 100 subscribers that are cut off at random see every event once and in order.

Rounds are of two kinds in turn: payments beside each other, seen by followers of the whole log, and changes of one
collection, seen by those who watch it. Two servers on one database take the calls and the subscribers; whoever is cut
off resumes at either of them.
"""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import orjson

from bench.flows import CAPTURE, REFUND
from bench.updates import UPDATE
from proofs import books
from proofs.command import Figures, Round, Show, main, sums
from proofs.house import House, Line, lines_to, open_house, pay, wait_until_settled
from tests.support.callers.log import cursors_of
from tests.support.flow.shop import open_collection
from tests.support.program.running import ROOT, clean_environment

SERVERS = 2
SUBSCRIBERS = 100
WRITERS = 8
ITEMS_BETWEEN_CUTS = 100
EVENTS_A_PAYMENT = 8

LOG = (
    "query ($after: String)"
    " { paymentEvents(first: 100, after: $after) { edges { cursor } pageInfo { hasNextPage } } }"
)
FOLLOW = "subscription ($after: String) { paymentEvents(after: $after) { cursor type } }"
WATCH = (
    "subscription ($id: ID!, $after: String)"
    " { paymentCollectionUpdates(id: $id, after: $after) { cursor event { type } } }"
)


def play(playing: Round) -> Figures:
    """Subscribe, cause events, and compare what was seen with the log."""
    is_of_one = playing.number % 2 == 1
    with open_house(playing, servers=SERVERS) as house:
        collection_id = open_collection(house.first)["id"]
        after = cursors_of(house.first, collection_id)[0]
        followed = {
            "urls": [server.websocket_url for server in house.servers],
            "query": WATCH if is_of_one else FOLLOW,
            "variables": {"id": collection_id} if is_of_one else {},
            "after": after,
            "subscribers": min(SUBSCRIBERS, playing.size),
            "seed": playing.seed,
            "items_between_cuts": min(ITEMS_BETWEEN_CUTS, playing.size // 4),
        }
        with _subscribers(followed) as process:
            if not is_of_one:
                asyncio.run(_shop(house, playing.size // (2 * EVENTS_A_PAYMENT)))
            left = playing.size - len(asyncio.run(_log(house, after)))
            asyncio.run(_touch(house, collection_id, left))
            log = asyncio.run(_log(house, after))
            _tell(process, log)
            found = _answer(process)
        wait_until_settled(house.first)
        return {"events": len(log), **found, **books.compare(house.first)}


@contextmanager
def _subscribers(followed: Figures) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "proofs.subscribers"],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        _tell(process, followed)
        assert _output(process).readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _tell(process: "subprocess.Popen[bytes]", value: object) -> None:
    line = cast("IO[bytes]", process.stdin)
    line.write(orjson.dumps(value) + b"\n")
    line.flush()


def _answer(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    answer: dict[str, Any] = orjson.loads(_output(process).readline())
    return answer


def _output(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)


async def _log(house: House, after: str) -> list[str]:
    """Return the cursors of the whole log after one, oldest first."""
    cursors: list[str] = []
    async with lines_to(house, 1) as (line,):
        while True:
            page = await line.call(LOG, {"after": cursors[-1] if cursors else after})
            cursors += [edge["cursor"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return cursors


# ── What happens ───────────────────────────────────────────────────────────────


async def _shop(house: House, payments: int) -> None:
    waiting = iter(range(payments))

    async def shop(line: Line) -> None:
        for _ in waiting:
            moved = {"paymentId": await pay(line, "approve")}
            for query in (CAPTURE, REFUND):
                await line.call(query, {"input": {**moved, "idempotencyKey": secrets.token_hex(8)}})

    async with lines_to(house, WRITERS) as lines:
        await asyncio.gather(*map(shop, lines))


async def _touch(house: House, collection_id: str, times: int) -> None:
    waiting = iter(range(times))

    async def touch(line: Line) -> None:
        for number in waiting:
            changed = {"id": collection_id, "reference": f"change {number}"}
            answer = await line.call(UPDATE, {"input": changed})
            assert "code" not in answer, answer

    async with lines_to(house, WRITERS) as lines:
        await asyncio.gather(*map(touch, lines))


SHOW = Show(
    "deliveries",
    rounds=10,
    size=1_000,
    play=play,
    sum_up=sums,
    none_of=books.NONE_OF | {"gaps", "repeats", "strangers", "out_of_order"},
)

if __name__ == "__main__":
    sys.exit(main(SHOW))
