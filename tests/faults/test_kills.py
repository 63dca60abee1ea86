"""What a killed server leaves behind, and what its successor makes of it."""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import httpx2
import pytest

from tests.support.calling import running
from tests.support.records import assert_books_agree, effects, open_operations, operation_in
from tests.support.running import Json, RunningServer
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
from tests.support.shopping import FINAL_SECONDS, Shopper
from tests.support.waiting import until

SETTLED_SECONDS = 30.0
"""From the new start to the outcome: a lease of 5 seconds, the slow ask again, and the start itself."""

KILLS = 10
SHOPPERS = 3


@dataclass(frozen=True)
class Killed:
    """Is a server that was killed while four asks were on their way, and started again."""

    server: RunningServer
    again_at: float
    sessions: Mapping[str, str]
    calls: Mapping[str, tuple[str, Json]]

    def wait_for(self, kind: str) -> list[Json]:
        """Wait until the operation of a kind has its outcome, within the bound; gives its effects at the gateway."""
        left = self.again_at + SETTLED_SECONDS - time.monotonic()
        until(
            lambda: operation_in(self.server, "SUCCEEDED", kind, self.sessions[kind]),
            seconds=max(0.0, left),
        )
        return effects(self.server, self.sessions[kind], kind)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Kill a server with the default settings during an authorization, a capture, a refund and a cancellation."""
    server = RunningServer(tmp_path_factory.mktemp("killed")).start()
    try:
        session = open_session(server, open_collection(server)["id"], "slow:2")
        to_capture = pay(server, token="approve,capture=slow:2")
        to_refund = pay(server, token="approve,refund=slow:2")
        assert capture(server, to_refund["id"])["__typename"] == "Payment"
        to_cancel = pay(server, token="approve,cancel=slow:2")
        sessions = {
            "authorize": session["id"],
            "capture": to_capture["paymentSession"]["id"],
            "refund": to_refund["paymentSession"]["id"],
            "cancel": to_cancel["paymentSession"]["id"],
        }
        calls = {
            "authorize": ("authorizePaymentSession", {"id": session["id"]}),
            "capture": (
                "capturePayment",
                {"paymentId": to_capture["id"], "amount": "60.00", "idempotencyKey": new_key()},
            ),
            "refund": (
                "refundPayment",
                {"paymentId": to_refund["id"], "amount": "30.00", "idempotencyKey": new_key()},
            ),
            "cancel": ("cancelPayment", {"paymentId": to_cancel["id"]}),
        }
        with running(server, *calls.values()) as under_way:
            until(lambda: len(open_operations(server)) == 4)
            server.kill()
            assert {type(call.exception()) for call in under_way} <= {
                httpx2.RemoteProtocolError,
                httpx2.ReadError,
            }
        again_at = time.monotonic()
        server.start()
        yield Killed(server, again_at, sessions, calls)
    finally:
        server.close()


def test_f03_an_authorization_survives_a_kill(killed: Killed) -> None:
    """Killed during an authorization, the payment is there within 15 seconds of the new start, with one effect."""
    (effect,) = killed.wait_for("authorize")
    assert (effect["result"], effect["moved"]) == ("approved", "100.00")
    payment = authorize(killed.server, killed.sessions["authorize"])
    assert (payment["__typename"], payment["status"]) == ("Payment", "AUTHORIZED")
    collection = collection_of(killed.server, payment["paymentCollection"]["id"])
    events = [
        (edge["node"]["type"], edge["node"]["source"]) for edge in collection["events"]["edges"]
    ]
    assert events[-2:] == [("SESSION_PENDING", "API"), ("SESSION_AUTHORIZED", "RECONCILIATION")]


def test_f03_a_capture_survives_a_kill(killed: Killed) -> None:
    """Killed during a capture, its key answers with the one capture that there was."""
    (effect,) = killed.wait_for("capture")
    assert (effect["result"], effect["moved"]) == ("approved", "60.00")
    payment = killed.server.change(*killed.calls["capture"])
    assert (payment["__typename"], payment["capturedAmount"]) == ("Payment", "60.00")
    (movement,) = payment["captures"]
    assert (movement["id"], movement["status"]) == (effect["key"], "SUCCEEDED")


def test_f03_a_refund_survives_a_kill(killed: Killed) -> None:
    """Killed during a refund, its key answers with the one refund that there was."""
    (effect,) = killed.wait_for("refund")
    assert (effect["result"], effect["moved"]) == ("approved", "30.00")
    payment = killed.server.change(*killed.calls["refund"])
    assert (payment["__typename"], payment["refundedAmount"]) == ("Payment", "30.00")
    (movement,) = payment["refunds"]
    assert (movement["id"], movement["status"]) == (effect["key"], "SUCCEEDED")


def test_f03_a_cancellation_survives_a_kill(killed: Killed) -> None:
    """Killed during a cancellation, the payment is canceled with one effect."""
    (effect,) = killed.wait_for("cancel")
    assert (effect["result"], effect["moved"]) == ("approved", "100.00")
    payment = killed.server.change(*killed.calls["cancel"])
    assert (payment["__typename"], payment["status"]) == ("Payment", "CANCELED")


def test_the_books_agree_after_a_kill(killed: Killed) -> None:
    """Once all is settled, every sum here is the gateway's."""
    until(lambda: not open_operations(killed.server), seconds=SETTLED_SECONDS)
    assert_books_agree(killed.server)


