"""Bad input 28: which texts are currencies in use. tests/api/inputs/test_currencies.py holds every place to this."""

import iso4217
import pytest
from graphql import GraphQLError, parse_value

from edge.requests import read_json
from payments.model.currencies import DECIMALS, LEFT, LISTED
from payments.model.money import NOT_MONEY, decimal_text, is_currency, is_known_currency
from schema.scalars import SCALARS, CurrencyCode, parse_currency

NOT_IN_USE = [
    "usd ",
    " usd",
    "US",
    "USDD",
    "XXX",
    "XTS",
    "XAU",
    "DEM",
    "BTC",
    "ＵＳＤ",  # noqa: RUF001 - full-width letters are what is tested
    "",
    "us\u0000",
    "\u202eUSD",
    "ſgd",  # noqa: RUF001 - its upper case is SGD
    "U" * 10_000,
]


def literal(text: str) -> object:
    """Read a code that stands in a document."""
    parse_literal = SCALARS[CurrencyCode].parse_literal
    assert parse_literal is not None
    return parse_literal(parse_value(text), None)


@pytest.mark.parametrize("code", NOT_IN_USE)
def test_a_text_that_is_no_currency_in_use(code: str) -> None:
    """The scalar leaves it as it is, and it is none."""
    assert parse_currency(code) == code
    assert not is_currency(code)


def test_every_currency_in_use_is_written_down() -> None:
    """With the decimals of ISO 4217's list: when it leaves the list, what is stored in it is read as before."""
    listed = {
        one.code: one.exponent
        for one in iso4217.Currency
        if one.exponent is not None and one.code not in NOT_MONEY
    }
    assert {code for text in LISTED.values() for code in text.split()} == set(listed)
    assert {code: DECIMALS[code] for code in listed} == listed
    assert all(is_currency(code) and is_known_currency(code) for code in listed)


@pytest.mark.parametrize("code", sorted(" ".join(LEFT.values()).split()))
def test_a_currency_that_has_left_the_list(code: str) -> None:
    """It is not in use, and is known with its decimals, in either case."""
    assert not is_currency(code)
    assert is_known_currency(code)
    assert parse_currency(code.lower()) == code
    assert decimal_text(123_456, code) == "1234.56"


@pytest.mark.parametrize("code", ["840", "true", "null", '["USD"]', "{}"])
def test_what_is_no_text_is_no_value(code: str) -> None:
    """A number, a boolean, null, a list and an object are no currency code, as a variable or a literal."""
    with pytest.raises(GraphQLError, match="CurrencyCode takes an ISO 4217 code"):
        parse_currency(read_json(code))
    with pytest.raises(GraphQLError, match="CurrencyCode takes an ISO 4217 code"):
        literal(code)


def test_a_name_is_no_text() -> None:
    """USD without quotes is no literal of a currency."""
    with pytest.raises(GraphQLError, match="CurrencyCode takes an ISO 4217 code"):
        literal("USD")


@pytest.mark.parametrize("code", ["usd", "Usd", "USD"])
def test_either_case_is_taken(code: str) -> None:
    """It becomes upper case, as a variable and as a literal."""
    assert parse_currency(code) == literal(f'"{code}"') == "USD"
    assert is_currency("USD")
