"""The sandbox gateway as a process of its own: the same flow, across a real network."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.gateway import SECRET, RunningGateway
from tests.support.running import RunningServer
from tests.support.shop import authorize, capture, collection_of, open_collection, open_session, pay


@pytest.fixture
def pair(
    tmp_path: Path, make_server: Callable[..., RunningServer]
) -> Iterator[tuple[RunningServer, RunningGateway]]:
    """Give a server and its gateway, each a process of its own."""
    server = make_server()
    gateway = RunningGateway(tmp_path, server.port).start()
    server.environment = {
        **server.environment,
        "TILLGRAPH_SANDBOX_URL": gateway.url,
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET,
    }
    server.start()
    yield server, gateway
    gateway.stop()


Pair = tuple[RunningServer, RunningGateway]


def until_status(server: RunningServer, collection_id: str, status: str) -> None:
    """Wait until a collection has a status, ten seconds at most."""
    ends_at = time.monotonic() + 10
    while collection_of(server, collection_id)["status"] != status:
        assert time.monotonic() < ends_at, collection_of(server, collection_id)
        time.sleep(0.05)


def until_asked_twice(server: RunningServer) -> None:
    """Wait until recovery has asked once more and has not got through, ten seconds at most."""
    ends_at = time.monotonic() + 10
    while server.rows("SELECT asked_times, status FROM operations") != [(2, "UNKNOWN")]:
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def bring_next_step(server: RunningServer) -> None:
    """Make recovery's next step due, which is a minute away."""
    server.rows("UPDATE operations SET due_at = 0 WHERE status = 'UNKNOWN'")


def test_flow_across_processes(pair: Pair) -> None:
    """A payment is authorized and captured, and the gateway's ledger is read through the server."""
    server, _ = pair
    payment = pay(server)
    assert capture(server, payment["id"])["status"] == "CAPTURED"
    assert [(one["kind"], one["moved"]) for one in server.ledger()] == [
        ("authorize", "100.00"),
        ("capture", "100.00"),
    ]


def test_lost_reply_across_processes(pair: Pair) -> None:
    """A connection that breaks behind the effect is an unknown outcome; recovery settles it, with one effect."""
    server, _ = pair
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    answer = authorize(server, session["id"])
    assert answer["action"]["__typename"] == "AwaitProvider"
    until_status(server, collection["id"], "AUTHORIZED")
    assert [(one["result"], one["moved"]) for one in server.ledger()] == [("approved", "100.00")]


def test_report_across_processes(pair: Pair) -> None:
    """What the gateway left pending is settled by a report that it posts to the server, signed."""
    server, _ = pair
    collection = open_collection(server)
    session = open_session(server, collection["id"], "pending")
    authorize(server, session["id"])
    settled = server.client.post(f"/sandbox/reports/{session['id']}", json={"result": "approve"})
    assert settled.status_code == 202
    until_status(server, collection["id"], "AUTHORIZED")
    sources = [
        e["node"]["source"] for e in collection_of(server, collection["id"])["events"]["edges"]
    ]
    assert sources == ["API", "API", "API", "WEBHOOK"]


def test_gateway_that_is_down(pair: Pair) -> None:
    """A gateway that can't be connected to did nothing: PROVIDER_UNAVAILABLE, and the same key goes through later."""
    server, gateway = pair
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    gateway.stop()
    refused = authorize(server, session["id"], idempotencyKey="once")
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    gateway.start()
    assert authorize(server, session["id"], idempotencyKey="once")["status"] == "AUTHORIZED"
    assert len(server.ledger()) == 1


def test_gateway_dies_during_an_ask(pair: Pair) -> None:
    """A gateway that is killed while it works leaves an unknown outcome, which is settled once it is back."""
    server, gateway = pair
    collection = open_collection(server)
    session = open_session(server, collection["id"], "slow:2")
    assert gateway.process is not None
    killer = threading.Timer(0.7, gateway.process.kill)
    killer.start()
    answer = authorize(server, session["id"])
    killer.join()
    assert answer["action"]["__typename"] == "AwaitProvider"
    gateway.process.wait()
    # Recovery finds nobody there half a second later: that is no evidence of what happened before.
    until_asked_twice(server)
    assert collection_of(server, collection["id"])["status"] == "AWAITING"
    gateway.start()
    bring_next_step(server)
    until_status(server, collection["id"], "AUTHORIZED")
    assert [one["moved"] for one in server.ledger()] == ["100.00"]


def test_gateway_answers_its_server_alone(pair: Pair) -> None:
    """Without the shared secret the gateway tells nothing and does nothing."""
    _, gateway = pair
    assert httpx2.get(f"{gateway.url}/ledger").status_code == 401
    forged = {"authorization": "Bearer another-secret-altogether"}
    assert httpx2.post(f"{gateway.url}/operations", json={}, headers=forged).status_code == 401
