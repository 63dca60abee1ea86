"""Bad inputs 24, 25, 26 and 29, and the exactness of what is taken."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.api.raw import change_literal, change_text, failure, outcome, refused
from tests.support.running import RunningServer
from tests.support.shop import authorize, capture, open_collection, open_session, pay

BEHIND_THE_SCALAR = [
    "0",
    '"0"',
    "-1",
    '"-1"',
    "-0",
    '"-0"',
    '"0.00"',
    "0.00",
    "-0.00",
    '"-0.01"',
    "1000000000000000",
    '"1234567890123456"',
    '"1000000000000000.00"',
    "1000000000000000.00",
    f"1{'0' * 400}",
    f'"1{"0" * 400}"',
    "10.001",
    '"10.001"',
    '"10.000"',
    "10.000",
    '"0.0000001"',
    "0.0000001",
]
"""Plain decimal text whose sign, zero, size or decimals are wrong: INVALID_INPUT with the path."""

NO_DECIMAL_TEXT = [
    '"1e2"',
    "1e2",
    "1E2",
    "1e0",
    "1e-1",
    "100e-1",
    "1e400",
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
    '"１００"',  # noqa: RUF001 - digits of another script are what is tested
    '"٣"',
    '"1_000"',
    '" 5"',
    '"5 "',
    '"5\\n"',
    '"+5"',
    '"1,50"',
    '"0x10"',
    '""',
    '"."',
    '"5."',
    '".5"',
    '"5\\u0000"',
    "true",
    "false",
    "[]",
    "[5]",
    "{}",
]
"""What is no decimal text at all: the request is refused."""


@dataclass(frozen=True)
class Place:
    """Is one place that takes an amount, with the rest of its input as JSON and as a literal."""

    field_name: str
    input_text: str
    input_literal: str

    def with_amount(self, amount: str) -> str:
        """Give the whole input as JSON."""
        return f'{{{self.input_text}, "amount": {amount}}}'

    def with_amount_literal(self, amount: str) -> str:
        """Give the whole input as it stands in a document."""
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
    """Give each place that takes an amount, on an object that would take one of 10.00."""
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


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("amount", BEHIND_THE_SCALAR)
@pytest.mark.parametrize("field_name", PLACES)
def test_a_wrong_amount_in_the_variables_is_invalid_input(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str, amount: str
) -> None:
    """Sign, zero, size and decimals are decided behind the scalar, and named by the path."""
    where = place(field_name)
    response = change_text(open_server, field_name, where.with_amount(amount))
    assert failure(outcome(response)) == ("INVALID_INPUT", ["amount"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("amount", BEHIND_THE_SCALAR)
@pytest.mark.parametrize("field_name", PLACES)
def test_a_wrong_amount_in_the_document_is_invalid_input(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str, amount: str
) -> None:
    """A literal is decided like a variable."""
    where = place(field_name)
    response = change_literal(open_server, field_name, where.with_amount_literal(amount))
    assert failure(outcome(response)) == ("INVALID_INPUT", ["amount"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("amount", NO_DECIMAL_TEXT)
@pytest.mark.parametrize("field_name", PLACES)
def test_what_is_no_decimal_text_is_a_request_error(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str, amount: str
) -> None:
    """An exponent, a boolean, spaces and other scripts' digits are never a value, as numbers or as strings."""
    where = place(field_name)
    response = change_text(open_server, field_name, where.with_amount(amount))
    assert refused(response) == (422, "BAD_USER_INPUT")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("amount", [*NO_DECIMAL_TEXT, "NaN", "Infinity"])
@pytest.mark.parametrize("field_name", PLACES)
def test_a_literal_that_is_no_decimal_text_is_a_request_error(
    open_server: RunningServer, place: Callable[[str], Place], field_name: str, amount: str
) -> None:
    """A literal of another kind is refused by validation."""
    where = place(field_name)
    response = change_literal(open_server, field_name, where.with_amount_literal(amount))
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "05", "+5", "5.", ".5", "1_0"])
def test_a_number_that_json_does_not_have_is_no_json(
    open_server: RunningServer, amount: str
) -> None:
    """A number outside JSON's grammar is HTTP 400."""
    response = change_text(
        open_server, "createPaymentCollection", f'{{"currencyCode": "USD", "amount": {amount}}}'
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
    ("USD", "49.90", "49.90", 4990),
    ("USD", "49.9", "49.90", 4990),
    ("USD", "100", "100.00", 10000),
    ("USD", "0.01", "0.01", 1),
    ("USD", "0.29", "0.29", 29),
    ("USD", "1.1", "1.10", 110),
    ("USD", "4503599627370497.5"[1:], "503599627370497.50", 50359962737049750),
    ("USD", "999999999999999.99", "999999999999999.99", 99999999999999999),
    ("JPY", "1", "1", 1),
    ("JPY", "999999999999999", "999999999999999", 999999999999999),
    ("KWD", "1.234", "1.234", 1234),
    ("KWD", "999999999999999.999", "999999999999999.999", 999999999999999999),
    ("CLF", "1.2345", "1.2345", 12345),
    ("CLF", "99999999999999.9999", "99999999999999.9999", 999999999999999999),
]
"""Currency, amount as it is sent, amount as it comes back, minor units in the database."""


