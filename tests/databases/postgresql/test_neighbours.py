"""Several processes on one database: what one does, the others see at once, and later where the hint is lost."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.databases.postgresql.losing import END_CONNECTIONS, end_connections
from tests.support.callers.calling import Call, at_servers
from tests.support.callers.log import WATCH, cursors_of, lay, types_of
from tests.support.callers.streams import following
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_session,
    pay,
)
from tests.support.forms import in_short
from tests.support.program.running import RunningServer, document
from tests.support.stores.records import effects, end_leases
from tests.support.waiting import until

pytestmark = pytest.mark.once

Neighbours = tuple[RunningServer, RunningServer]


def test_f36_a_change_that_nobody_tells_of_arrives_by_the_poll(neighbours: Neighbours) -> None:
    """Written by a process that ended before it could tell, a change is seen all the same."""
    here, _ = neighbours
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as watching:
        watching.next()
        # The first may be found as the stream begins, another one as the server begins to listen.
        for _ in range(3):
            lay(here, collection["id"])
            assert watching.next()["cursor"] == cursors_of(here, collection["id"])[-1]


def test_f36_changes_arrive_though_the_listening_connections_die(neighbours: Neighbours) -> None:
    """Every change arrives once and in order, though the database closes connections meanwhile."""
    here, there = neighbours
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as watching:
        seen = [watching.next()["cursor"]]
        for number in range(6):
            if number % 2:
                here.rows(END_CONNECTIONS)
            until_updated(there, collection["id"])
            seen.append(watching.next()["cursor"])
    end_connections(here)
    assert seen == cursors_of(here, collection["id"])


@pytest.mark.parametrize("rounds", in_short([10, 25], 10))
def test_calls_while_their_connections_die(neighbours: Neighbours, rounds: int) -> None:
    """A call whose connection the database ends is done or told to come again; it is never a fault of ours."""
    server, _ = neighbours
    collection = open_collection(server)
    answers = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        for _ in range(rounds):
            calls = [
                pool.submit(told_of_update, server, collection["id"], new_key()) for _ in range(8)
            ]
            server.rows(END_CONNECTIONS)
            answers += [call.result() for call in calls]
    end_connections(server)
    answers.append(told_of_update(server, collection["id"], new_key()))
    assert set(answers) <= {"PaymentCollection", "STORE_BUSY"}
    assert answers[-1] == "PaymentCollection"
    done = types_of(server, collection["id"]).count("COLLECTION_UPDATED")
    # Where the answer to a COMMIT was lost, it may have happened all the same.
    assert answers.count("PaymentCollection") <= done <= len(answers)


def told_of_update(server: RunningServer, collection_id: str, reference: str) -> str:
    """Change a collection, and name the answer: the member's type, or the error's code."""
    values = {"input": {"id": collection_id, "reference": reference}}
    answer = server.post(document("complete/updatePaymentCollection"), values).json()
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    member = answer["data"]["updatePaymentCollection"]
    return str(member.get("code", member["__typename"]))


def until_updated(server: RunningServer, collection_id: str) -> None:
    """Change a collection once, however often the database has to be asked: what is done already changes nothing."""
    reference = new_key()
    until(lambda: told_of_update(server, collection_id, reference) == "PaymentCollection")


def test_100_refunds_at_two_processes(neighbours: Neighbours) -> None:
    """Of 100 refunds of 30.00 on a captured 100.00, asked at two processes, three succeed."""
    payment = pay(neighbours[0])
    capture(neighbours[0], payment["id"])
    values = {"paymentId": payment["id"], "amount": "30.00"}
    calls: list[Call] = [
        ("refundPayment", {**values, "idempotencyKey": new_key()}) for _ in range(100)
    ]
    answers = at_servers(neighbours, calls)
    won = [answer for answer in answers if answer["__typename"] == "Payment"]
    assert len(won) == 3
    assert {answer.get("code") for answer in answers if answer not in won} == {"AMOUNT_TOO_LARGE"}
    found = [e["moved"] for e in effects(neighbours[1], payment["paymentSession"]["id"], "refund")]
    assert found == ["30.00"] * 3


def test_one_key_at_two_processes_opens_one_collection(neighbours: Neighbours) -> None:
    """First uses of one idempotency key at two processes at the same time open one collection."""
    for _ in range(10):
        values = {"amount": "10.00", "currencyCode": "USD", "idempotencyKey": new_key()}
        answers = at_servers(neighbours, [("createPaymentCollection", values)] * 8)
        assert {answer["__typename"] for answer in answers} == {"PaymentCollection"}
        assert len({answer["id"] for answer in answers}) == 1


@pytest.mark.parametrize("is_lease_over", in_short([True, False], True))
def test_a_process_goes_on_with_what_another_one_was_asking(
    neighbours: Neighbours, shared: Mapping[str, str], tmp_path: Path, *, is_lease_over: bool
) -> None:
    """Killed after an ask's effect, a process's work is finished by its neighbour, with one effect."""
    _, there = neighbours
    here = RunningServer(tmp_path, shared, is_test_build=True).start()
    try:
        collection = open_collection(here)
        session = open_session(here, collection["id"])
        here.fail_at("after ask")
        with pytest.raises(httpx2.TransportError):
            authorize(here, session["id"])
    finally:
        here.close()
    if is_lease_over:
        end_leases(there)
    until(lambda: collection_of(there, collection["id"])["status"] == "AUTHORIZED")
    assert [e["result"] for e in effects(there, session["id"])] == ["approved"]
