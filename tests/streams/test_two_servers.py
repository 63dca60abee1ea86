"""Access at two servers on one database: what one is told holds at the other one at once."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from payments.model import instants
from tests.streams.conftest import SECRET_KEY, both
from tests.support.callers.log import WATCH, touch
from tests.support.callers.streams import Ended, assert_refused, following
from tests.support.flow.shop import capture, new_key, open_collection, open_session, pay, refund
from tests.support.program.running import URL, RunningServer

Two = tuple[RunningServer, RunningServer]

FIRST_LIFE_SECONDS = 0.3
"""Of a client secret that is to end soon; a machine that is slower than that is given longer ones."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Return two servers that take each other's client secrets."""
    folder = tmp_path_factory.mktemp("here")
    shared = {
        "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
        "TILLGRAPH_SIGNING_KEYS": "the-signing-key-of-two-servers",
        "TILLGRAPH_SANDBOX_DATABASE": str(folder / "tillgraph-sandbox.db"),
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": "the-webhook-secret-of-two-servers",
    }
    here = RunningServer(folder, shared)
    there = RunningServer(tmp_path_factory.mktemp("there"), {**shared, URL: here.database})
    here.credential = there.credential = SECRET_KEY
    yield here.start(), there.start()
    there.close()
    here.close()


@both
def test_a_secret_that_is_replaced_at_one_ends_streams_at_the_other(
    two: Two, transport: str
) -> None:
    """Before anything further is sent; it opens nothing there any more, and a back end's stream goes on."""
    here, there = two
    collection = open_collection(here)
    variables = {"id": collection["id"]}
    secret = collection["clientSecret"]
    with (
        following(there, transport, WATCH, variables, bearer=secret) as stream,
        following(there, transport, WATCH, variables) as of_back_end,
    ):
        for one in (stream, of_back_end):
            one.next()
        here.change("rotateClientSecret", {"paymentCollectionId": collection["id"]})
        touch(here, collection["id"], "after")
        assert_refused(stream, transport)
        assert of_back_end.next()["event"]["type"] == "COLLECTION_UPDATED"
    assert there.post(WATCH, variables, bearer=secret).status_code == 401


@both
def test_a_stream_ends_when_its_secret_does(two: Two, transport: str) -> None:
    """By time, in the middle of what it follows, at a server that never was told of it."""
    here, there = two
    collection = open_collection(here)
    seconds = FIRST_LIFE_SECONDS
    while (secret := followed_to_its_end(two, transport, collection["id"], seconds)) is None:
        seconds *= 2
    assert there.post(WATCH, {"id": collection["id"]}, bearer=secret).status_code == 401


def followed_to_its_end(two: Two, transport: str, id: str, seconds: float) -> str | None:
    """Follow with a secret that ends soon until it does, and return it; None where it ended before anything came."""
    here, there = two
    ends_at = instants.now() + round(seconds * instants.SECOND)
    here.rows("UPDATE payment_collections SET secret_ends_at = ? WHERE id = ?", ends_at, id)
    query = "query ($id: ID!) { paymentCollection(id: $id) { clientSecret } }"
    secret: str = here.execute(query, {"id": id})["paymentCollection"]["clientSecret"]
    try:
        with following(there, transport, WATCH, {"id": id}, bearer=secret) as stream:
            stream.next()
            touch(here, id, new_key())
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"
            assert_refused(stream, transport)
    except (Ended, ConnectionClosed):
        return None
    return secret


def test_a_provider_that_is_disabled_at_one_opens_nothing_at_the_other(two: Two) -> None:
    """From the next request on; what was paid there is captured and refunded all the same."""
    here, there = two
    payment, collection = pay(here), open_collection(here)
    inputs = {"paymentCollectionId": collection["id"], "providerId": "sandbox"}
    here.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": False})
    try:
        refused = there.change("createPaymentSession", inputs)
        assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])
        assert there.execute("{ paymentProviders { id } }")["paymentProviders"] == [
            {"id": "system"}
        ]
        assert capture(there, payment["id"])["status"] == "CAPTURED"
        assert refund(there, payment["id"])["status"] == "REFUNDED"
    finally:
        here.change("updatePaymentProvider", {"id": "sandbox", "isEnabled": True})
    assert open_session(there, collection["id"])["status"] == "PENDING"
