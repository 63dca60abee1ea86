"""Idempotency keys: what a bound key answers, and what binds none."""

import pytest

from tests.support.flow.looking import (
    amounts_of,
    answer_challenge,
    asked_times,
    effect_facts,
    session_status,
    settle,
    unmoved,
)
from tests.support.flow.meanwhile import until_event
from tests.support.flow.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_session,
    open_with_session,
    pay,
)
from tests.support.program.running import Json, RunningServer

REUSED = "IDEMPOTENCY_KEY_REUSED"

Input = dict[str, Json]


def test_the_same_object_as_it_is_now(server: RunningServer) -> None:
    """A collection's key answers with the collection as it is now."""
    values = {"amount": "100.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    id = server.change("createPaymentCollection", values)["id"]
    server.change("updatePaymentCollection", {"id": id, "amount": "70.00"})
    again = server.change("createPaymentCollection", values)
    assert (again["id"], again["amount"]) == (id, "70.00")


def test_the_key_of_a_session_that_was_closed(server: RunningServer) -> None:
    """A session's key answers with the session, although it is CANCELED by now."""
    collection, key = open_collection(server)["id"], new_key()
    id = open_session(server, collection, idempotencyKey=key)["id"]
    server.change("cancelPaymentSession", {"id": id})
    with unmoved(server, collection):
        again = open_session(server, collection, idempotencyKey=key)
    assert (again["id"], again["status"]) == (id, "CANCELED")


def test_the_key_of_a_capture_that_was_refunded(server: RunningServer) -> None:
    """A capture's key answers with the payment as it is now."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], idempotencyKey=key)
    values = {"paymentId": payment["id"], "idempotencyKey": new_key()}
    server.change("refundPayment", values)
    assert capture(server, payment["id"], idempotencyKey=key)["status"] == "REFUNDED"


@pytest.mark.parametrize("name", ["capture", "refund"])
def test_the_key_of_a_declined_movement(server: RunningServer, name: str) -> None:
    """It answers the same decline, and the gateway is not asked again."""
    payment = pay(server, token=f"approve,{name}=decline:not_today")
    session = payment["paymentSession"]["id"]
    if name == "refund":
        capture(server, payment["id"])
    values = {"paymentId": payment["id"], "idempotencyKey": new_key()}
    server.change(f"{name}Payment", values)
    with unmoved(server, payment["paymentCollection"]["id"]):
        again = server.change(f"{name}Payment", values)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "not_today")
    assert asked_times(server, session, name) == [1]


def test_the_key_of_a_declined_attempt(server: RunningServer) -> None:
    """It answers the same decline, and the gateway is not asked again."""
    collection, session = open_with_session(server, "decline:insufficient_funds")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "insufficient_funds")
    assert asked_times(server, session, "authorize") == [1]


def test_the_key_of_a_declined_attempt_after_a_payment(server: RunningServer) -> None:
    """It answers the decline that it is bound to, also where a later attempt made a payment."""
    collection, session = open_with_session(server, "decline:insufficient_funds")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    assert authorize(server, session, data={"token": "approve"})["__typename"] == "Payment"
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["__typename"], again["declineCode"]) == (
        "AuthorizationFailed",
        "insufficient_funds",
    )


def test_the_key_of_a_declined_attempt_on_a_canceled_session(server: RunningServer) -> None:
    """It answers the decline that it is bound to, although its session is CANCELED by now."""
    collection, session = open_with_session(server, "decline:insufficient_funds")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    server.change("cancelPaymentSession", {"id": session})
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "insufficient_funds")


def test_the_key_of_a_failed_challenge(server: RunningServer) -> None:
    """It answers ACTION_FAILED again, while a call without a key is a new attempt."""
    _, session = open_with_session(server, "challenge")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    answer_challenge(server, session, "fail")
    assert authorize(server, session, idempotencyKey=key)["code"] == "ACTION_FAILED"
    assert authorize(server, session, idempotencyKey=key)["code"] == "ACTION_FAILED"
    assert authorize(server, session)["__typename"] == "RequiresMoreAction"


def test_the_key_of_a_payment_that_was_canceled(server: RunningServer) -> None:
    """It answers with the payment as it is now, although its session is CANCELED by now."""
    collection, session = open_with_session(server)
    key = new_key()
    payment = authorize(server, session, idempotencyKey=key)
    server.change("cancelPayment", {"paymentId": payment["id"]})
    assert session_status(server, session) == "CANCELED"
    with unmoved(server, collection):
        again = authorize(server, session, idempotencyKey=key)
    assert (again["__typename"], again["id"], again["status"]) == (
        "Payment",
        payment["id"],
        "CANCELED",
    )


@pytest.mark.parametrize("name", ["capture", "refund"])
def test_the_key_of_an_unknown_outcome(server: RunningServer, name: str) -> None:
    """It answers with the pending member and the same movement, and with the outcome once it is known."""
    payment = pay(server, token=f"approve,{name}=pending")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    if name == "refund":
        capture(server, payment["id"])
    values = {"paymentId": payment["id"], "amount": "40.00", "idempotencyKey": new_key()}
    first = server.change(f"{name}Payment", values)
    with unmoved(server, collection):
        again = server.change(f"{name}Payment", values)
    assert again["__typename"] == f"{name.title()}Pending"
    assert again[name]["id"] == first[name]["id"]
    settle(server, session, "approve", first[name]["id"])
    until_event(server, collection, {"capture": "PAYMENT_CAPTURED"}.get(name, "PAYMENT_REFUNDED"))
    assert server.change(f"{name}Payment", values)["__typename"] == "Payment"


def test_the_key_of_a_pending_capture_that_was_declined(server: RunningServer) -> None:
    """It answers the decline that the report brought, and nothing is asked again."""
    payment = pay(server, token="approve,capture=pending")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    key = new_key()
    pending = capture(server, payment["id"], idempotencyKey=key)
    settle(server, session, "fail", pending["capture"]["id"])
    until_event(server, collection, "PAYMENT_CAPTURE_FAILED")
    with unmoved(server, collection):
        again = capture(server, payment["id"], idempotencyKey=key)
    assert (again["code"], again["declineCode"]) == ("DECLINED", "card_declined")


def test_the_key_of_a_pending_attempt(server: RunningServer) -> None:
    """It answers AwaitProvider while the outcome is unknown, and with the payment afterwards."""
    collection, session = open_with_session(server, "pending")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    with unmoved(server, collection):
        assert authorize(server, session, idempotencyKey=key)["action"]["kind"] == "WAIT"
    settle(server, session, "approve")
    until_event(server, collection, "SESSION_AUTHORIZED")
    assert authorize(server, session, idempotencyKey=key)["__typename"] == "Payment"


def test_another_input_while_an_attempt_is_open(server: RunningServer) -> None:
    """A key is looked at first: with another input it is refused, also where the call would join."""
    collection, session = open_with_session(server, "pending")
    key = new_key()
    authorize(server, session, idempotencyKey=key)
    with unmoved(server, collection):
        answer = authorize(server, session, idempotencyKey=key, data={"token": "approve"})
    assert answer["code"] == REUSED


def test_another_input_on_a_canceled_session(server: RunningServer) -> None:
    """A key is looked at before the session's status."""
    collection, session = open_with_session(server)
    other = open_session(server, collection)["id"]
    key = new_key()
    authorize(server, other, idempotencyKey=key)
    assert session_status(server, session) == "CANCELED"
    assert authorize(server, session, idempotencyKey=key)["code"] == REUSED


def test_another_input_that_names_nothing(server: RunningServer) -> None:
    """A key is looked at before what the input names is looked for."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], idempotencyKey=key)
    answer = capture(server, "pay_01ARZ3NDEKTSV4RRFFQ69G5FAV", idempotencyKey=key)
    assert answer["code"] == REUSED


@pytest.mark.parametrize("amount", ["0", "0.001", "100000.00"])
def test_another_input_that_is_refused_by_itself(server: RunningServer, amount: str) -> None:
    """A key is looked at before the amount is."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], idempotencyKey=key)
    assert capture(server, payment["id"], amount=amount, idempotencyKey=key)["code"] == REUSED


def test_a_key_that_joined(server: RunningServer) -> None:
    """A key whose call joined an open attempt answers with that attempt's outcome afterwards."""
    collection, session = open_with_session(server, "pending")
    key = new_key()
    authorize(server, session)
    authorize(server, session, idempotencyKey=key)
    settle(server, session, "fail")
    until_event(server, collection, "SESSION_FAILED")
    with unmoved(server, collection):
        assert authorize(server, session, idempotencyKey=key)["code"] == "DECLINED"
    assert len(effect_facts(server, session)) == 1


def refused_for_a_session(collection: str) -> list[tuple[str, Input]]:
    """Return inputs of createPaymentSession that are refused, with the code of each."""
    good = {"paymentCollectionId": collection, "providerId": "sandbox"}
    return [
        ("INVALID_INPUT", {**good, "amount": "0"}),
        ("NOT_FOUND", {**good, "paymentCollectionId": "pay_col_01ARZ3NDEKTSV4RRFFQ69G5FAV"}),
        ("AMOUNT_TOO_LARGE", {**good, "amount": "100.01"}),
        ("CURRENCY_MISMATCH", {**good, "currencyCode": "EUR"}),
        ("PROVIDER_DISABLED", {**good, "providerId": "nobody"}),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_refused_session_binds_nothing(server: RunningServer, number: int) -> None:
    """A call refused before anything is written leaves its key free for another input."""
    collection, key = open_collection(server)["id"], new_key()
    code, values = refused_for_a_session(collection)[number]
    with unmoved(server, collection):
        answer = server.change("createPaymentSession", {**values, "idempotencyKey": key})
    assert answer["code"] == code
    assert open_session(server, collection, idempotencyKey=key)["status"] == "PENDING"


@pytest.mark.parametrize(
    ("code", "amount"),
    [("INVALID_INPUT", "0"), ("INVALID_INPUT", "1.001"), ("AMOUNT_TOO_LARGE", "100.01")],
)
def test_a_refused_capture_binds_nothing(server: RunningServer, code: str, amount: str) -> None:
    """A capture that is refused for its amount leaves its key free for another amount."""
    payment, key = pay(server), new_key()
    assert capture(server, payment["id"], amount=amount, idempotencyKey=key)["code"] == code
    assert capture(server, payment["id"], idempotencyKey=key)["status"] == "CAPTURED"


def test_a_capture_in_the_wrong_state_binds_nothing(server: RunningServer) -> None:
    """A refund before anything is captured leaves its key free: it works after the capture."""
    payment, key = pay(server), new_key()
    values = {"paymentId": payment["id"], "idempotencyKey": key}
    assert server.change("refundPayment", values)["code"] == "INVALID_STATE"
    capture(server, payment["id"])
    assert server.change("refundPayment", values)["status"] == "REFUNDED"


def test_a_refused_authorization_binds_nothing(server: RunningServer) -> None:
    """An authorization for which there is no room leaves its key free: it works when there is room."""
    collection, session = open_with_session(server)
    other = open_session(server, collection, "pending")["id"]
    key = new_key()
    authorize(server, other)
    assert authorize(server, session, idempotencyKey=key)["code"] == "AMOUNT_TOO_LARGE"
    settle(server, other, "fail")
    until_event(server, collection, "SESSION_FAILED")
    assert authorize(server, session, idempotencyKey=key)["__typename"] == "Payment"


def test_a_key_that_was_refused_as_reused_stays_with_its_first_input(
    server: RunningServer,
) -> None:
    """After a refusal as reused the key still answers its own input."""
    payment, key = pay(server), new_key()
    capture(server, payment["id"], amount="40.00", idempotencyKey=key)
    capture(server, payment["id"], amount="50.00", idempotencyKey=key)
    assert capture(server, payment["id"], amount="40.00", idempotencyKey=key)["capturedAmount"] == (
        "40.00"
    )


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_two_captures_with_two_keys_are_two(server: RunningServer, provider: str) -> None:
    """The same input with another key is another capture."""
    id = pay(server, provider=provider)["id"]
    for _ in range(2):
        capture(server, id, amount="40.00")
    expected = ("PARTIALLY_CAPTURED", "80.00", "0.00", "0.00", "20.00", "80.00")
    assert amounts_of(server, id) == expected


def test_the_back_end_and_a_browser_are_two_owners(server: RunningServer) -> None:
    """A browser's key and the back end's same key are two keys, and one browser does not meet another."""
    key = new_key()
    first, second = open_collection(server), open_collection(server)
    callers = [
        (first["id"], None),
        (first["id"], first["clientSecret"]),
        (second["id"], second["clientSecret"]),
    ]
    made = [
        server.change(
            "createPaymentSession",
            {"paymentCollectionId": id, "providerId": "sandbox", "idempotencyKey": key},
            bearer=bearer,
        )
        for id, bearer in callers
    ]
    assert [one["__typename"] for one in made] == ["PaymentSession"] * 3
    assert len({one["id"] for one in made}) == 3
