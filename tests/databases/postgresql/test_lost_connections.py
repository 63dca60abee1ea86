"""Payments while the database ends every connection again and again."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.databases.postgresql.losing import losing_connections, until_done
from tests.support.callers.log import cursors_of, everything_after, touch
from tests.support.callers.streams import TRANSPORTS, following
from tests.support.flow.shop import new_key, open_collection
from tests.support.forms import in_short
from tests.support.program.running import SHORT_WAITS, URL, RunningServer
from tests.support.stores.records import assert_books_agree

pytestmark = pytest.mark.once


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


SHORT, LONG = (6, SHORT_WAITS), (12, dict[str, str]())
"""How many payments, and what a server waits for."""


@pytest.mark.parametrize("form", in_short([SHORT, LONG], SHORT), ids=["short", "long"])
def test_f07_payments_while_connections_are_lost(
    own_database: str,
    make_server: Callable[..., RunningServer],
    chance: random.Random,
    form: tuple[int, dict[str, str]],
) -> None:
    """Every payment comes to its end by sending the same requests again, and no money moves twice."""
    flows, waits = form
    server = make_server(is_test_build=True, **{URL: own_database}, **waits).start()
    with losing_connections(server, chance), ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(pay_capture_and_refund, server) for _ in range(flows)]:
            done.result()
    assert_books_agree(server)
    assert len(server.ledger()) == 3 * flows
    assert server.rows("SELECT count(*) FROM payments") == [(flows,)]
    assert not [line for line in server.log_lines() if line["event"] == "unexpected_error"]


CURSORS = "subscription ($after: String) { paymentEvents(after: $after) { cursor } }"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_f36_a_stream_while_connections_are_lost(
    neighbours: tuple[RunningServer, RunningServer], transport: str, chance: random.Random
) -> None:
    """A stream does not end because its database was not there: it gives every event once, in order."""
    server, _ = neighbours
    collection = open_collection(server)
    (first,) = cursors_of(server, collection["id"])
    touch(server, collection["id"], "seen before any connection is lost")
    seen = []
    with following(server, transport, CURSORS, {"after": first}) as stream:
        seen.append(stream.next()["cursor"])
        with losing_connections(server, chance):
            for number in range(10):
                until_done(
                    server, "updatePaymentCollection", id=collection["id"], reference=f"{number}"
                )
        wanted = everything_after(server, first)
        while seen != wanted:
            seen.append(stream.next()["cursor"])
            assert seen == wanted[: len(seen)]
    assert len(wanted) >= 11
