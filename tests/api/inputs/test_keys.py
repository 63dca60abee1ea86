"""Bad inputs 31 to 33: idempotency keys."""

import json
from pathlib import Path

import pytest

from resolvers.mutations.parsing import KEY
from tests.support.callers.raw_requests import change_text, failure, refused
from tests.support.flow.meanwhile import beside
from tests.support.flow.shop import capture, new_key, open_collection, open_session, pay
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import site
from tests.support.program.running import Json, RunningServer
from tests.support.stores.evidence import evidence_of
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.once

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
    """Return for each mutation that takes a key an input, without one, that would succeed."""
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


@pytest.mark.parametrize(
    "key", ["", "k" * 256, "a\u0001b", "a\nb", "a\n", "a\u007fb", "ключ", "é", "\0"]
)
def test_what_is_no_key(key: str) -> None:
    """Empty, longer than 255, with control or other characters."""
    assert KEY.fullmatch(key) is None


def test_what_is_a_key() -> None:
    """Any printable character of ASCII alone, and 255 of them."""
    keys = [chr(code) for code in range(32, 127)] + ["k" * 255]
    assert [key for key in keys if KEY.fullmatch(key) is None] == []


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", KEYED)
def test_a_key_that_is_no_printable_ascii_is_invalid(
    open_server: RunningServer, inputs: Inputs, field_name: str
) -> None:
    """INVALID_INPUT at idempotencyKey."""
    value = open_server.change(field_name, {**inputs[field_name], "idempotencyKey": "ключ"})
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


@pytest.mark.both
@pytest.mark.parametrize("field_name", KEYED)
def test_a_key_of_255_characters_is_taken(open_server: RunningServer, field_name: str) -> None:
    """The longest one works, and the same key and input again answers with the same object."""
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
    key = "!#$%&*"[KEYED.index(field_name)] * 255
    given = {**values[field_name], "idempotencyKey": key}
    first = open_server.change(field_name, given)
    assert "code" not in first, first
    again = open_server.change(field_name, given)
    assert again == first


@pytest.mark.both
@pytest.mark.parametrize(
    ("field_name", "change"),
    [
        ("createPaymentCollection", {"amount": "10.01"}),
        ("createPaymentCollection", {"currencyCode": "EUR"}),
        ("createPaymentCollection", {"metadata": {"a": 1}}),
        ("capturePayment", {"amount": None}),
        ("refundPayment", {"amount": "2.00"}),
        ("createPaymentSession", {"amount": "5.00"}),
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


@pytest.mark.both
def test_the_same_key_with_another_payment_is_refused(open_server: RunningServer) -> None:
    """A key that captured one payment captures no other."""
    one, other, key = pay(open_server), pay(open_server), new_key()
    assert capture(open_server, one["id"], idempotencyKey=key)["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = capture(open_server, other["id"], idempotencyKey=key)
    assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    assert value["affectedPayment"]["id"] == other["id"]
    assert evidence_of(open_server) == before


@pytest.mark.both
def test_another_input_with_the_key_of_a_running_call_is_refused_at_once(tmp_path: Path) -> None:
    """While a capture is under way, its key with another amount is IDEMPOTENCY_KEY_REUSED."""
    with site(tmp_path) as one:
        payment, key = pay(one.server), new_key()
        one.between.next(Fault.HOLD_BEFORE, kind="capture")
        with beside(
            lambda: capture(one.server, payment["id"], amount="30.00", idempotencyKey=key)
        ) as running:
            assert one.between.held.wait(PATIENCE_SECONDS)
            value = capture(one.server, payment["id"], amount="31.00", idempotencyKey=key)
            one.between.let_go()
        assert failure(value) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
        assert running.result()["capturedAmount"] == "30.00"
