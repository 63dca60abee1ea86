"""Several processes on one database: what one does, the others see at once, and later where the hint is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from payments.ids import EVENT, new_id
from tests.support.log import WATCH, cursors_of, types_of
from tests.support.records import effects
from tests.support.running import URL, RunningServer, document
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.streams import following
from tests.support.waiting import until

Neighbours = tuple[RunningServer, RunningServer]

END_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'tillgraph' AND datname = current_database()"
)

POLLED_SECONDS = 5.0


def test_f36_a_change_that_nobody_tells_of_arrives_by_the_poll(neighbours: Neighbours) -> None:
    """Written by a process that ended before it could tell, a change is seen all the same."""
    here, _ = neighbours
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as watching:
        watching.next()
        here.rows(
            "INSERT INTO payment_events (position, id, collection_id, sequence, type, source,"
            " occurred_at, currency, collection_status)"
            " SELECT max(position) + 1, ?, ?, 2, 'COLLECTION_UPDATED', 'API', 0, 'USD', 'NOT_PAID'"
            " FROM payment_events",
            new_id(EVENT),
            collection["id"],
        )
        here.rows("UPDATE payment_collections SET sequence = 2 WHERE id = ?", collection["id"])
        assert watching.next(POLLED_SECONDS)["cursor"] == cursors_of(here, collection["id"])[-1]


def test_f36_changes_arrive_though_the_listening_connections_die(neighbours: Neighbours) -> None:
    """Whatever connections the database closes, every change arrives once and in order."""
    here, there = neighbours
    collection = open_collection(here)
    with following(here, "websocket", WATCH, {"id": collection["id"]}) as watching:
        seen = [watching.next()["cursor"]]
        for number in range(6):
            if number % 2:
                here.rows(END_CONNECTIONS)
            until(lambda: tried(there, collection["id"]))
            seen.append(watching.next(POLLED_SECONDS)["cursor"])
    assert seen == cursors_of(here, collection["id"])


def test_calls_while_their_connections_die(neighbours: Neighbours) -> None:
    """A call whose connection the database ends is done or told to come again; it is never a fault of ours."""
    server, _ = neighbours
    collection = open_collection(server)
    answers = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        for _ in range(25):
            calls = [pool.submit(tell_of_update, server, collection["id"]) for _ in range(8)]
            server.rows(END_CONNECTIONS)
            answers += [call.result() for call in calls]
    assert set(answers) <= {"PaymentCollection", "STORE_BUSY"}
    assert "PaymentCollection" in answers
    done = types_of(server, collection["id"]).count("COLLECTION_UPDATED")
    # Where the answer to a COMMIT was lost, it may have happened all the same.
    assert answers.count("PaymentCollection") <= done <= len(answers)


def tell_of_update(server: RunningServer, collection_id: str) -> str:
    """Change a collection, and name the answer: the member's type, or the error's code."""
    values = {"input": {"id": collection_id, "reference": new_key()}}
    answer = server.post(document("complete/updatePaymentCollection"), values).json()
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    member = answer["data"]["updatePaymentCollection"]
    return str(member.get("code", member["__typename"]))


def tried(server: RunningServer, collection_id: str) -> bool:
    """Change a collection, and tell whether the database took it."""
    return tell_of_update(server, collection_id) == "PaymentCollection"


def test_50_authorizations_at_two_processes_have_one_effect(neighbours: Neighbours) -> None:
    """Asked at two processes at the same time, one session makes one payment, and every answer names it."""
    collection = open_collection(neighbours[0])
    session = open_session(neighbours[0], collection["id"], "slow:0.3")
    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = list(pool.map(lambda n: authorize(neighbours[n % 2], session["id"]), range(50)))
    assert {answer["__typename"] for answer in answers} == {"Payment"}
    assert len({answer["id"] for answer in answers}) == 1
    assert [effect["asked"] for effect in effects(neighbours[0], session["id"])] == [1]


def test_100_refunds_at_two_processes(neighbours: Neighbours) -> None:
    """Of 100 refunds of 30.00 on a captured 100.00, asked at two processes, three succeed."""
    payment = pay(neighbours[0])
    capture(neighbours[0], payment["id"])
    with ThreadPoolExecutor(max_workers=25) as pool:
        answers = list(
            pool.map(lambda n: refund(neighbours[n % 2], payment["id"], amount="30.00"), range(100))
        )
    won = [answer for answer in answers if answer["__typename"] == "Payment"]
    assert len(won) == 3
    assert {answer.get("code") for answer in answers if answer not in won} == {"AMOUNT_TOO_LARGE"}
    found = [e["moved"] for e in effects(neighbours[1], payment["paymentSession"]["id"], "refund")]
    assert found == ["30.00"] * 3


def test_one_key_at_two_processes_opens_one_collection(neighbours: Neighbours) -> None:
    """First uses of one idempotency key at two processes at the same time open one collection."""
    for _ in range(10):
        values = {"amount": "10.00", "currencyCode": "USD", "idempotencyKey": new_key()}
        with ThreadPoolExecutor(max_workers=8) as pool:
            answers = list(
                pool.map(
                    lambda n, values=values: neighbours[n % 2].change(
                        "createPaymentCollection", values
                    ),
                    range(8),
                )
            )
        assert {answer["__typename"] for answer in answers} == {"PaymentCollection"}
        assert len({answer["id"] for answer in answers}) == 1


def test_a_process_goes_on_with_what_another_one_was_asking(
    own_database: str, make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """Killed during an ask, a process's work is finished by its neighbour, with one effect."""
    settings = {
        URL: own_database,
        "TILLGRAPH_SANDBOX_DATABASE": str(tmp_path / "ledger.db"),
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": "the-webhook-secret-of-these-tests",
    }
    first, second = (make_server(**settings).start() for _ in range(2))
    collection = open_collection(first)
    session = open_session(first, collection["id"], "slow:2")
    with ThreadPoolExecutor(max_workers=1) as pool:
        asking = pool.submit(authorize, first, session["id"])
        until(lambda: first.rows("SELECT id FROM operations WHERE status = 'ASKING'"))
        first.kill()
        assert asking.exception() is not None
    until(lambda: collection_of(second, collection["id"])["status"] == "AUTHORIZED")
    assert [e["result"] for e in effects(second, session["id"])] == ["approved"]
