"""Bad input 28: currencies."""

import json

import pytest

from tests.api.raw import change_literal, change_text, failure, outcome, refused
from tests.support.running import RunningServer
from tests.support.shop import open_collection, open_session

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


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", NOT_IN_USE)
def test_a_code_that_is_no_currency_in_use_opens_no_collection(
    open_server: RunningServer, code: str
) -> None:
    """Well-formed or not, it is INVALID_INPUT with the path."""
    value = open_server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": code})
    assert failure(value) == ("INVALID_INPUT", ["currencyCode"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", NOT_IN_USE)
def test_a_code_in_the_document_is_held_to_the_same(open_server: RunningServer, code: str) -> None:
    """A literal that is no currency in use is INVALID_INPUT with the path."""
    literal = f'{{amount: "10.00", currencyCode: {json.dumps(code)}}}'
    response = change_literal(open_server, "createPaymentCollection", literal)
    assert failure(outcome(response)) == ("INVALID_INPUT", ["currencyCode"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["840", "true", "null", '["USD"]', "{}"])
def test_a_code_that_is_no_text_is_a_request_error(open_server: RunningServer, code: str) -> None:
    """A number, a boolean, null, a list and an object are no currency code."""
    response = change_text(
        open_server, "createPaymentCollection", f'{{"amount": "10.00", "currencyCode": {code}}}'
    )
    assert refused(response) == (422, "BAD_USER_INPUT")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["840", "true", '["USD"]', "{}"])
def test_a_literal_code_that_is_no_text_is_a_request_error(
    open_server: RunningServer, code: str
) -> None:
    """A number, a boolean, a list and an object are no currency code."""
    literal = f'{{amount: "10.00", currencyCode: {code}}}'
    response = change_literal(open_server, "createPaymentCollection", literal)
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("code", ["usd", "Usd", "USD"])
def test_either_case_is_taken_and_upper_case_shown(open_server: RunningServer, code: str) -> None:
    """Input in either case, output in upper case."""
    assert open_collection(open_server, "10.00", code)["currencyCode"] == "USD"


@pytest.fixture(scope="module")
def dollars(open_server: RunningServer) -> str:
    """Give a collection in dollars."""
    return str(open_collection(open_server)["id"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["EUR", "eur", "JPY"])
def test_a_session_in_another_currency_than_its_collection_is_a_mismatch(
    open_server: RunningServer, dollars: str, code: str
) -> None:
    """CURRENCY_MISMATCH with the path, and no session."""
    value = open_server.change(
        "createPaymentSession",
        {"paymentCollectionId": dollars, "providerId": "sandbox", "currencyCode": code},
    )
    assert failure(value) == ("CURRENCY_MISMATCH", ["currencyCode"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["usd ", "XXX", "BTC", ""])
def test_a_session_s_code_that_is_no_currency_in_use_is_invalid(
    open_server: RunningServer, dollars: str, code: str
) -> None:
    """INVALID_INPUT rather than a mismatch: it would be wrong for every collection."""
    value = open_server.change(
        "createPaymentSession",
        {"paymentCollectionId": dollars, "providerId": "sandbox", "currencyCode": code},
    )
    assert failure(value) == ("INVALID_INPUT", ["currencyCode"])


def test_a_session_may_name_its_collection_s_currency_in_lower_case(
    open_server: RunningServer, dollars: str
) -> None:
    """The same currency in another case is the same currency."""
    session = open_session(open_server, dollars, currencyCode="usd")
    assert session["currencyCode"] == "USD"
