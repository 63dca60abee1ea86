"""Idempotency keys after PROVIDER_UNAVAILABLE: no outcome, so the same operation is asked again."""

import pytest

from tests.support.callers.log import types_of
from tests.support.flow.looking import asked_keys, effect_facts, session_status, unmoved
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_session,
    open_with_session,
    pay,
)
from tests.support.program.running import RunningServer

REUSED = "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("name", ["capture", "refund"])
def test_the_key_of_a_movement_that_was_not_reached(server: RunningServer, name: str) -> None:
    """It asks the same operation again with the same provider key, and there is still one movement."""
    payment = pay(server, token=f"approve,{name}=unavailable")
    collection = payment["paymentCollection"]["id"]
    if name == "refund":
        capture(server, payment["id"])
    values = {"paymentId": payment["id"], "amount": "40.00", "idempotencyKey": new_key()}
    for _ in range(2):
        assert server.change(f"{name}Payment", values)["code"] == "PROVIDER_UNAVAILABLE"
    (movement,) = collection_of(server, collection)["payments"][0][f"{name}s"]
    assert (movement["amount"], movement["status"]) == ("40.00", "FAILED")
    assert asked_keys(server, collection, name) == [movement["id"], movement["id"]]
    event = f"PAYMENT_{name.upper()}"
    assert types_of(server, collection)[-4:] == [f"{event}_PENDING", f"{event}_FAILED"] * 2


def test_the_key_of_an_attempt_that_was_not_reached(server: RunningServer) -> None:
    """It asks again with the same provider key; reached this time, it makes the payment."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    assert authorize(server, session, idempotencyKey=key)["code"] == "PROVIDER_UNAVAILABLE"
    server.change("updatePaymentSession", {"id": session, "data": {"token": "approve"}})
    assert authorize(server, session, idempotencyKey=key)["__typename"] == "Payment"
    keys = asked_keys(server, collection, "authorize")
    assert (len(keys), len(set(keys))) == (2, 1)
    (entry,) = server.ledger(session)
    assert (entry["key"], entry["asked"]) == (keys[0], 1)


def test_no_key_after_an_attempt_that_was_not_reached(server: RunningServer) -> None:
    """Without a key it is a new attempt with a provider key of its own."""
    collection, session = open_with_session(server, "unavailable")
    for _ in range(2):
        assert authorize(server, session)["code"] == "PROVIDER_UNAVAILABLE"
    assert len(set(asked_keys(server, collection, "authorize"))) == 2


def test_a_key_that_asked_again_and_was_answered(server: RunningServer) -> None:
    """Once it was reached, the key is bound to that outcome."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    server.change("updatePaymentSession", {"id": session, "data": {"token": "decline:no_luck"}})
    authorize(server, session, idempotencyKey=key)
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "no_luck")


def test_a_key_that_was_not_reached_stays_bound(server: RunningServer) -> None:
    """PROVIDER_UNAVAILABLE keeps the key bound to its input."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    with unmoved(server, collection):
        answer = authorize(server, session, idempotencyKey=key, data={"token": "approve"})
    assert answer["code"] == REUSED


def test_asking_again_reserves_again(server: RunningServer) -> None:
    """If the room is taken meanwhile, a further call with the key is AMOUNT_TOO_LARGE."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    authorize(server, open_session(server, collection, "pending", amount="30.00")["id"])
    with unmoved(server, collection):
        answer = authorize(server, session, idempotencyKey=key)
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "70.00")


def test_asking_again_on_a_canceled_session(server: RunningServer) -> None:
    """PROVIDER_UNAVAILABLE is no outcome: on a session that is CANCELED by now the key is INVALID_STATE."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    authorize(server, open_session(server, collection)["id"])
    assert session_status(server, session) == "CANCELED"
    with unmoved(server, collection):
        assert authorize(server, session, idempotencyKey=key)["code"] == "INVALID_STATE"


def test_asking_again_for_a_capture_of_a_canceled_payment(server: RunningServer) -> None:
    """A capture that was not reached is INVALID_STATE with its key once the payment is canceled."""
    payment, key = pay(server, token="approve,capture=unavailable"), new_key()
    capture(server, payment["id"], idempotencyKey=key)
    server.change("cancelPayment", {"paymentId": payment["id"]})
    with unmoved(server, payment["paymentCollection"]["id"]):
        assert capture(server, payment["id"], idempotencyKey=key)["code"] == "INVALID_STATE"


def test_asking_again_for_a_capture_while_canceling(server: RunningServer) -> None:
    """A capture that was not reached is IN_PROGRESS with its key while a cancellation is pending."""
    token, key = "approve,capture=unavailable,cancel=pending", new_key()
    payment = pay(server, token=token)
    capture(server, payment["id"], idempotencyKey=key)
    server.change("cancelPayment", {"paymentId": payment["id"]})
    with unmoved(server, payment["paymentCollection"]["id"]):
        assert capture(server, payment["id"], idempotencyKey=key)["code"] == "IN_PROGRESS"


def test_asking_again_for_a_lapsed_capture(server: RunningServer) -> None:
    """A capture that was refused for its time binds no key, and stays EXPIRED."""
    payment, key = pay(server, token="approve,capture=unavailable,expires=0"), new_key()
    with unmoved(server, payment["paymentCollection"]["id"]):
        for _ in range(2):
            assert capture(server, payment["id"], idempotencyKey=key)["code"] == "EXPIRED"


def test_asking_again_while_the_provider_is_disabled(server: RunningServer) -> None:
    """Asking again is a new authorization to a disabled provider: PROVIDER_DISABLED, and the key stays bound."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": False})
    try:
        with unmoved(server, collection):
            assert authorize(server, session, idempotencyKey=key)["code"] == "PROVIDER_DISABLED"
    finally:
        server.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": True})
    assert authorize(server, session, idempotencyKey=key)["code"] == "PROVIDER_UNAVAILABLE"


@pytest.mark.parametrize(
    ("token", "member"), [("approve", "Payment"), ("pending", "RequiresMoreAction")]
)
def test_asking_again_joins_another_attempt(server: RunningServer, token: str, member: str) -> None:
    """If the session has another attempt by then, the key joins it, and nothing is requested."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    authorize(server, session, data={"token": token})
    with unmoved(server, collection):
        assert authorize(server, session, idempotencyKey=key)["__typename"] == member
    assert len(effect_facts(server, session)) == 1


def test_asking_again_joins_a_failed_attempt(server: RunningServer) -> None:
    """If the session's other attempt was declined by then, the key answers with that decline."""
    collection, session = open_with_session(server, "unavailable")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    authorize(server, session, data={"token": "decline:no_luck"})
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "no_luck")