def test_f03_an_effect_before_the_kill_is_found(make_server: Callable[..., RunningServer]) -> None:
    """Killed behind an effect whose answer was lost, the successor records it and makes no second one."""
    server = make_server().start()
    session = open_session(server, open_collection(server)["id"], "lost_reply")
    with running(server, ("authorizePaymentSession", {"id": session["id"]})):
        until(lambda: effects(server, session["id"]))
        server.kill()
    server.start()
    payment = until(
        lambda: server.rows(
            "SELECT amount_minor FROM payments WHERE session_id = ?", session["id"]
        ),
        seconds=SETTLED_SECONDS,
    )
    assert payment == [(10_000,)]
    assert [effect["moved"] for effect in effects(server, session["id"])] == ["100.00"]


def test_a_retry_while_the_lease_lasts_waits(make_server: Callable[..., RunningServer]) -> None:
    """The same key right after a kill waits for the outcome that recovery brings, and moves nothing twice."""
    server = make_server().start()
    payment = pay(server, token="approve,capture=slow:1")
    session_id = payment["paymentSession"]["id"]
    values = {"paymentId": payment["id"], "idempotencyKey": new_key()}
    with running(server, ("capturePayment", values)):
        until(lambda: operation_in(server, "ASKING", "capture", session_id))
        server.kill()
    server.start()
    answer = server.change("capturePayment", values)
    assert (answer["__typename"], answer["capturedAmount"]) == ("Payment", "100.00")
    assert [one["moved"] for one in effects(server, session_id, "capture")] == ["100.00"]


# ── At random instants ─────────────────────────────────────────────────────────


def test_kills_at_random_instants(
    make_server: Callable[..., RunningServer], record_property: Callable[[str, object], None]
) -> None:
    """Killed ten times at random instants, every call by its key gets its one final answer, and the books agree."""
    seed = secrets.randbits(32)
    record_property("seed", seed)
    print(f"seed {seed}")  # noqa: T201 - repeats the run, and is shown where it fails
    instants = random.Random(seed)  # noqa: S311 - likewise
    server = make_server().start()
    is_over = Event()
    shoppers = [Shopper([server.url], seed + number, is_over) for number in range(SHOPPERS)]
    with ThreadPoolExecutor(SHOPPERS) as threads:
        shopping: list[Future[int]] = [threads.submit(shopper.shop) for shopper in shoppers]
        try:
            for _ in range(KILLS):
                # What is waited for is an instant like any other.
                time.sleep(instants.uniform(0.05, 0.8))
                server.kill()
                server.start()
        finally:
            is_over.set()
        flows = sum(done.result(timeout=FINAL_SECONDS + 5) for done in shopping)
    assert flows >= SHOPPERS
    until(lambda: not open_operations(server))
    assert_books_agree(server)
    sums = server.rows("SELECT count(*), sum(captured_minor), sum(refunded_minor) FROM payments")
    assert sums == [(flows, flows * 6_000, flows * 2_000)]


def test_f05_refund_by_key_after_a_restart(make_server: Callable[..., RunningServer]) -> None:
    """A refund's key answers with the same refund after a kill that came behind the answer; nothing is asked again."""
    server = make_server().start()
    payment = pay(server)
    capture(server, payment["id"])
    key = new_key()
    first = refund(server, payment["id"], amount="30.00", idempotencyKey=key)
    server.kill()
    server.start()
    assert refund(server, payment["id"], amount="30.00", idempotencyKey=key) == first
    (effect,) = effects(server, payment["paymentSession"]["id"], "refund")
    assert (effect["moved"], effect["asked"]) == ("30.00", 1)
