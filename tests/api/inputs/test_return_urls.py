"""Bad input 37: addresses that a customer is sent back to. tests/parsing/test_origins.py says which are allowed."""

from collections.abc import Callable

import pytest

from tests.support.callers.raw_requests import failure
from tests.support.flow.shop import open_collection, open_session
from tests.support.program.running import Json, RunningServer

pytestmark = pytest.mark.once

REFUSED = ["http://localhost.evil.example", "http://localhost/" + "x" * 2_000, ""]
TAKEN = "http://shop.localhost:3000/checkout?session=1&b=2#done"


@pytest.fixture(scope="module")
def make_input(open_server: RunningServer) -> Callable[[str, str], Json]:
    """Return each mutation's input with a return address."""
    collection_id = open_collection(open_server)["id"]
    session_id = open_session(open_server, collection_id)["id"]
    inputs: dict[str, Json] = {
        "createPaymentSession": {"paymentCollectionId": collection_id, "providerId": "sandbox"},
        "createPaymentSessions": {"paymentCollectionId": collection_id},
        "updatePaymentSession": {"id": session_id},
    }
    return lambda field_name, url: {**inputs[field_name], "returnUrl": url}


FIELDS = ["createPaymentSession", "createPaymentSessions", "updatePaymentSession"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("field_name", FIELDS)
def test_an_address_that_is_not_on_an_allowed_origin_is_refused(
    open_server: RunningServer, make_input: Callable[[str, str], Json], field_name: str
) -> None:
    """INVALID_INPUT with the path, for one that is too long as well; no session is opened or changed."""
    for url in REFUSED:
        value = open_server.change(field_name, make_input(field_name, url))
        assert failure(value) == ("INVALID_INPUT", ["returnUrl"]), url


@pytest.mark.parametrize("field_name", FIELDS)
def test_an_address_on_a_loopback_origin_is_taken_in_development(
    open_server: RunningServer, make_input: Callable[[str, str], Json], field_name: str
) -> None:
    """It comes back as it was sent."""
    value = open_server.change(field_name, make_input(field_name, TAKEN))
    session = value["paymentSessions"][0] if "paymentSessions" in value else value
    found = open_server.execute(
        "query ($id: ID!) { paymentSession(id: $id) { returnUrl } }", {"id": session["id"]}
    )
    assert found["paymentSession"]["returnUrl"] == TAKEN
