"""Access at two servers on one database: what one is told holds at the other one at once."""

from collections.abc import Iterator

import pytest

from tests.streams.conftest import SECRET_KEY
from tests.streams.test_key_changes import ends
from tests.support.log import WATCH, touch
from tests.support.running import URL, RunningServer
from tests.support.shop import capture, open_collection, open_session, pay, refund
from tests.support.streams import TRANSPORTS, following

Two = tuple[RunningServer, RunningServer]

HOURS = 0.001
"""Of a client secret: 3.6 seconds, long enough to open a stream."""

both = pytest.mark.parametrize("transport", TRANSPORTS)


def _two(factory: pytest.TempPathFactory, **settings: str) -> Iterator[Two]:
    folder = factory.mktemp("here")
    shared = {
        "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
        "TILLGRAPH_SIGNING_KEYS": "the-signing-key-of-two-servers",
        "TILLGRAPH_SANDBOX_DATABASE": str(folder / "tillgraph-sandbox.db"),
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": "the-webhook-secret-of-two-servers",
        **settings,
    }
    here = RunningServer(folder, shared)
    there = RunningServer(factory.mktemp("there"), {**shared, URL: here.database})
    here.credential = there.credential = SECRET_KEY
    try:
        yield here.start(), there.start()
    finally:
        there.close()
        here.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Give two servers that take each other's client secrets."""
    yield from _two(tmp_path_factory)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Give two servers whose client secrets end soon."""
    yield from _two(tmp_path_factory, TILLGRAPH_CLIENT_SECRET_HOURS=str(HOURS))


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
        ends(stream, transport)
        assert of_back_end.next()["event"]["type"] == "COLLECTION_UPDATED"
    assert there.post(WATCH, variables, bearer=secret).status_code == 401


@both
def test_a_stream_ends_when_its_secret_does(brief: Two, transport: str) -> None:
    """By time, in the middle of what it follows, at a server that never was told of it."""
    here, there = brief
    collection = open_collection(here)
    variables = {"id": collection["id"]}
    secret = collection["clientSecret"]
    with following(there, transport, WATCH, variables, bearer=secret) as stream:
        stream.next()
        touch(here, collection["id"], "in time")
        assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"
        ends(stream, transport)
    assert there.post(WATCH, variables, bearer=secret).status_code == 401


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
