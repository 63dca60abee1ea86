"""A currency that leaves ISO 4217's list: what is stored in it stays readable and refundable."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.flow.looking import amounts_of, sums_of
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.sqlite

TABLES = (
    "payment_collections",
    "payment_sessions",
    "payments",
    "operations",
    "payment_events",
)


def rename(server: RunningServer, old: str, new: str) -> None:
    """Put everything that is stored in one currency into another, here and at the gateway."""
    _rename(server.folder / "tillgraph.db", TABLES, old, new)
    _rename(server.folder / "tillgraph-sandbox.db", ("entries",), old, new)


def _rename(path: Path, tables: tuple[str, ...], old: str, new: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TRIGGER IF EXISTS payment_events_no_update")
        for table in tables:
            database.execute(
                f"UPDATE {table} SET currency = ? WHERE currency = ?",  # noqa: S608 - the names above
                (new, old),
            )


def test_a_currency_that_has_left_the_list(make_server: Callable[..., RunningServer]) -> None:
    """Its payments are shown and listed, captured and refunded, and its collections paid; new ones are refused."""
    server = make_server().start()
    payment, paid = pay(server), pay(server)
    capture(server, paid["id"])
    open_one = open_collection(server)
    rename(server, "USD", "BGN")
    listed = server.run("back_end/07_list_payments", filter={"currencyCode": "bgn"})
    assert [(edge["node"]["amount"], edge["node"]["currencyCode"]) for edge in listed["edges"]] == [
        ("100.00", "BGN"),
        ("100.00", "BGN"),
    ]
    assert len(server.run("back_end/03_list_payment_collections", filter={})["edges"]) == 3
    assert refund(server, paid["id"], amount="30.25")["refundedAmount"] == "30.25"
    assert amounts_of(server, paid["id"])[2:] == ("30.25", "0.00", "0.00", "69.75")
    assert capture(server, payment["id"], amount="60.00")["capturedAmount"] == "60.00"
    canceled = server.change("cancelPayment", {"paymentId": payment["id"]})
    assert canceled["releasedAmount"] == "40.00"
    session = open_session(server, open_one["id"], currencyCode="BGN", amount="100.00")
    assert authorize(server, session["id"])["amount"] == "100.00"
    assert sums_of(server, open_one["id"]) == ("100.00", "0.00", "0.00", "0.00")
    new = server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": "BGN"})
    assert (new["code"], new["path"]) == ("INVALID_INPUT", ["currencyCode"])


def test_a_code_that_nobody_has_heard_of(make_server: Callable[..., RunningServer]) -> None:
    """Which only a hand in the database can bring: it is shown with two decimals, and `check` names its collections."""
    server = make_server().start()
    payment = pay(server)
    rename(server, "USD", "QQQ")
    found = server.run("back_end/06_show_payment", id=payment["id"])
    assert (found["amount"], found["currencyCode"]) == ("100.00", "QQQ")
    code, printed = server.check()
    assert code == 1
    id = payment["paymentCollection"]["id"]
    assert printed.startswith(
        f"invariant 1, the decimals of a collection's currency are known: {id} has QQQ, not one of ISO 4217"
    )
    rename(server, "QQQ", "USD")
