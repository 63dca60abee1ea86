"""Behind the life of a gateway's keys, asking again could do it twice: recovery only looks then."""

from collections.abc import Callable

import pytest

from tests.providers.test_package import PACKAGE, collection_id_of, journal, opened
from tests.support.running import Json, RunningServer
from tests.support.shop import authorize, capture, collection_of, new_key, unsettled
from tests.support.waiting import until

DAY = 86_400 * 1_000_000
QUICK = {
    # The 23 hours of a terminal's keys are over after 1.4 seconds, and a day's step as well.
    "TILLGRAPH_TEST_TIME_SCALE": "60000",
    "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.3",
}
SETTLED_SECONDS = 30

MakeServer = Callable[..., RunningServer]


@pytest.fixture
def server(make_server: MakeServer) -> RunningServer:
    """Give a server with terminals, for which days pass in seconds."""
    return make_server(is_test_build=True, PYTHONPATH=str(PACKAGE), **QUICK).start()


def asks_of(server: RunningServer, session_id: str, kind: str) -> list[tuple[str, str]]:
    """List what the terminal was asked for and looked at behind the authorization, with its answers, in order."""
    return [
        (line["kind"], line["word"])
        for line in journal(server)
        if line["session"] == session_id and line["kind"] in (kind, "look")
    ]


def paid(server: RunningServer, **words: list[str]) -> Json:
    """Pay 100.00 at a terminal that answers later asks with these words."""
    payment = authorize(server, opened(server, "terminal", **words)["id"])
    assert payment["__typename"] == "Payment", payment
    return payment


def movements_of(server: RunningServer, payment_id: str) -> list[tuple[str, str | None]]:
    """List the statuses of a payment's captures, with their decline codes."""
    return server.rows(
        "SELECT status, decline_code FROM operations WHERE kind = 'capture' AND payment_id = ?",
        payment_id,
    )


def test_f46_several_looks_that_find_nothing_prove_it(server: RunningServer) -> None:
    """Three looks over more than ten minutes end it as declined; nothing is asked for behind the first of them."""
    payment = paid(server, capture=["unknown"], look=["absent"])
    assert capture(server, payment["id"])["__typename"] == "CapturePending"
    until(
        lambda: movements_of(server, payment["id"]) == [("DECLINED", "never_arrived")],
        seconds=SETTLED_SECONDS,
    )
    asked = asks_of(server, payment["paymentSession"]["id"], "capture")
    first_look = asked.index(("look", "absent"))
    assert asked[:first_look] == [("capture", "unknown")] * first_look
    assert asked[first_look:] == [("look", "absent")] * 3
    found = server.run("back_end/06_show_payment", id=payment["id"])
    assert (found["status"], found["capturableAmount"]) == ("AUTHORIZED", "100.00")
    assert [one["failure"]["code"] for one in found["captures"]] == ["DECLINED"]


def test_f46_what_shows_late_is_found(server: RunningServer) -> None:
    """A gateway whose books are behind shows it at the third look: captured, and nothing was asked for twice."""
    payment = paid(server, capture=["unknown"], look=["absent", "absent", "done"])
    capture(server, payment["id"])
    until(
        lambda: movements_of(server, payment["id"]) == [("SUCCEEDED", None)],
        seconds=SETTLED_SECONDS,
    )
    asked = asks_of(server, payment["paymentSession"]["id"], "capture")
    assert asked[-3:] == [("look", "absent"), ("look", "absent"), ("look", "done")]


def test_f46_what_has_to_happen_goes_to_a_person(server: RunningServer) -> None:
    """A canceled collection's payment that the gateway does not know of is not called given back: it is listed."""
    payment = paid(server, cancel=["unknown"], look=["absent"])
    session_id = payment["paymentSession"]["id"]
    server.change("cancelPaymentCollection", {"id": payment["paymentCollection"]["id"]})
    left = until(
        lambda: [one for one in unsettled(server, session_id) if one["nextAttemptAt"] is None],
        seconds=SETTLED_SECONDS,
    )
    assert [one["kind"] for one in left] == ["cancel"]
    assert collection_of(server, collection_id_of(server, session_id))["status"] == "CANCELED"


def test_f44_a_key_used_again_after_long_is_looked_up_first(
    make_server: MakeServer,
) -> None:
    """A capture that was not reached days ago is read at the gateway before it is sent again."""
    server = make_server(PYTHONPATH=str(PACKAGE)).start()
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


def test_f44_what_is_found_is_not_sent_again(make_server: MakeServer) -> None:
    """The gateway has it after all: that is the outcome, and nothing is sent."""
    server = make_server(PYTHONPATH=str(PACKAGE)).start()
    payment = paid(server, capture=["not_reached"] * 3 + ["done"], look=["done"])
    key = new_key()
    capture(server, payment["id"], idempotencyKey=key)
    server.rows("UPDATE operations SET created_at = created_at - ?", 2 * DAY)
    answer = capture(server, payment["id"], idempotencyKey=key)
    assert (answer["__typename"], answer["capturedAmount"]) == ("Payment", "100.00")
    assert asks_of(server, payment["paymentSession"]["id"], "capture")[-1] == ("look", "done")
