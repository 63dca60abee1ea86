"""Bad inputs 31 to 33: idempotency keys."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.raw import change_text, failure, outcome, refused
from tests.support.evidence import evidence_of
from tests.support.running import Json, RunningServer
from tests.support.shop import authorize, capture, new_key, open_collection, open_session, pay

Inputs = dict[str, Json]

KEYED = [
    "createPaymentCollection",
    "createPaymentSession",
    "createPaymentSessions",
    "authorizePaymentSession",
    "capturePayment",
    "refundPayment",
]


@pytest.fixture(scope="module")
def inputs(open_server: RunningServer) -> Inputs:
    """Give for each mutation that takes a key an input, without one, that would succeed."""
    collection_id = open_collection(open_server)["id"]
    session_id = open_session(open_server, collection_id)["id"]
    payment_id = pay(open_server)["id"]
    capture(open_server, payment_id, amount="50.00")
    return {
        "createPaymentCollection": {"amount": "10.00", "currencyCode": "USD"},
        "createPaymentSession": {"paymentCollectionId": collection_id, "providerId": "sandbox"},
        "createPaymentSessions": {
            "paymentCollectionId": collection_id,
            "providerIds": ["sandbox", "system"],
        },
        "authorizePaymentSession": {"id": session_id},
        "capturePayment": {"paymentId": payment_id, "amount": "1.00"},
        "refundPayment": {"paymentId": payment_id, "amount": "1.00"},
    }


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("key", ["", "k" * 256, "a\u0001b", "a\nb", "a\u007fb", "ключ", "é", "\0"])
@pytest.mark.parametrize("field_name", KEYED)
def test_a_key_that_is_no_printable_ascii_is_invalid(
    open_server: RunningServer, inputs: Inputs, field_name: str, key: str
) -> None:
    """Empty, longer than 255, with control or other characters: INVALID_INPUT at idempotencyKey."""
    value = open_server.change(field_name, {**inputs[field_name], "idempotencyKey": key})
    assert failure(value) == ("INVALID_INPUT", ["idempotencyKey"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("more", ["", ', "idempotencyKey": null', ', "idempotencyKey": 5'])
@pytest.mark.parametrize("field_name", ["capturePayment", "refundPayment"])
def test_a_movement_needs_a_key(
    open_server: RunningServer, inputs: Inputs, field_name: str, more: str
) -> None:
    """Without one the request is refused as a whole."""
    text = json.dumps(inputs[field_name])[:-1] + more + "}"
    assert refused(change_text(open_server, field_name, text)) == (422, "BAD_USER_INPUT")


@pytest.mark.parametrize("length", [1, 255])
@pytest.mark.parametrize("field_name", KEYED)
def test_a_key_of_1_and_of_255_characters_is_taken(
    open_server: RunningServer, field_name: str, length: int
) -> None:
    """Both ends of the range work, and the same key and input again answers with the same object."""
    collection_id = open_collection(open_server)["id"]
    payment_id = pay(open_server)["id"]
    capture(open_server, payment_id, amount="50.00")
    values: Inputs = {
        "createPaymentCollection": {"amount": "10.00", "currencyCode": "USD"},
        "createPaymentSession": {"paymentCollectionId": collection_id, "providerId": "sandbox"},
        "createPaymentSessions": {"paymentCollectionId": collection_id},
        "authorizePaymentSession": {"id": open_session(open_server, collection_id)["id"]},
        "capturePayment": {"paymentId": payment_id, "amount": "1.00"},
        "refundPayment": {"paymentId": payment_id, "amount": "1.00"},
    }
    # A character of its own for each mutation: all these keys have one owner.
    key = "!#$%&*"[KEYED.index(field_name)] * length
    given = {**values[field_name], "idempotencyKey": key}
    first = open_server.change(field_name, given)
    assert "code" not in first, first
    again = open_server.change(field_name, given)
    assert again == first


@pytest.mark.parametrize(
    ("field_name", "change"),
    [
        ("createPaymentCollection", {"amount": "10.01"}),
        ("createPaymentCollection", {"currencyCode": "EUR"}),
        ("createPaymentCollection", {"metadata": {"a": 1}}),
        ("capturePayment", {"amount": "2.00"}),
        ("capturePayment", {"amount": None}),
        ("capturePayment", {"isFinal": True}),
        ("capturePayment", {"createdBy": "somebody"}),
        ("refundPayment", {"amount": "2.00"}),
        ("refundPayment", {"note": "another"}),
        ("createPaymentSession", {"amount": "5.00"}),
        ("createPaymentSession", {"providerId": "system"}),
    ],
)
def test_the_same_key_with_another_input_is_refused(
    open_server: RunningServer, inputs: Inputs, field_name: str, change: Json
) -> None:
    """IDEMPOTENCY_KEY_REUSED, and nothing is written or sent."""
    given = {**inputs[field_name], "idempotencyKey": new_key()}
    first = open_server.change(field_name, given)
    assert "code" not in first, first
    before = evidence_of(open_server)
    value = open_server.change(field_name, {**given, **change})
    assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    assert evidence_of(open_server) == before


def test_the_same_key_with_another_payment_is_refused(open_server: RunningServer) -> None:
    """A key that captured one payment captures no other."""
    one, other, key = pay(open_server), pay(open_server), new_key()
    assert capture(open_server, one["id"], idempotencyKey=key)["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = capture(open_server, other["id"], idempotencyKey=key)
    assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    assert value["affectedPayment"]["id"] == other["id"]
    assert evidence_of(open_server) == before


def test_the_same_key_with_another_mutation_is_refused(open_server: RunningServer) -> None:
    """A key that captured refunds nothing, though the input is the same."""
    payment, key = pay(open_server), new_key()
    given = {"paymentId": payment["id"], "amount": "10.00", "idempotencyKey": key}
    assert open_server.change("capturePayment", given)["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = open_server.change("refundPayment", given)
    assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    assert evidence_of(open_server) == before


def test_inputs_are_compared_by_what_they_mean(open_server: RunningServer) -> None:
    """Another spelling of the amount, null for absent, a default and another order of JSON keys are the same input."""
    payment, key = pay(open_server), new_key()
    one = (
        f'{{"paymentId": "{payment["id"]}", "amount": "20.00", "idempotencyKey": "{key}",'
        ' "metadata": {"a": 1, "b": {"c": 2, "d": 3}}}'
    )
    same = (
        f'{{"idempotencyKey": "{key}", "metadata": {{"b": {{"d": 3, "c": 2}}, "a": 1}}, "isFinal": false,'
        f' "createdBy": null, "amount": 20, "paymentId": "{payment["id"]}"}}'
    )
    first = outcome(change_text(open_server, "capturePayment", one))
    before = evidence_of(open_server)
    again = outcome(change_text(open_server, "capturePayment", same))
    assert again == first
    assert again["capturedAmount"] == "20.00"
    assert evidence_of(open_server) == before


def test_a_refused_input_binds_no_key(open_server: RunningServer) -> None:
    """A key whose capture was too large captures a smaller amount afterwards."""
    payment, key = pay(open_server), new_key()
    refused_first = capture(open_server, payment["id"], amount="100.01", idempotencyKey=key)
    assert failure(refused_first) == ("AMOUNT_TOO_LARGE", ["amount"])
    taken = capture(open_server, payment["id"], amount="100.00", idempotencyKey=key)
    assert taken["capturedAmount"] == "100.00"


def test_the_same_key_while_the_first_call_runs_waits_for_it(open_server: RunningServer) -> None:
    """Two captures at once with one key make one capture, one effect and two equal answers."""
    collection = open_collection(open_server)
    session = open_session(open_server, collection["id"], "approve,capture=slow:1")
    payment = authorize(open_server, session["id"])
    key = new_key()
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda _: capture(open_server, payment["id"], amount="30.00", idempotencyKey=key),
                range(2),
            )
        )
    assert answers[0] == answers[1]
    assert answers[0]["capturedAmount"] == "30.00"
    effects = [
        (effect["kind"], effect["moved"])
        for effect in open_server.ledger()
        if effect["session"] == session["id"]
    ]
    assert effects == [("authorize", "100.00"), ("capture", "30.00")]


def test_another_input_with_the_key_of_a_running_call_is_refused_at_once(
    open_server: RunningServer,
) -> None:
    """While a capture is under way, its key with another amount is IDEMPOTENCY_KEY_REUSED."""
    collection = open_collection(open_server)
    session = open_session(open_server, collection["id"], "approve,capture=slow:1")
    payment, key = authorize(open_server, session["id"]), new_key()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            capture, open_server, payment["id"], amount="30.00", idempotencyKey=key
        )
        _wait_until_pending(open_server, payment["id"])
        value = capture(open_server, payment["id"], amount="31.00", idempotencyKey=key)
        assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
        assert running.result(timeout=10)["capturedAmount"] == "30.00"


def _wait_until_pending(server: RunningServer, payment_id: str) -> None:
    for _ in range(200):
        found = server.run("back_end/06_show_payment", id=payment_id)
        if found["capturableAmount"] != "100.00":
            return
    raise AssertionError("The capture was not seen to begin.")
