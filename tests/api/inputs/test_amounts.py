"""Bad inputs 24, 25, 26 and 29, and the exactness of what is taken.

tests/parsing/test_amounts.py says which amounts are wrong and which exact; here each place has one of every kind.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.callers.raw_requests import (
    change_literal,
    change_text,
    failure,
    outcome,
    refused,
)
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Place:
    """One place that takes an amount, with the rest of its input as JSON and as a literal."""

    field_name: str
    input_text: str
    input_literal: str

    def with_amount(self, amount: str) -> str:
        """Return the whole input as JSON."""
        return f'{{{self.input_text}, "amount": {amount}}}'

    def with_amount_literal(self, amount: str) -> str:
        """Return the whole input as it stands in a document."""
        return f"{{{self.input_literal}, amount: {amount}}}"


PLACES = [
    "createPaymentCollection",
    "updatePaymentCollection",
    "createPaymentSession",
    "updatePaymentSession",
    "capturePayment",
    "refundPayment",
]


@pytest.fixture(scope="module")
def place(open_server: RunningServer) -> Callable[[str], Place]:
    """Return each place that takes an amount, on an object that would take one of 10.00."""
    collection_id = open_collection(open_server)["id"]
    session_id = open_session(open_server, collection_id)["id"]
    payment_id = pay(open_server)["id"]
    assert capture(open_server, payment_id, amount="50.00")["__typename"] == "Payment"
    places = {
        "createPaymentCollection": {"currencyCode": "USD"},
        "updatePaymentCollection": {"id": collection_id},
        "createPaymentSession": {"paymentCollectionId": collection_id, "providerId": "sandbox"},
        "updatePaymentSession": {"id": session_id},
        "capturePayment": {"paymentId": payment_id, "idempotencyKey": "bad-amount"},
        "refundPayment": {"paymentId": payment_id, "idempotencyKey": "bad-amount"},
    }

    def find(field_name: str) -> Place:
        values = places[field_name]
        literal = ", ".join(f"{name}: {json.dumps(value)}" for name, value in values.items())
        return Place(field_name, json.dumps(values)[1:-1], literal)

    return find


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", PLACES)
def test_a_wrong_amount_is_invalid_input(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str
) -> None:
    """Zero is no amount that was left out, and decimals are the currency's: INVALID_INPUT with the path."""
    where = place(field_name)
    value = outcome(change_text(open_server, field_name, where.with_amount("0")))
    assert failure(value) == ("INVALID_INPUT", ["amount"])
    value = outcome(change_text(open_server, field_name, where.with_amount("10.001")))
    assert failure(value) == ("INVALID_INPUT", ["amount"])
    assert value["message"] == "An amount in USD has at most 2 decimals."
    value = outcome(change_literal(open_server, field_name, where.with_amount_literal("-1")))
    assert failure(value) == ("INVALID_INPUT", ["amount"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", PLACES)
def test_what_is_no_decimal_text_is_a_request_error(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str
) -> None:
    """An exponent is never a value, in the variables or in the document."""
    where = place(field_name)
    response = change_text(open_server, field_name, where.with_amount("1e2"))
    assert refused(response) == (422, "BAD_USER_INPUT")
    response = change_literal(open_server, field_name, where.with_amount_literal("1e2"))
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.usefixtures("unchanged")
def test_a_number_that_json_does_not_have_is_no_json(open_server: RunningServer) -> None:
    """A number outside JSON's grammar is HTTP 400."""
    response = change_text(
        open_server, "createPaymentCollection", '{"currencyCode": "USD", "amount": NaN}'
    )
    assert refused(response) == (400, "BAD_REQUEST")


@pytest.mark.usefixtures("unchanged")
def test_an_amount_cannot_be_null_where_it_is_required(open_server: RunningServer) -> None:
    """A collection without an amount is a request error."""
    response = change_text(
        open_server, "createPaymentCollection", '{"currencyCode": "USD", "amount": null}'
    )
    assert refused(response) == (422, "BAD_USER_INPUT")


EXACT = [
    ("USD", "0.29", "0.29", 29),
    ("USD", "49.9", "49.90", 4990),
    ("USD", "999999999999999.99", "999999999999999.99", 99999999999999999),
    ("JPY", "999999999999999", "999999999999999", 999999999999999),
    ("KWD", "999999999999999.999", "999999999999999.999", 999999999999999999),
    ("CLF", "99999999999999.9999", "99999999999999.9999", 999999999999999999),
]
"""Currency, amount as it is sent, amount as it comes back, minor units in the database."""


SHOWN = "query ($id: ID!) { paymentCollection(id: $id) { amount } }"


def _kept_minor(server: RunningServer, id: str) -> int:
    ((minor,),) = server.rows("SELECT amount_minor FROM payment_collections WHERE id = ?", id)
    assert isinstance(minor, int)
    return minor


@pytest.mark.both
@pytest.mark.parametrize(("currency", "sent", "shown", "minor"), EXACT)
def test_an_amount_is_exact(
    open_server: RunningServer, currency: str, sent: str, shown: str, minor: int
) -> None:
    """A number and a string, in the variables and in the document, are kept and come back to the last unit."""
    opened = "createPaymentCollection"
    for amount in (sent, f'"{sent}"'):
        variable = f'{{"currencyCode": "{currency}", "amount": {amount}}}'
        literal = f'{{currencyCode: "{currency}", amount: {amount}}}'
        for response in (
            change_text(open_server, opened, variable),
            change_literal(open_server, opened, literal),
        ):
            made = outcome(response)
            assert (made["__typename"], made.get("amount")) == ("PaymentCollection", shown), made
            assert _kept_minor(open_server, made["id"]) == minor
            found = open_server.execute(SHOWN, {"id": made["id"]})
            assert found["paymentCollection"] == {"amount": shown}


@pytest.mark.both
def test_the_largest_amount_is_exact_all_the_way_to_the_gateway(
    open_server: RunningServer,
) -> None:
    """999999999999999.99 is authorized, captured and in the gateway's ledger to the last cent."""
    largest = "999999999999999.99"
    payment = pay(open_server, largest)
    captured = capture(open_server, payment["id"], amount=largest)
    assert captured["capturedAmount"] == largest
    session = payment["paymentSession"]["id"]
    effects = [
        (effect["kind"], effect["amount"], effect["moved"])
        for effect in open_server.ledger(session)
    ]
    assert effects == [("authorize", largest, largest), ("capture", largest, largest)]


@pytest.mark.both
@pytest.mark.usefixtures("unchanged")
def test_an_amount_that_64_bits_do_not_hold_is_invalid_input(open_server: RunningServer) -> None:
    """With four decimals there is room for 14 digits before the point; beyond it nothing overflows."""
    response = change_text(
        open_server,
        "createPaymentCollection",
        '{"currencyCode": "CLF", "amount": 922337203685477.5808}',
    )
    assert failure(outcome(response)) == ("INVALID_INPUT", ["amount"])


def test_a_session_has_its_collection_s_decimals(open_server: RunningServer) -> None:
    """A yen session of 10.5 is refused, and its collection stays without a session."""
    collection = open_collection(open_server, "100", "JPY")
    value = open_server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection["id"], "providerId": "sandbox", "amount": "10.5"},
    )
    assert failure(value) == ("INVALID_INPUT", ["amount"])
    assert open_server.rows(
        "SELECT count(*) FROM payment_sessions WHERE collection_id = ?",
        collection["id"],
    ) == [(0,)]


@pytest.mark.both
def test_an_authorization_is_for_the_session_s_very_amount(open_server: RunningServer) -> None:
    """0.29, which no binary fraction is, reaches the gateway as 0.29."""
    collection = open_collection(open_server, "0.58")
    session = open_session(open_server, collection["id"], amount="0.29")
    payment = authorize(open_server, session["id"])
    assert payment["amount"] == "0.29"
    effects = [effect["amount"] for effect in open_server.ledger(session["id"])]
    assert effects == ["0.29"]
