"""A change that another one overtook starts again: what it read first counts no more."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.support.flow.looking import asked_times, prepared_times
from tests.support.flow.shop import collection_of, new_key, pay
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

pytestmark = pytest.mark.once

Neighbours = tuple[RunningServer, RunningServer]


def overtaken(
    neighbours: Neighbours,
    call: Callable[[RunningServer], Json],
    wait_for_commit: Callable[[Future[Json]], object],
) -> tuple[Json, Json]:
    """Make a call here, and the same one there, which commits after this one has read; return both answers."""
    here, there = neighbours
    here.hold_at("during prepare")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(call, here)
        here.wait_until_held()
        second = pool.submit(call, there)
        wait_for_commit(second)
        here.go_on()
        return first.result(), second.result()


def test_a_cancellation_that_another_one_overtakes(neighbours: Neighbours) -> None:
    """Canceled meanwhile by a provider that decides at once: both calls answer with the canceled payment."""
    payment = pay(neighbours[0], provider="system")
    answers = overtaken(
        neighbours,
        lambda server: server.change("cancelPayment", {"paymentId": payment["id"]}),
        Future.result,
    )
    assert [(one["__typename"], one["status"]) for one in answers] == [("Payment", "CANCELED")] * 2


MOVEMENTS: dict[str, Callable[[str], dict[str, Json]]] = {
    "capture": lambda id: {"paymentId": id, "idempotencyKey": new_key()},
    "cancel": lambda id: {"paymentId": id},
}


@pytest.mark.parametrize("kind", MOVEMENTS)
def test_a_movement_that_the_same_one_overtakes(neighbours: Neighbours, kind: str) -> None:
    """The other process asks: this one waits for its outcome, and the gateway is asked once."""
    here, there = neighbours
    payment = pay(here)
    collection_id = payment["paymentCollection"]["id"]
    values = MOVEMENTS[kind](payment["id"])
    there.hold_at("before ask")

    def call(server: RunningServer) -> Json:
        answer = server.change(f"{kind}Payment", values)
        return answer

    before = prepared_times(here, collection_id)
    with ThreadPoolExecutor(1) as pool:
        both = pool.submit(overtaken, neighbours, call, lambda _: there.wait_until_held())
        until(lambda: prepared_times(here, collection_id) > before)
        there.go_on()
        answers = both.result()
    assert [one["__typename"] for one in answers] == ["Payment"] * 2
    assert asked_times(here, payment["paymentSession"]["id"], kind) == [1]
    assert collection_of(there, collection_id)["status"] == (
        "COMPLETED" if kind == "capture" else "NOT_PAID"
    )
