"""The points at which a test build fails, and what is there behind each."""

from collections.abc import Callable

import httpx2
import pytest

from tests.faults.calling import running
from tests.faults.records import assert_books_agree, effects, until
from tests.running import RunningServer
from tests.shop import authorize, new_key, open_collection, open_session


@pytest.mark.parametrize(
    "point",
    [
        "before prepare",
        "during prepare",
        "after prepare",
        "before ask",
        "after ask",
        "before record",
        "during record",
        "after record",
    ],
)
def test_killed_at_a_point_an_authorization_has_one_effect(
    make_server: Callable[..., RunningServer], point: str
) -> None:
    """Whatever the point, the same call after a restart answers with the payment, and the gateway did it once."""
    server = make_server(is_test_build=True).start()
    session = open_session(server, open_collection(server)["id"])
    values = {"id": session["id"], "idempotencyKey": new_key()}
    server.fail_at(point)
    with running(server, ("authorizePaymentSession", values)) as (call,):
        assert server.process is not None
        server.process.wait(timeout=10)
        assert isinstance(call.exception(timeout=10), httpx2.TransportError)
    server.start()
    payment = until(
        lambda: (found := authorize(server, **_named(values)))["__typename"] == "Payment" and found,
        seconds=15,
    )
    assert payment["amount"] == "100.00"
    assert [one["moved"] for one in effects(server, session["id"])] == ["100.00"]
    assert_books_agree(server)


def _named(values: dict[str, str]) -> dict[str, str]:
    return {"session_id": values["id"], "idempotencyKey": values["idempotencyKey"]}
