"""What arrives late: a gateway that answers after its caller gave up, or after the collection was canceled."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.looking import (
    asked_keys,
    effects,
    events_of,
    payment_of,
    session_status,
    sums_of,
)
from tests.support.meanwhile import beside, until_event
from tests.support.running import RunningServer, clean_environment, free_port
from tests.support.shop import authorize, capture, open_collection, open_session, pay
from tests.support.starting import Started, start
from tests.support.waiting import until

SECRET = "whsec_known_to_these_tests_0002"
ENDS_SECONDS = 10.0

MakeServer = Callable[..., RunningServer]


@dataclass
class Gateway:
    """Is a sandbox gateway in a process of its own, which can be held."""

    process: Started

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop the gateway's process in the block: it answers what it is asked only afterwards."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@dataclass
class Shop:
    """Is a server and the gateway that it talks to."""

    server: RunningServer
    gateway: Gateway


@pytest.fixture
def shop(make_server: MakeServer, tmp_path: Path) -> Iterator[Shop]:
    """Run a server whose sandbox gateway is a process of its own."""
    port = free_port()
    settings = {
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET,
        "TILLGRAPH_SANDBOX_DATABASE": str(tmp_path / "gateway.db"),
    }
    address = f"http://127.0.0.1:{port}"
    server = make_server(**settings, TILLGRAPH_SANDBOX_URL=address)
    environment = {**clean_environment(), **settings, "PORT": str(server.port)}
    arguments = ["sandbox", "--port", str(port)]
    process = start("server", arguments, folder=tmp_path, environment=environment)
    try:
        server.start()
        until(lambda: server.client.get("/sandbox/ledger").status_code == 200)
        yield Shop(server, Gateway(process))
    finally:
        process.terminate()
        process.wait(timeout=ENDS_SECONDS)


def late_capture(shop: Shop) -> tuple[str, str, str]:
    """Cancel a collection while the gateway is about to authorize and capture: ids, and the call's failure code."""
    server = shop.server
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "auto_capture")["id"]
    with beside(lambda: authorize(server, session)) as call:
        with shop.gateway.held():
            until_event(server, collection, "SESSION_PENDING")
            server.change("cancelPaymentCollection", {"id": collection})
        answer = call.result()
    return collection, session, f"{answer['__typename']} {answer.get('code')}"


def test_a_surplus_that_was_captured_is_refunded(shop: Shop) -> None:
    """What the gateway captured at once for a canceled collection is refunded, as SURPLUS."""
    collection, session, answer = late_capture(shop)
    assert answer == "AuthorizationFailed INVALID_STATE"
    found = until_event(shop.server, collection, "PAYMENT_REFUNDED")
    payment = payment_of(shop.server, found["payments"][0]["id"])
    assert (payment["status"], payment["cancellationReason"]) == ("REFUNDED", "SURPLUS")
    assert (payment["capturedAmount"], payment["refundedAmount"]) == ("100.00", "100.00")
    assert effects(shop.server, session) == [
        ("authorize", "100.00", "approved", "100.00"),
        ("refund", "100.00", "approved", "100.00"),
    ]


def test_a_surplus_that_was_captured_counts_in_no_sum(shop: Shop) -> None:
    """The canceled collection shows nothing captured and nothing refunded, and its session is CANCELED."""
    collection, session, _ = late_capture(shop)
    until_event(shop.server, collection, "PAYMENT_REFUNDED")
    assert sums_of(shop.server, collection) == ("0.00", "0.00", "0.00", "100.00")
    assert session_status(shop.server, session) == "CANCELED"
    assert events_of(shop.server, collection, after=4) == [
        ("AUTHORIZATION_RETURNED", "100.00", "CANCELED", "CANCELED", "CAPTURED"),
        ("PAYMENT_REFUNDED", "100.00", "CANCELED", "CANCELED", "REFUNDED"),
    ]


def test_a_gateway_that_answers_too_late(server: RunningServer) -> None:
    """A call whose gateway takes longer than its time answers AwaitProvider; recovery finds the one payment."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "slow:8.5")["id"]
    answer = authorize(server, session)
    assert (answer["__typename"], answer["action"]["kind"]) == ("RequiresMoreAction", "WAIT")
    until_event(server, collection, "SESSION_AUTHORIZED")
    assert effects(server, session) == [("authorize", "100.00", "approved", "100.00")]
    assert len(set(asked_keys(server, collection, "authorize"))) == 1


def test_a_capture_that_is_answered_too_late(server: RunningServer) -> None:
    """A capture whose gateway takes longer than its time is CapturePending; recovery finds the one effect."""
    payment = pay(server, token="approve,capture=slow:8.5")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    assert capture(server, payment["id"])["__typename"] == "CapturePending"
    until_event(server, collection, "PAYMENT_CAPTURED")
    assert effects(server, session)[1:] == [("capture", "100.00", "approved", "100.00")]
