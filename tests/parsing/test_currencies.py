"""Bad input 28: which texts are currencies in use. tests/api/test_currencies.py holds every place to this."""

import pytest
from graphql import GraphQLError, parse_value

from edge.bodies import read_json
from payments.money import is_currency
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