def _kept_minor(server: RunningServer, id: str) -> int:
    ((minor,),) = server.rows("SELECT amount_minor FROM payment_collections WHERE id = ?", id)
    assert isinstance(minor, int)
    return minor


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("currency", "sent", "shown", "minor"), EXACT)
def test_an_amount_in_the_variables_is_exact(
    open_server: RunningServer, currency: str, sent: str, shown: str, minor: int, quote: str
) -> None:
    """A JSON number and a string of up to 15 integer digits are read from their text, never through a float."""
    response = change_text(
        open_server,
        "createPaymentCollection",
        f'{{"currencyCode": "{currency}", "amount": {quote}{sent}{quote}}}',
    )
    made = outcome(response)
    assert (made["__typename"], made.get("amount")) == ("PaymentCollection", shown), made
    assert _kept_minor(open_server, made["id"]) == minor


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("currency", "sent", "shown", "minor"), EXACT)
def test_an_amount_in_the_document_is_exact(
    open_server: RunningServer, currency: str, sent: str, shown: str, minor: int, quote: str
) -> None:
    """A literal is read from its text too."""
    response = change_literal(
        open_server,
        "createPaymentCollection",
        f'{{currencyCode: "{currency}", amount: {quote}{sent}{quote}}}',
    )
    made = outcome(response)
    assert (made["__typename"], made.get("amount")) == ("PaymentCollection", shown), made
    assert _kept_minor(open_server, made["id"]) == minor


def test_the_largest_amount_is_exact_all_the_way_to_the_gateway(
    open_server: RunningServer,
) -> None:
    """999999999999999.99 is authorized, captured and in the gateway's ledger to the last cent."""
    largest = "999999999999999.99"
    payment = pay(open_server, largest)
    captured = capture(open_server, payment["id"], amount=largest)
    assert captured["capturedAmount"] == largest
    effects = [
        (effect["kind"], effect["amount"], effect["moved"])
        for effect in open_server.ledger()
        if effect["session"] == payment["paymentSession"]["id"]
    ]
    assert effects == [("authorize", largest, largest), ("capture", largest, largest)]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "amount", ["999999999999999.9999", "100000000000000", "922337203685477.5808"]
)
def test_an_amount_that_64_bits_do_not_hold_is_invalid_input(
    open_server: RunningServer, amount: str
) -> None:
    """With four decimals there is room for 14 digits before the point; beyond it nothing overflows."""
    response = change_text(
        open_server, "createPaymentCollection", f'{{"currencyCode": "CLF", "amount": {amount}}}'
    )
    assert failure(outcome(response)) == ("INVALID_INPUT", ["amount"])


DECIMALS = [
    ("JPY", "100.5", "no decimals"),
    ("JPY", "100.00", "no decimals"),
    ("USD", "1.001", "at most 2 decimals"),
    ("USD", "1.000", "at most 2 decimals"),
    ("KWD", "1.0001", "at most 3 decimals"),
    ("UGX", "500.50", "no decimals"),
    ("ISK", "100.5", "no decimals"),
    ("CLF", "1.00001", "at most 4 decimals"),
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("currency", "amount", "words"), DECIMALS)
def test_too_many_decimals_are_refused_with_the_number_that_the_currency_has(
    open_server: RunningServer, currency: str, amount: str, words: str, quote: str
) -> None:
    """The message of INVALID_INPUT says how many decimals the currency has."""
    response = change_text(
        open_server,
        "createPaymentCollection",
        f'{{"currencyCode": "{currency}", "amount": {quote}{amount}{quote}}}',
    )
    value = outcome(response)
    assert failure(value) == ("INVALID_INPUT", ["amount"])
    assert value["message"] == f"An amount in {currency} has {words}."


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


def test_an_authorization_is_for_the_session_s_very_amount(open_server: RunningServer) -> None:
    """0.29, which no binary fraction is, reaches the gateway as 0.29."""
    collection = open_collection(open_server, "0.58")
    session = open_session(open_server, collection["id"], amount="0.29")
    payment = authorize(open_server, session["id"])
    assert payment["amount"] == "0.29"
    effects = [
        effect["amount"] for effect in open_server.ledger() if effect["session"] == session["id"]
    ]
    assert effects == ["0.29"]
