"""`make show-settlement`: how long a payment is in doubt whose gateway acted and whose answer was lost.

A round loses the answers of authorizations, captures and refunds, sent over 40 connections at once, on a server as it
is shipped. Times are from the commit of the intent, just before the gateway is contacted, to the commit
of the outcome that recovery found; both are instants of events in the log.
"""

import asyncio
import statistics
import sys
from collections.abc import Sequence

from proofs import books
from proofs.command import Figures, Round, Show, main, sums
from proofs.house import House, Line, lines_to, open_house, wait_until_settled
from tests.support.callers.calling import Call
from tests.support.flow.shop import capture, new_key, open_collection, open_session, pay
from tests.support.flow.shopping import is_open
from tests.support.program.running import Json, RunningServer, document

CONNECTIONS = 40
MICROSECONDS = 1_000_000

DOUBTS = (
    "SELECT updated_at - created_at FROM operations WHERE asked_times > 1 AND status = 'SUCCEEDED'"
)


def play(playing: Round) -> Figures:
    """Lose some answers at once, and measure how long each outcome is unknown."""
    with open_house(playing, servers=1) as house:
        server = house.first
        calls = [_call(server, number) for number in range(playing.size)]
        playing.random.shuffle(calls)
        answers = asyncio.run(_lose_all(house, calls))
        wait_until_settled(server)
        settled = [int(microseconds) for (microseconds,) in server.rows(DOUBTS)]
        return {
            "lost_replies": sum(is_open(answer) for answer in answers),
            "settled": len(settled),
            **books.compare(server),
            "times": [microseconds / MICROSECONDS for microseconds in settled],
        }


async def _lose_all(house: House, calls: Sequence[Call]) -> list[Json]:
    """Send the calls as fast as their connections take them."""
    waiting = iter(calls)
    answers: list[Json] = []

    async def lose(line: Line) -> None:
        for name, values in waiting:
            answers.append(await line.call(document(f"complete/{name}"), {"input": values}))

    async with lines_to(house, CONNECTIONS) as lines:
        await asyncio.gather(*map(lose, lines))
    return answers


def _call(server: RunningServer, number: int) -> Call:
    if number % 3 == 0:
        session = open_session(server, open_collection(server)["id"], "lost_reply")
        return "authorizePaymentSession", {"id": session["id"]}
    kind = "capture" if number % 3 == 1 else "refund"
    payment = pay(server, token=f"approve,{kind}=lost_reply")
    if kind == "refund":
        assert capture(server, payment["id"])["__typename"] == "Payment"
    return f"{kind}Payment", {"paymentId": payment["id"], "idempotencyKey": new_key()}


def sum_up(rounds: Sequence[Figures]) -> Figures:
    """Add up the counts, and return the times' middle, their 99th percentile and the longest one."""
    found = sums(rounds)
    times = [seconds for one in rounds for seconds in one["times"]]
    cut = statistics.quantiles(times, n=100, method="inclusive")
    return {
        **found,
        "never_settled": found["lost_replies"] - found["settled"],
        "median_seconds": round(cut[49], 2),
        "p99_seconds": round(cut[98], 2),
        "longest_seconds": round(max(times), 2),
    }


SHOW = Show(
    "settlement",
    rounds=3,
    size=200,
    play=play,
    sum_up=sum_up,
    none_of=books.NONE_OF | {"never_settled"},
)

if __name__ == "__main__":
    sys.exit(main(SHOW))
