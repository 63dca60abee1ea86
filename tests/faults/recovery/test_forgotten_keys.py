"""Behind the life of a gateway's keys, asking again could do it twice: recovery only looks then."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.faults.conftest import QUICKEST_RECOVERY, checked
from tests.providers.packages.test_package import (
    PACKAGE,
    collection_id_of,
    journal,
    open_at_terminal,
)
from tests.support.flow.shop import authorize, capture, collection_of, new_key, unsettled
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import DAY, days_ago
from tests.support.waiting import until

Found = TypeVar("Found")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server with terminals."""
    settings = {"PYTHONPATH": str(PACKAGE), **QUICKEST_RECOVERY}
    with checked(RunningServer(tmp_path_factory.mktemp("terminals"), settings)) as running:
        yield running


def until_days_later(server: RunningServer, session_id: str, look: Callable[[], Found]) -> Found:
    """Let two days pass again and again, each with a step of recovery, until something is found."""

    def look_later() -> Found:
        days_ago(server, session_id)
        return look()

    return until(look_later)


def asks_of(server: RunningServer, session_id: str, kind: str) -> list[tuple[str, str]]:
    """Return what the terminal was asked for and looked at after the authorization, with its answers, in order."""
    return [
        (line["kind"], line["word"])
        for line in journal(server)
        if line["session"] == session_id and line["kind"] in (kind, "look")
    ]


def paid(server: RunningServer, **words: list[str]) -> Json:
    """Pay 100.00 at a terminal that answers later asks with these words."""
    payment = authorize(server, open_at_terminal(server, "terminal", **words)["id"])
    assert payment["__typename"] == "Payment", payment
    return payment


def movements_of(server: RunningServer, payment_id: str) -> list[tuple[str, str | None]]:
    """Return the statuses of a payment's captures, with their decline codes."""
    return server.rows(
        "SELECT status, decline_code FROM operations WHERE kind = 'capture' AND payment_id = ?",
        payment_id,
    )


def test_f46_several_looks_that_find_nothing_prove_it(server: RunningServer) -> None:
    """Three looks over more than ten minutes end it as declined; nothing is asked for after the first of them."""
    payment = paid(server, capture=["unknown"], look=["absent"])
    session_id = payment["paymentSession"]["id"]
    assert capture(server, payment["id"])["__typename"] == "CapturePending"
    until_days_later(
        server,
        session_id,
        lambda: movements_of(server, payment["id"]) == [("DECLINED", "never_arrived")],
    )
    asked = asks_of(server, session_id, "capture")
    first_look = asked.index(("look", "absent"))
    assert asked[:first_look] == [("capture", "unknown")] * first_look
    assert asked[first_look:] == [("look", "absent")] * 3
    found = server.run("back_end/06_show_payment", id=payment["id"])
    assert (found["status"], found["capturableAmount"]) == ("AUTHORIZED", "100.00")
    assert [one["failure"]["code"] for one in found["captures"]] == ["DECLINED"]


def test_f46_what_shows_late_is_found(server: RunningServer) -> None:
    """A gateway whose records lag shows it at the third look: captured, and nothing was asked for twice."""
    payment = paid(server, capture=["unknown"], look=["absent", "absent", "done"])
    session_id = payment["paymentSession"]["id"]
    capture(server, payment["id"])
    until_days_later(
        server, session_id, lambda: movements_of(server, payment["id"]) == [("SUCCEEDED", None)]
    )
    asked = asks_of(server, session_id, "capture")
    assert asked[-3:] == [("look", "absent"), ("look", "absent"), ("look", "done")]


def test_f46_what_has_to_happen_goes_to_an_operator(server: RunningServer) -> None:
    """A canceled collection's payment that the gateway does not know of is not called given back: it is listed."""
    payment = paid(server, cancel=["unknown"], look=["absent"])
    session_id = payment["paymentSession"]["id"]
    server.change("cancelPaymentCollection", {"id": payment["paymentCollection"]["id"]})
    left = until_days_later(
        server,
        session_id,
        lambda: [one for one in unsettled(server, session_id) if one["nextAttemptAt"] is None],
    )
    assert [one["kind"] for one in left] == ["cancel"]
    assert collection_of(server, collection_id_of(server, session_id))["status"] == "CANCELED"


def test_f44_a_key_used_again_after_long_is_looked_up_first(server: RunningServer) -> None:
    """A capture that was not reached days ago is read at the gateway before it is sent again."""
    payment = paid(server, capture=["not_reached"] * 3 + ["done"], look=["absent"])
    key = new_key()
    assert capture(server, payment["id"], idempotencyKey=key)["code"] == "PROVIDER_UNAVAILABLE"
    server.rows("UPDATE operations SET created_at = created_at - ?", 2 * DAY)
    answer = capture(server, payment["id"], idempotencyKey=key)
    assert (answer["__typename"], answer["capturedAmount"]) == ("Payment", "100.00")
    assert asks_of(server, payment["paymentSession"]["id"], "capture") == [
        *[("capture", "not_reached")] * 3,
        ("look", "absent"),
        ("capture", "done"),
    ]


def test_f44_what_is_found_is_not_sent_again(server: RunningServer) -> None:
    """The gateway has it after all: that is the outcome, and nothing is sent."""
    payment = paid(server, capture=["not_reached"] * 3 + ["done"], look=["done"])
    key = new_key()
    capture(server, payment["id"], idempotencyKey=key)
    server.rows("UPDATE operations SET created_at = created_at - ?", 2 * DAY)
    answer = capture(server, payment["id"], idempotencyKey=key)
    assert (answer["__typename"], answer["capturedAmount"]) == ("Payment", "100.00")
    assert asks_of(server, payment["paymentSession"]["id"], "capture")[-1] == ("look", "done")
