"""The ledger's address, for one session alone."""

import pytest

from tests.support.flow.shop import capture, pay
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once


def test_the_ledger_of_one_session(server: RunningServer) -> None:
    """Named, a session's effects come alone, oldest first, each as it stands in the whole ledger."""
    payment, other = pay(server), pay(server)
    capture(server, payment["id"])
    session_id = payment["paymentSession"]["id"]
    found = server.ledger(session_id)
    assert [effect["kind"] for effect in found] == ["authorize", "capture"]
    assert found == [effect for effect in server.ledger() if effect["session"] == session_id]
    (alone,) = server.ledger(other["paymentSession"]["id"])
    assert alone["kind"] == "authorize"


def test_a_session_that_had_no_effect(server: RunningServer) -> None:
    """It has an empty ledger, whether it is there or not."""
    assert server.ledger("payses_01ARZ3NDEKTSV4RRFFQ69G5FAV") == []


@pytest.mark.parametrize("text", ["", "payses_1", "pay_01arz3ndektsv4rrffq69g5fav", "x" * 2_000])
def test_what_is_no_session_s_id(server: RunningServer, text: str) -> None:
    """It is refused with the name of the parameter."""
    response = server.client.get("/sandbox/ledger", params={"session": text})
    assert response.status_code == 422
    assert response.json()["message"] == "session is a payment session's id."
