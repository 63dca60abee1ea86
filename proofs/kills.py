"""`make show-kills`: shoppers pay while two servers on one database are killed with kill -9 at random instants.

Each server has a killer of its own, so that both may be down at once, and one is started while the other one works.
After each round's kills recovery resolves what was left, and then the gateway's ledger is compared with the database.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from proofs import books
from proofs.command import Figures, Round, Show, main, sums
from proofs.house import House, open_house, wait_until_settled
from tests.support.flow.shopping import Shopper
from tests.support.program.running import RunningServer

SERVERS = 2
SHOPPERS = 8
FINAL_SECONDS = 120.0
"""Recovery's second try comes a minute after the first: a call may meet that, and two kills."""

EARLIEST_SECONDS = 0.05
LATEST_SECONDS = 1.5
"""Between the instant at which a server is ready and its next kill."""

BOUGHT = {"authorize": 10_000, "capture": 6_000, "refund": 2_000}
"""The effects of each shopper's payment at the gateway, each exactly once."""


def play(playing: Round) -> Figures:
    """Pay, kill, wait until everything is resolved, and compare."""
    chance = playing.random
    with open_house(playing, servers=SERVERS) as house:
        with _shopping(house, chance) as (shoppers, unfinished):
            _kill_all(house, chance, playing.size)
        wait_until_settled(house.first)
        return {
            "kills": playing.size,
            "payments": sum(shopper.finished for shopper in shoppers),
            "calls": sum(shopper.calls for shopper in shoppers),
            "calls_broken_off": sum(shopper.broken_off for shopper in shoppers),
            "asked_again": sum(entry["asked"] - 1 for entry in house.first.ledger()),
            "unfinished_shoppers": len(unfinished),
            **_count_effects(house.first, sum(shopper.finished for shopper in shoppers)),
            **books.compare(house.first),
            "faults": [repr(fault) for fault in unfinished],
        }


@contextmanager
def _shopping(
    house: House, chance: random.Random
) -> Iterator[tuple[list[Shopper], list[BaseException]]]:
    """Let shoppers pay while the block runs; after it, those that did not finish have left their faults."""
    is_over = Event()
    shoppers = [
        Shopper(house.urls, chance.getrandbits(32), is_over, final_seconds=FINAL_SECONDS)
        for _ in range(SHOPPERS)
    ]
    unfinished: list[BaseException] = []
    with ThreadPoolExecutor(SHOPPERS) as threads:
        shopping: list[Future[int]] = [threads.submit(shopper.shop) for shopper in shoppers]
        try:
            yield shoppers, unfinished
        finally:
            is_over.set()
        unfinished += [fault for one in shopping if (fault := one.exception()) is not None]


def _kill_all(house: House, chance: random.Random, kills: int) -> None:
    """Kill the servers in turn, each by a thread of its own; every one of them runs at the end."""
    shares = [kills // SERVERS + (number < kills % SERVERS) for number in range(SERVERS)]
    instants = [
        [chance.uniform(EARLIEST_SECONDS, LATEST_SECONDS) for _ in range(share)] for share in shares
    ]
    is_over = Event()
    with ThreadPoolExecutor(SERVERS) as threads:
        killers = [
            threads.submit(_kill, server, pauses, is_over)
            for server, pauses in zip(house.servers, instants, strict=True)
        ]
        try:
            for killer in killers:
                killer.result()
        finally:
            is_over.set()


def _kill(server: RunningServer, pauses: Sequence[float], is_over: Event) -> None:
    for pause in pauses:
        # The instant waited for is as random as any other.
        if is_over.wait(pause):
            return
        server.kill()
        server.start()


def _count_effects(server: RunningServer, payments: int) -> dict[str, int]:
    """Count second effects of one request, and payments that moved another sum than was requested."""
    effects = Counter[tuple[str, str]]()
    moved = Counter[tuple[str, str]]()
    for entry in server.ledger():
        if amount := books.minor(entry["moved"]):
            effects[entry["session"], entry["kind"]] += 1
            moved[entry["session"], entry["kind"]] += amount
    sessions = {session for session, _ in effects}
    wrong = [
        session
        for session in sessions
        if {kind: moved[session, kind] for kind in books.KINDS if moved[session, kind]} != BOUGHT
    ]
    return {
        "double_effects": sum(count - 1 for count in effects.values()),
        "payments_that_differ": len(wrong) + abs(len(sessions) - payments),
    }


SHOW = Show(
    "kills",
    rounds=12,
    size=25,
    play=play,
    sum_up=sums,
    none_of=books.NONE_OF | {"double_effects", "payments_that_differ", "unfinished_shoppers"},
)

if __name__ == "__main__":
    sys.exit(main(SHOW))
