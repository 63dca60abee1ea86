"""Bad input 37: addresses that a customer is sent back to."""

from collections.abc import Callable

import pytest

from tests.api.raw import failure
from tests.support.running import Json, RunningServer
from tests.support.shop import open_collection, open_session

REFUSED = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://localhost/x",
    "//evil.example",
    "//localhost/checkout",
    "/checkout",
    "checkout",
    "",
    " ",
    "https://evil.example/checkout",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example/http://localhost",
    "http://evil.example?http://localhost",
    "http://evil.example#@localhost",
    "http://localhost@evil.example",
    "http://evil.example@localhost",
    "http://localhost\\@evil.example",
    "http:\\\\localhost",
    "http://localhost\t.evil.example",
    "http://localhost/\nSet-Cookie: a=b",
    "http://localhost/ x",
    " http://localhost",
    "http://localhost/\0",
    "http://",
    "http:///checkout",
    "http:localhost",
    "http://localhost:99999",
    "http://localhost:port",
    "http://ｌocalhost",  # noqa: RUF001 - a browser would read it as localhost
    "http://évil.example",
    "http://[::1",
    "http://localhost/" + "x" * 2_000,
]

TAKEN = [
    "http://localhost:3000/checkout",
    "https://localhost/checkout?session=1&b=2#done",
    "http://127.0.0.1:8080",
    "http://[::1]:3000/back",
    "http://shop.localhost:3000/",
]


@pytest.fixture(scope="module")
def make_input(open_server: RunningServer) -> Callable[[str, str], Json]:
    """Give each mutation's input with a return address."""
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
@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("field_name", FIELDS)
def test_an_address_that_is_not_on_an_allowed_origin_is_refused(
    open_server: RunningServer,
    make_input: Callable[[str, str], Json],
    field_name: str,
    url: str,
) -> None:
    """INVALID_INPUT with the path; no session is opened or changed."""
    value = open_server.change(field_name, make_input(field_name, url))
    assert failure(value) == ("INVALID_INPUT", ["returnUrl"])


@pytest.mark.parametrize("url", TAKEN)
@pytest.mark.parametrize("field_name", FIELDS)
def test_an_address_on_a_loopback_origin_is_taken_in_development(
    open_server: RunningServer,
    make_input: Callable[[str, str], Json],
    field_name: str,
    url: str,
) -> None:
    """It comes back as it was sent."""
    value = open_server.change(field_name, make_input(field_name, url))
    session = value["paymentSessions"][0] if "paymentSessions" in value else value
    found = open_server.execute(
        "query ($id: ID!) { paymentSession(id: $id) { returnUrl } }", {"id": session["id"]}
    )
    assert found["paymentSession"]["returnUrl"] == url
