"""Payments while the database ends every connection again and again."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.postgresql.test_neighbours import END_CONNECTIONS
from tests.support.log import everything_after, touch
from tests.support.records import assert_books_agree, open_operations
from tests.support.running import URL, Json, RunningServer, document
from tests.support.shop import new_key, open_collection
from tests.support.streams import TRANSPORTS, following
from tests.support.waiting import until

FLOWS = 12
LONGEST_PAUSE_SECONDS = 0.15
PATIENCE_SECONDS = 60.0

NOT_YET = {"RequiresMoreAction", "CapturePending", "RefundPending"}


@contextmanager
def losing_connections(server: RunningServer) -> Iterator[None]:
    """End every connection of a server to its database at random instants; prints the seed."""
    seed = random.randrange(2**32)  # noqa: S311 - spreads instants, guards nothing
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chance = random.Random(seed)  # noqa: S311 - likewise
    is_over = threading.Event()

    def end_them() -> None:
        # Ever more rarely: a machine that does much else comes to the end of a payment too.
        for number in itertools.count():
            pause_seconds = chance.uniform(0.02, LONGEST_PAUSE_SECONDS) * (1 + number / 50)
            if is_over.wait(pause_seconds):
                break
            server.rows(END_CONNECTIONS)

    ending = threading.Thread(target=end_them)
    ending.start()
    try:
        yield
    finally:
        is_over.set()
        ending.join()


def until_done(server: RunningServer, field_name: str, **values: Json) -> Json:
    """Send the very same mutation again until it has its final answer; no fault of ours may come between."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        body = {"input": values}
        answer = server.post(document(f"complete/{field_name}"), body).json()
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == "STORE_BUSY", answer
            continue
        value = answer["data"][field_name]
        if value["__typename"] not in NOT_YET and not value.get("retryable"):
            return value
    raise AssertionError(f"{field_name} has no final answer in {PATIENCE_SECONDS} seconds")


def pay_capture_and_refund(server: RunningServer) -> None:
    """Take 100.00, capture 60.00 and refund 20.00 of it."""
    keys = iter([new_key() for _ in range(4)])
    collection = until_done(
        server,
        "createPaymentCollection",
        amount="100.00",
        currencyCode="USD",
        idempotencyKey=next(keys),
    )
    session = until_done(
        server,
        "createPaymentSession",
        paymentCollectionId=collection["id"],
        providerId="sandbox",
        idempotencyKey=next(keys),
    )
    payment = until_done(server, "authorizePaymentSession", id=session["id"])
    for field_name, amount in (("capturePayment", "60.00"), ("refundPayment", "20.00")):
        moved = until_done(
            server, field_name, paymentId=payment["id"], amount=amount, idempotencyKey=next(keys)
        )
        assert moved["__typename"] == "Payment", moved


def test_f07_payments_while_connections_are_lost(
    own_database: str, make_server: Callable[..., RunningServer]
) -> None:
    """Every payment comes to its end by sending the same requests again, and no money moves twice."""
    server = make_server(**{URL: own_database}).start()
    with losing_connections(server), ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(pay_capture_and_refund, server) for _ in range(FLOWS)]:
            done.result()
    until(lambda: not open_operations(server), seconds=PATIENCE_SECONDS)
    assert_books_agree(server)
    assert len(server.ledger()) == 3 * FLOWS
    assert server.rows("SELECT count(*) FROM payments") == [(FLOWS,)]
    assert not [line for line in server.log_lines() if line["event"] == "unexpected_error"]


CURSORS = "subscription ($after: String) { paymentEvents(after: $after) { cursor } }"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_f36_a_stream_while_connections_are_lost(
    own_database: str, make_server: Callable[..., RunningServer], transport: str
) -> None:
    """A stream does not end because its database was not there: it gives every event once, in order."""
    server = make_server(**{URL: own_database}).start()
    collection = open_collection(server)
    (first,) = everything_after(server, None)
    touch(server, collection["id"], "seen before any connection is lost")
    seen = [first]
    with following(server, transport, CURSORS, {"after": first}) as stream:
        seen.append(stream.next()["cursor"])
        with losing_connections(server):
            for number in range(10):
                until_done(
                    server, "updatePaymentCollection", id=collection["id"], reference=f"{number}"
                )
        wanted = everything_after(server, None)
        while seen != wanted:
            seen.append(stream.next()["cursor"])
            assert seen == wanted[: len(seen)]
    assert len(wanted) >= 12
