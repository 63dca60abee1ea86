"""Bad inputs 24 to 26 and 29: what an amount may be, from the request's text to minor units.

tests/api/inputs/test_amounts.py holds every place that takes an amount to this.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest
from graphql import GraphQLError, parse_value

from edge.errors import RequestRefused
from edge.requests import read_json
from payments.model.money import AmountFault, decimal_text, parse_minor
from schema.scalars import parse_decimal, parse_decimal_literal

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
"""Plain decimal text whose sign, zero, size or decimals are wrong for dollars."""

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
    f'"{"1" * 1_001}"',
    "true",
    "false",
    "[]",
    "[5]",
    "{}",
]
"""Values that are no decimal text at all."""

EXACT = [
    ("USD", "49.90", "49.90", 4990),
    ("USD", "49.9", "49.90", 4990),
    ("USD", "100", "100.00", 10000),
    ("USD", "0.01", "0.01", 1),
    ("USD", "0.29", "0.29", 29),
    ("USD", "1.1", "1.10", 110),
    ("USD", "503599627370497.5", "503599627370497.50", 50359962737049750),
    ("USD", "999999999999999.99", "999999999999999.99", 99999999999999999),
    ("JPY", "1", "1", 1),
    ("JPY", "999999999999999", "999999999999999", 999999999999999),
    ("KWD", "1.234", "1.234", 1234),
    ("KWD", "999999999999999.999", "999999999999999.999", 999999999999999999),
    ("CLF", "1.2345", "1.2345", 12345),
    ("CLF", "99999999999999.9999", "99999999999999.9999", 999999999999999999),
]
"""Currency, amount as it is sent, amount as it comes back, minor units."""

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


def variable(text: str) -> Decimal:
    """Read an amount that stands in a request's variables."""
    return parse_decimal(read_json(text))


def literal(text: str) -> Decimal:
    """Read an amount that stands in a document."""
    return parse_decimal_literal(parse_value(text))


READERS = pytest.mark.parametrize("read", [variable, literal])


@READERS
@pytest.mark.parametrize("text", BEHIND_THE_SCALAR)
def test_sign_zero_size_and_decimals_are_decided_behind_the_scalar(
    read: Callable[[str], Decimal], text: str
) -> None:
    """The scalar takes it, and its currency does not."""
    amount = read(text)
    with pytest.raises(AmountFault):
        parse_minor(amount, "USD")


@READERS
@pytest.mark.parametrize("text", NO_DECIMAL_TEXT)
def test_what_is_no_decimal_text_is_no_value(read: Callable[[str], Decimal], text: str) -> None:
    """An exponent, a boolean, spaces and other scripts' digits are refused, as numbers or as strings."""
    with pytest.raises(GraphQLError, match="Decimal takes plain decimal text"):
        read(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "null", "$amount"])
def test_a_literal_of_another_kind_is_no_value(text: str) -> None:
    """A name, null and a variable are no literal of an amount."""
    with pytest.raises(GraphQLError, match="Decimal takes plain decimal text"):
        literal(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "05", "+5", "5.", ".5", "1_0"])
def test_a_number_that_json_does_not_have_is_no_json(text: str) -> None:
    """A number outside JSON's grammar is HTTP 400."""
    with pytest.raises(RequestRefused) as refusal:
        read_json(f'{{"amount": {text}}}')
    assert refusal.value.status == 400
    assert [entry["extensions"] for entry in refusal.value.entries] == [{"code": "BAD_REQUEST"}]


@READERS
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("currency", "sent", "shown", "minor"), EXACT)
def test_an_amount_is_exact(
    read: Callable[[str], Decimal], currency: str, sent: str, shown: str, minor: int, quote: str
) -> None:
    """A number and a string of up to 15 integer digits are read from their text, never through a float."""
    assert parse_minor(read(f"{quote}{sent}{quote}"), currency) == minor
    assert decimal_text(minor, currency) == shown


@pytest.mark.parametrize(
    "amount", ["999999999999999.9999", "100000000000000", "922337203685477.5808"]
)
def test_an_amount_that_64_bits_do_not_hold_is_refused(amount: str) -> None:
    """With four decimals there is room for 14 digits before the point."""
    with pytest.raises(AmountFault, match="at most 14 digits before the decimal point"):
        parse_minor(variable(amount), "CLF")


@READERS
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(("currency", "amount", "words"), DECIMALS)
def test_too_many_decimals_are_refused_with_the_number_that_the_currency_has(
    read: Callable[[str], Decimal], currency: str, amount: str, words: str, quote: str
) -> None:
    """The message says how many decimals the currency has; nothing is rounded, zeros neither."""
    with pytest.raises(AmountFault) as fault:
        parse_minor(read(f"{quote}{amount}{quote}"), currency)
    assert str(fault.value) == f"An amount in {currency} has {words}."
