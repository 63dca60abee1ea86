"""Clients that go away, servers that are told to stop and databases that are held: none of it moves money twice."""

import time
from collections.abc import Callable

import pytest

from tests.support.calling import Call, result_of, running, send_and_go
from tests.support.records import (
    assert_books_agree,
    effects,
    everything,
    locked,
    open_operations,
    operation_in,
)
from tests.support.running import RunningServer, document
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    open_session,
    pay,
)
from tests.support.waiting import until

BUSY_SECONDS = 3.5
"""A lock is waited for 3 seconds; the rest is the request itself."""


def test_f42_sigterm_with_a_client_that_has_gone(make_server: Callable[..., RunningServer]) -> None:
    """A server that is told to stop records what it asks for even where nobody waits for the answer."""
    server = make_server().start()
    session = open_session(server, open_collection(server)["id"], "slow:1")
    call: Call = ("authorizePaymentSession", {"id": session["id"]})
    send_and_go(server, call, lambda: operation_in(server, "ASKING", "authorize", session["id"]))
    assert server.stop() == 0
    found = server.rows("SELECT amount_minor FROM payments WHERE session_id = ?", session["id"])
    assert found == [(10_000,)]


@pytest.mark.parametrize("mutation", ["create", "authorize", "capture", "cancel"])
def test_f34_a_database_that_is_held(server: RunningServer, mutation: str) -> None:
    """While another process holds the database, a mutation is STORE_BUSY with 503 in time, and nothing is sent."""
    session = open_session(server, open_collection(server)["id"])
    payment = pay(server)
    call: Call = {
        "create": ("createPaymentCollection", {"amount": "1.00", "currencyCode": "USD"}),
        "authorize": ("authorizePaymentSession", {"id": session["id"]}),
        "capture": ("capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()}),
        "cancel": ("cancelPayment", {"paymentId": payment["id"]}),
    }[mutation]
    until(lambda: not open_operations(server))
    before = everything(server), server.ledger()
    with locked(server), running(server, call) as (answer,):
        began_at = time.monotonic()
        response = answer.result()
        took_seconds = time.monotonic() - began_at
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "STORE_BUSY"
    assert took_seconds < BUSY_SECONDS
    assert (everything(server), server.ledger()) == before


def test_f35_queries_while_the_database_is_held(server: RunningServer) -> None:
    """Reading goes on while another process holds the database for writing."""
    collection = open_collection(server)
    with locked(server):
        assert collection_of(server, collection["id"])["status"] == "NOT_PAID"


def test_f35_many_mutations_while_the_database_is_held(server: RunningServer) -> None:
    """Mutations that queue behind each other for a held database are 503 in time, and queries are answered in time."""
    by_id = {"id": open_collection(server)["id"]}
    calls: list[Call] = [
        ("createPaymentCollection", {"amount": "1.00", "currencyCode": "USD"}) for _ in range(16)
    ]
    with locked(server), running(server, *calls) as answers:
        # By now every connection of the server has a mutation that waits.
        time.sleep(0.5)
        began_at = time.monotonic()
        reading = server.post(document("back_end/02_show_payment_collection"), by_id)
        read_seconds = time.monotonic() - began_at
        responses = [answer.result() for answer in answers]
    took_seconds = max(response.elapsed.total_seconds() for response in responses)
    told = [(response.status_code, response.headers["retry-after"]) for response in responses]
    assert told == [(503, "1")] * 16
    assert took_seconds < BUSY_SECONDS
    assert reading.status_code in (200, 503)
    assert read_seconds < BUSY_SECONDS


def test_f07_an_outcome_that_can_not_be_written(server: RunningServer) -> None:
    """Where the database is held when the answer comes, the outcome is shown as open, and recovery records it once."""
    session = open_session(server, open_collection(server)["id"], "slow:0.5")
    with running(server, ("authorizePaymentSession", {"id": session["id"]})) as (call,):
        until(lambda: operation_in(server, "ASKING", "authorize", session["id"]))
        with locked(server):
            answer = result_of(call.result())
    assert (answer["__typename"], answer["action"]["__typename"]) == (
        "RequiresMoreAction",
        "AwaitProvider",
    )
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]))
    assert authorize(server, session["id"])["__typename"] == "Payment"
    assert [effect["moved"] for effect in effects(server, session["id"])] == ["100.00"]


def test_f07_a_capture_whose_outcome_can_not_be_written(server: RunningServer) -> None:
    """The same for a capture: CapturePending, then one capture under the same key."""
    payment = pay(server, token="approve,capture=slow:0.5")
    session_id = payment["paymentSession"]["id"]
    key = new_key()
    values = {"paymentId": payment["id"], "idempotencyKey": key}
    with running(server, ("capturePayment", values)) as (call,):
        until(lambda: operation_in(server, "ASKING", "capture", session_id))
        with locked(server):
            answer = result_of(call.result())
    assert (answer["__typename"], answer["capture"]["status"]) == ("CapturePending", "PENDING")
    until(lambda: operation_in(server, "SUCCEEDED", "capture", session_id))
    again = capture(server, payment["id"], idempotencyKey=key)
    assert (again["__typename"], again["capturedAmount"]) == ("Payment", "100.00")
    assert [effect["moved"] for effect in effects(server, session_id, "capture")] == ["100.00"]


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """After these faults each effect at the gateway is an operation of ours, and all sums are the same."""
    until(lambda: not open_operations(server))
    assert_books_agree(server)
