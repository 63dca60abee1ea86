"""`make show-races`: captures, refunds and cancellations of one payment at the same moment, at two servers.

The calls of a race are sent at once, each over a connection of its own, half of them to each server on one database.
Some are sent twice with one key. Every answer is then compared with the database, and that with the gateway's ledger.
"""

import asyncio
import random
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from proofs import books
from proofs.command import Figures, Round, Show, main, sums
from proofs.house import House, lines_to, open_house, pay, wait_until_settled
from tests.support.program.running import Json, document

SERVERS = 2
CALLS = 20
"""Of a large race, and connections that it has."""

RACES_AT_ONCE = 4
AUTHORIZED_MINOR = 10_000

DOCUMENTS = {
    "capture": document("back_end/08_capture_payment"),
    "refund": document("back_end/09_refund_payment"),
    "cancel": document("back_end/10_cancel_payment"),
}
NO_ROOM = ("AMOUNT_TOO_LARGE", "INVALID_STATE")
LOST_TO_ANOTHER = (*NO_ROOM, "IN_PROGRESS")
"""How a cancellation and a capture lose to each other: while the other one is asked, or after it."""

SUCCEEDED = (
    "SELECT payment_id, kind, amount_minor FROM operations"
    " WHERE status = 'SUCCEEDED' AND kind <> 'authorize'"
)
PAID = "SELECT id, captured_minor, refunded_minor, released_minor FROM payments"


@dataclass(frozen=True)
class Call:
    """One call of a race; a second one with the same key is the same request again."""

    kind: str
    amount_minor: int
    key: str

    def variables(self, payment_id: str) -> dict[str, Json]:
        """Return the variables of its document."""
        values = {"paymentId": payment_id}
        if self.kind != "cancel":
            values["amount"] = f"{self.amount_minor // 100}.{self.amount_minor % 100:02}"
            values["idempotencyKey"] = self.key
        return {"input": values}


@dataclass
class Race:
    """The requests for one payment at the same moment, and their answers."""

    token: str
    calls: list[Call]
    payment_id: str = ""
    answers: list[Json] = field(default_factory=list)

    @property
    def is_of_refunds(self) -> bool:
        """Return whether the payment is captured before."""
        return self.calls[0].kind == "refund"


def races(chance: random.Random, size: int) -> Iterator[Race]:
    """Generate races until they have a number of calls."""
    left = size
    while left > 0:
        race = _draw(chance)
        left -= len(race.calls)
        yield race


def _draw(chance: random.Random) -> Race:
    slow = chance.choice(("", "", "=slow:0.05"))
    token = f"approve,capture{slow},refund{slow},cancel{slow}" if slow else "approve"
    (kind,) = chance.choices(
        ("two captures", "capture and cancel", "captures", "refunds of 30", "refunds"),
        (3, 3, 1, 1, 1),
    )
    match kind:
        case "two captures":
            calls = [_call("capture", 6_000) for _ in range(2)]
        case "capture and cancel":
            calls = [_call("capture", AUTHORIZED_MINOR), _call("cancel", AUTHORIZED_MINOR)]
        case "refunds of 30":
            calls = [_call("refund", 3_000) for _ in range(CALLS)]
        case _:
            calls = _random_calls(chance, kind.removesuffix("s"))
    chance.shuffle(calls)
    return Race(token, calls)


def _call(kind: str, amount_minor: int) -> Call:
    return Call(kind, amount_minor, secrets.token_hex(8))


