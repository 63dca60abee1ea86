"""TILLGRAPH_ALLOWED_ORIGINS in production: CORS, sockets and return addresses take these and the server's own alone."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.callers.raw_requests import failure
from tests.support.callers.sockets import open_socket, receive
from tests.support.flow.shop import open_collection
from tests.support.program.keys import SECRET_KEY
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once

SHOP = "https://shop.example"
OTHER_SHOP = "https://other.example:8443"
THIRD_SHOP = "https://third.example"
PUBLIC = "https://pay.example"

ALLOWED = [OTHER_SHOP, THIRD_SHOP, PUBLIC]
"""As a browser writes them: without the port that https has by itself, however the setting is written."""
FOREIGN = ["https://shop.example:444", "http://localhost:3000", "null"]
"""tests/parsing/test_origins.py has more of them."""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a production server with three shops."""
    settings = {
        "TILLGRAPH_ENVIRONMENT": "production",
        "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
        "TILLGRAPH_SIGNING_KEYS": "the-signing-key-of-these-tests",
        "TILLGRAPH_ALLOWED_ORIGINS": f"{SHOP}, {OTHER_SHOP}, {THIRD_SHOP}:443",
        "TILLGRAPH_PUBLIC_URL": PUBLIC,
        "TILLGRAPH_BROWSER_PROVIDERS": "system",
    }
    running = RunningServer(tmp_path_factory.mktemp("production"), settings)
    running.credential = SECRET_KEY
    yield running.start()
    running.close()


def _named(server: RunningServer, method: str, origin: str) -> str | None:
    """Return the origin that an answer allows to read it."""
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
        "accept": "text/event-stream, application/json",
        "content-type": "application/json",
    }
    body = b'{"query": "{ __typename }"}' if method == "POST" else b""
    response = server.client.request(method, "/graphql", content=body, headers=headers)
    return response.headers.get("access-control-allow-origin")


@pytest.mark.parametrize("origin", ALLOWED)
def test_an_allowed_origin(production: RunningServer, origin: str) -> None:
    """Its pages may ask, read the answer and open sockets."""
    assert _named(production, "OPTIONS", origin) == origin
    assert _named(production, "POST", origin) == origin
    with open_socket(production, bearer=SECRET_KEY, origin=origin) as socket:
        assert receive(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin(production: RunningServer, origin: str) -> None:
    """Its pages read nothing, and a socket of theirs is refused, whatever credential they have."""
    assert _named(production, "OPTIONS", origin) is None
    assert _named(production, "POST", origin) is None
    with (
        pytest.raises(InvalidStatus) as refusal,
        open_socket(production, bearer=SECRET_KEY, origin=origin),
    ):
        pass
    assert refusal.value.response.status_code == 403


def test_a_request_without_an_origin(production: RunningServer) -> None:
    """A POST passes no middleware, and its answer has the headers of a GET, which does."""
    headers = {"x-request-id": "same"}
    posted = production.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    got = production.client.get("/graphql", params={"query": "{ __typename }"}, headers=headers)
    assert posted.headers["vary"] == "accept, Origin"
    assert {**posted.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize("origin", [*ALLOWED, *FOREIGN])
def test_where_a_customer_comes_back_to(production: RunningServer, origin: str) -> None:
    """An address on an allowed origin is taken, one elsewhere refused at returnUrl."""
    collection = open_collection(production)
    inputs = {
        "paymentCollectionId": collection["id"],
        "providerId": "system",
        "returnUrl": f"{origin}/checkout?step=3",
    }
    answer = production.run(
        "front_end/02_create_payment_session", bearer=collection["clientSecret"], input=inputs
    )
    if origin in ALLOWED:
        assert answer["returnUrl"] == inputs["returnUrl"]
    else:
        assert failure(answer) == ("INVALID_INPUT", ["returnUrl"])
