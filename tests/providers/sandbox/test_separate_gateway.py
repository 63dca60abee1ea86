"""The sandbox gateway as a process of its own: the same flow, across a real network."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import CHECKED
from tests.support.flow.looking import status_of
from tests.support.flow.meanwhile import beside, recover, until_event
from tests.support.flow.shop import authorize, capture, new_key, open_collection, open_session, pay
from tests.support.gateways.gateway import RunningGateway
from tests.support.gateways.sites import site
from tests.support.program.running import NO_RECOVERY, RunningServer
from tests.support.waiting import until

Pair = tuple[RunningServer, RunningGateway]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Return a server and its gateway, each a process of its own."""
    server = RunningServer(tmp_path_factory.mktemp("server"), NO_RECOVERY)
    gateway = RunningGateway(tmp_path_factory.mktemp("gateway"), server.port).start()
    server.environment = {**server.environment, **gateway.settings}
    server.start()
    yield server, gateway
    checked = server.check()
    server.close()
    end(gateway)
    assert checked == CHECKED


def end(gateway: RunningGateway) -> None:
    """Kill a gateway."""
    assert gateway.process is not None
    gateway.process.kill()
    gateway.process.wait()


def test_flow_across_processes(pair: Pair) -> None:
    """A payment is authorized and captured, and the gateway's ledger is read through the server."""
    server, _ = pair
    payment = pay(server)
    assert capture(server, payment["id"])["status"] == "CAPTURED"
    session = payment["paymentSession"]["id"]
    assert [(one["kind"], one["moved"]) for one in server.ledger(session)] == [
        ("authorize", "100.00"),
        ("capture", "100.00"),
    ]


def test_lost_reply_across_processes(pair: Pair) -> None:
    """A connection that breaks after the effect is an unknown outcome; recovery settles it, with one effect."""
    server, _ = pair
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "lost_reply")["id"]
    answer = authorize(server, session)
    assert answer["action"]["__typename"] == "AwaitProvider"
    recover(server, session)
    until_event(server, collection, "SESSION_AUTHORIZED")
    effects = [(one["result"], one["moved"]) for one in server.ledger(session)]
    assert effects == [("approved", "100.00")]


def test_report_across_processes(pair: Pair) -> None:
    """A pending authorization is settled by a signed report that the gateway posts to the server."""
    server, _ = pair
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "pending")["id"]
    authorize(server, session)
    settled = server.client.post(f"/sandbox/reports/{session}", json={"result": "approve"})
    assert settled.status_code == 202
    found = until_event(server, collection, "SESSION_AUTHORIZED")
    sources = [edge["node"]["source"] for edge in found["events"]["edges"]]
    assert sources == ["API", "API", "API", "WEBHOOK"]


def test_gateway_that_is_down(pair: Pair) -> None:
    """A gateway that can't be connected to did nothing: PROVIDER_UNAVAILABLE, and the same key goes through later."""
    server, gateway = pair
    session = open_session(server, open_collection(server)["id"])["id"]
    key = new_key()
    end(gateway)
    refused = authorize(server, session, idempotencyKey=key)
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    gateway.start()
    assert authorize(server, session, idempotencyKey=key)["status"] == "AUTHORIZED"
    assert [one["moved"] for one in server.ledger(session)] == ["100.00"]


@pytest.mark.once
def test_gateway_answers_its_server_alone(pair: Pair) -> None:
    """Without the shared secret the gateway tells nothing and does nothing."""
    _, gateway = pair
    assert httpx2.get(f"{gateway.url}/ledger").status_code == 401
    forged = {"authorization": "Bearer another-secret-altogether"}
    assert httpx2.post(f"{gateway.url}/operations", json={}, headers=forged).status_code == 401


def test_gateway_dies_during_an_ask(tmp_path: Path) -> None:
    """A gateway that is killed while it works leaves an unknown outcome, which is settled once it is back."""
    with site(tmp_path) as made:
        server = made.server
        collection = open_collection(server)["id"]
        session = open_session(server, collection)["id"]
        assert made.gateway.process is not None
        made.gateway.process.send_signal(signal.SIGSTOP)
        with beside(lambda: authorize(server, session)) as answer:
            until(lambda: made.between.asks)
            end(made.gateway)
        assert answer.result()["action"]["__typename"] == "AwaitProvider"
        with made.between.closed():
            # Recovery finds nobody there half a second later: that is no evidence of what happened before.
            asked = "SELECT asked_times, status FROM operations WHERE session_id = ?"
            until(lambda: server.rows(asked, session) == [(2, "UNKNOWN")])
            assert status_of(server, collection) == "AWAITING"
            made.gateway.start()
        # Its next step is a minute away.
        server.rows("UPDATE operations SET due_at = 1 WHERE session_id = ?", session)
        until_event(server, collection, "SESSION_AUTHORIZED")
        assert [one["moved"] for one in server.ledger(session)] == ["100.00"]