def _random_calls(chance: random.Random, kind: str) -> list[Call]:
    once = [_call(kind, chance.randint(1, AUTHORIZED_MINOR // 2)) for _ in range(CALLS - 4)]
    return [*once, *chance.sample(once, 4)]


# ── Running them ───────────────────────────────────────────────────────────────


def play(playing: Round) -> Figures:
    """Run the races, wait until everything is resolved, and judge them."""
    with open_house(playing, servers=SERVERS) as house:
        run = list(races(playing.random, playing.size))
        asyncio.run(_run_all(house, run))
        wait_until_settled(house.first)
        return {
            "races": len(run),
            "calls": sum(len(race.calls) for race in run),
            **judge(house, run),
            **books.compare(house.first),
        }


async def _run_all(house: House, run: Sequence[Race]) -> None:
    waiting = iter(run)
    async with asyncio.TaskGroup() as runners:
        for _ in range(RACES_AT_ONCE):
            runners.create_task(_run_some(house, waiting))


async def _run_some(house: House, waiting: Iterator[Race]) -> None:
    async with lines_to(house, CALLS) as lines:
        for race in waiting:
            race.payment_id = await pay(lines[0], race.token)
            if race.is_of_refunds:
                captured = _call("capture", AUTHORIZED_MINOR).variables(race.payment_id)
                await lines[0].call(DOCUMENTS["capture"], captured)
            await asyncio.gather(*(line.connect() for line in lines[: len(race.calls)]))
            race.answers = await asyncio.gather(
                *(
                    line.call(DOCUMENTS[call.kind], call.variables(race.payment_id))
                    for line, call in zip(lines, race.calls, strict=False)
                )
            )


# ── Judging them ───────────────────────────────────────────────────────────────


def judge(house: House, run: Sequence[Race]) -> dict[str, int]:
    """Count successes, refusals, and every answer that the database contradicts."""
    succeeded: dict[str, Counter[tuple[str, int]]] = {race.payment_id: Counter() for race in run}
    for payment_id, kind, amount_minor in house.first.rows(SUCCEEDED):
        succeeded[payment_id][kind, amount_minor] += 1
    sums_of = {row[0]: row[1:4] for row in house.first.rows(PAID)}
    counts = Counter(
        {
            "captured_above_authorized": 0,
            "refunded_above_captured": 0,
            "answers_that_differ": 0,
            "contrary_answers": 0,
            "refused_with_room": 0,
            "went_through": 0,
            "refused": 0,
            "other_answers": 0,
        }
    )
    for race in run:
        captured, refunded, released = sums_of[race.payment_id]
        counts["captured_above_authorized"] += captured + released > AUTHORIZED_MINOR
        counts["refunded_above_captured"] += refunded > captured
        room = captured - refunded if race.is_of_refunds else AUTHORIZED_MINOR - captured - released
        counts.update(_judge_answers(race, succeeded[race.payment_id], room))
    return dict(counts)


def _judge_answers(
    race: Race, succeeded: Counter[tuple[str, int]], room_minor: int
) -> Counter[str]:
    """Compare the answers with what succeeded, and with the amount left at the end: it never grows in a race."""
    told: dict[Call, set[str]] = {}
    for call, answer in zip(race.calls, race.answers, strict=True):
        told.setdefault(call, set()).add(_meaning(race, answer))
    through = Counter(
        (call.kind, call.amount_minor) for call, meanings in told.items() if "through" in meanings
    )
    open_ones = Counter(
        (call.kind, call.amount_minor) for call, meanings in told.items() if "other" in meanings
    )
    if race.is_of_refunds:
        through["capture", AUTHORIZED_MINOR] += 1
    unheard = succeeded - through - open_ones
    untrue = through - succeeded
    return Counter(
        went_through=sum("through" in meanings for meanings in told.values()),
        refused=sum(meanings == {"refused"} for meanings in told.values()),
        other_answers=sum("other" in meanings for meanings in told.values()),
        answers_that_differ=unheard.total() + untrue.total(),
        contrary_answers=sum({"through", "refused"} <= meanings for meanings in told.values()),
        refused_with_room=sum(
            call.amount_minor <= room_minor
            for call, meanings in told.items()
            if meanings == {"refused"}
        ),
    )


def _meaning(race: Race, answer: Json) -> str:
    if "code" not in answer:
        return "through" if "capturedAmount" in answer else "other"
    is_against_another = any(call.kind == "cancel" for call in race.calls)
    refusals = LOST_TO_ANOTHER if is_against_another else NO_ROOM
    return "refused" if answer["code"] in refusals else "other"


SHOW = Show(
    "races",
    rounds=10,
    size=2_000,
    play=play,
    sum_up=sums,
    none_of=books.NONE_OF
    | {
        "captured_above_authorized",
        "refunded_above_captured",
        "answers_that_differ",
        "contrary_answers",
        "refused_with_room",
    },
)

if __name__ == "__main__":
    sys.exit(main(SHOW))
