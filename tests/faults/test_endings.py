"""Clients that go away, servers that are told to stop and databases that are held: none of it moves money twice."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import checked
from tests.support.callers.calling import Call, all_at_once, result_of, running, send_and_go
from tests.support.flow.shop import collection_of, new_key, open_collection, open_session
from tests.support.forms import in_short
from tests.support.program.running import (
    QUICK_RECOVERY,
    SHIPPED_LOCKS,
    SHORT_LOCKS,
    Json,
    RunningServer,
    document,
)
from tests.support.stores.records import (
    assert_books_agree,
    effects,
    end_leases,
    everything,
    locked,
    open_operations,
    operation_in,
)
from tests.support.waiting import PATIENCE_SECONDS, until

CROWD = 16
"""Mutations at once: more than there are connections to a database."""


@pytest.fixture(
    scope="module",
    params=in_short([SHORT_LOCKS, SHIPPED_LOCKS], SHORT_LOCKS),
    ids=["scaled", "shipped"],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Return a server that waits for its database's lock for 0.6 seconds, in the long form also for the shipped 3."""
    settings = {**QUICK_RECOVERY, **request.param}
    folder = tmp_path_factory.mktemp("endings")
    with checked(RunningServer(folder, settings, is_test_build=True)) as running:
        yield running


@pytest.mark.once
def test_f42_sigterm_with_a_client_that_has_gone(make_server: Callable[..., RunningServer]) -> None:
    """A server that is told to stop records the outcome of its request even if nobody waits for the answer."""
    server = make_server(is_test_build=True).start()
    session = open_session(server, open_collection(server)["id"])
    call: Call = ("authorizePaymentSession", {"id": session["id"]})
    server.hold_at("before record")
    send_and_go(server, call, server.wait_until_held)
    assert server.process is not None
    server.process.terminate()
    server.go_on()
    assert server.process.wait(PATIENCE_SECONDS) == 0
    found = server.rows("SELECT amount_minor FROM payments WHERE session_id = ?", session["id"])
    assert found == [(10_000,)]


def done(server: RunningServer, name: str, values: Json) -> Json:
    """Call what comes before a test, again and again where the server waits too shortly for it."""
    (answer,) = all_at_once(server, [(name, {**values, "idempotencyKey": new_key()})])
    return answer


def open_patiently(server: RunningServer) -> Json:
    """Open a collection and a session for all of it."""
    collection = done(
        server, "createPaymentCollection", {"amount": "100.00", "currencyCode": "USD"}
    )
    values = {"paymentCollectionId": collection["id"], "providerId": "sandbox"}
    return done(server, "createPaymentSession", values)


def paid(server: RunningServer) -> Json:
    """Authorize 100.00."""
    return done(server, "authorizePaymentSession", {"id": open_patiently(server)["id"]})


@pytest.mark.parametrize("mutation", ["create", "authorize", "capture", "cancel"])
def test_f34_a_database_that_is_held(server: RunningServer, mutation: str) -> None:
    """While another process holds the database, a mutation is STORE_BUSY with 503, and nothing is sent."""
    session = open_patiently(server)
    payment = paid(server)
    call: Call = {
        "create": ("createPaymentCollection", {"amount": "1.00", "currencyCode": "USD"}),
        "authorize": ("authorizePaymentSession", {"id": session["id"]}),
        "capture": ("capturePayment", {"paymentId": payment["id"], "idempotencyKey": new_key()}),
        "cancel": ("cancelPayment", {"paymentId": payment["id"]}),
    }[mutation]
    until(lambda: not open_operations(server))
    before = everything(server), server.ledger()
    with locked(server), running(server, call) as (answer,):
        # It is answered while the database is still held.
        response = answer.result()
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "STORE_BUSY"
    assert (everything(server), server.ledger()) == before


def test_f35_queries_while_the_database_is_held(server: RunningServer) -> None:
    """Reading goes on while another process holds the database for writing."""
    collection = open_patiently(server)["paymentCollection"]
    with locked(server):
        assert collection_of(server, collection["id"])["status"] == "AWAITING"


def test_f35_many_mutations_while_the_database_is_held(server: RunningServer) -> None:
    """Mutations that queue for a held database wait as long as one alone; queries are answered too, or are as busy."""
    by_id = {"id": open_patiently(server)["paymentCollection"]["id"]}
    call: Call = ("createPaymentCollection", {"amount": "1.00", "currencyCode": "USD"})

    def read() -> int:
        return server.post(document("back_end/02_show_payment_collection"), by_id).status_code

    def wait_together() -> bool:
        began_at = time.monotonic()
        with running(server, *[call] * CROWD) as answers:
            # All through their wait, and so also while every connection of the server has a mutation that waits.
            statuses = {read()}
            while not all(answer.done() for answer in answers):
                statuses.add(read())
            took_seconds = time.monotonic() - began_at
            responses = [answer.result() for answer in answers]
        told = [(response.status_code, response.headers["retry-after"]) for response in responses]
        assert told == [(503, "1")] * CROWD
        assert statuses <= {200, 503}
        # One after the other they would take sixteen times as long.
        return took_seconds < alone_seconds * CROWD / 2

    with locked(server):
        with running(server, call) as (answer,):
            alone_seconds = answer.result().elapsed.total_seconds()
        # On a machine that is busy just now, once more.
        until(wait_together)


def test_f07_an_outcome_that_can_not_be_written(server: RunningServer) -> None:
    """If the database is locked when the answer comes, the outcome is shown as open and recorded once later."""
    session = open_patiently(server)
    server.hold_at("before record")
    with running(server, ("authorizePaymentSession", {"id": session["id"]})) as (call,):
        server.wait_until_held()
        with locked(server):
            server.go_on()
            answer = result_of(call.result())
    assert (answer["__typename"], answer["action"]["__typename"]) == (
        "RequiresMoreAction",
        "AwaitProvider",
    )
    end_leases(server)
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]))
    (again,) = all_at_once(server, [("authorizePaymentSession", {"id": session["id"]})])
    assert again["__typename"] == "Payment"
    assert [effect["moved"] for effect in effects(server, session["id"])] == ["100.00"]


def test_f07_a_capture_whose_outcome_can_not_be_written(server: RunningServer) -> None:
    """The same for a capture: CapturePending, then one capture under the same key."""
    payment = paid(server)
    session_id = payment["paymentSession"]["id"]
    values = {"paymentId": payment["id"], "idempotencyKey": new_key()}
    server.hold_at("before record")
    with running(server, ("capturePayment", values)) as (call,):
        server.wait_until_held()
        with locked(server):
            server.go_on()
            answer = result_of(call.result())
    assert (answer["__typename"], answer["capture"]["status"]) == ("CapturePending", "PENDING")
    end_leases(server)
    until(lambda: operation_in(server, "SUCCEEDED", "capture", session_id))
    (again,) = all_at_once(server, [("capturePayment", values)])
    assert (again["__typename"], again["capturedAmount"]) == ("Payment", "100.00")
    assert [effect["moved"] for effect in effects(server, session_id, "capture")] == ["100.00"]


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """After these faults each effect at the gateway is an operation of ours, and all sums are the same."""
    assert_books_agree(server)
