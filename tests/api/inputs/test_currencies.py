"""Bad input 28: currencies. tests/parsing/test_currencies.py says which codes are none."""

import pytest

from tests.support.callers.raw_requests import (
    change_literal,
    change_text,
    failure,
    outcome,
    refused,
)
from tests.support.flow.shop import open_collection, open_session
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["usd ", "XXX"])
def test_a_code_that_is_no_currency_in_use_opens_no_collection(
    open_server: RunningServer, code: str
) -> None:
    """Well-formed or not, in the variables or in the document, it is INVALID_INPUT with the path."""
    value = open_server.change("createPaymentCollection", {"amount": "10.00", "currencyCode": code})
    assert failure(value) == ("INVALID_INPUT", ["currencyCode"])
    literal = f'{{amount: "10.00", currencyCode: "{code}"}}'
    response = change_literal(open_server, "createPaymentCollection", literal)
    assert failure(outcome(response)) == ("INVALID_INPUT", ["currencyCode"])


@pytest.mark.usefixtures("unchanged")
def test_a_code_that_is_no_text_is_a_request_error(open_server: RunningServer) -> None:
    """A number is no currency code, and null none where one is needed."""
    for code in ("840", "null"):
        response = change_text(
            open_server, "createPaymentCollection", f'{{"amount": "10.00", "currencyCode": {code}}}'
        )
        assert refused(response) == (422, "BAD_USER_INPUT")
    response = change_literal(
        open_server, "createPaymentCollection", '{amount: "10.00", currencyCode: 840}'
    )
    assert refused(response) == (422, "GRAPHQL_VALIDATION_FAILED")


def test_either_case_is_taken_and_upper_case_shown(open_server: RunningServer) -> None:
    """Input in either case, output in upper case."""
    for code in ("usd", "Usd", "USD"):
        assert open_collection(open_server, "10.00", code)["currencyCode"] == "USD"


@pytest.fixture(scope="module")
def dollars(open_server: RunningServer) -> str:
    """Return a collection in dollars."""
    return str(open_collection(open_server)["id"])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("code", ["EUR", "jpy"])
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
@pytest.mark.parametrize("code", ["usd ", ""])
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
