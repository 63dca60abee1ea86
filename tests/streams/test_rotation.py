"""A client secret that is replaced opens nothing any more, and ends what it has open."""

import pytest
from websockets.exceptions import ConnectionClosed

from tests.streams.conftest import both
from tests.support.callers.log import WATCH, touch, types_of
from tests.support.callers.sockets import receive
from tests.support.callers.streams import assert_refused, following, open_acknowledged, subscribe
from tests.support.flow.shop import authorize, open_collection, open_session
from tests.support.program.running import Json, RunningServer

pytestmark = pytest.mark.once

SHOW = "query ($id: ID!) { paymentCollection(id: $id) { id status } }"


def rotate(server: RunningServer, id: str) -> str:
    """Replace a collection's client secret; return the new one."""
    rotated = server.change("rotateClientSecret", {"paymentCollectionId": id})
    assert rotated["__typename"] == "PaymentCollection", rotated
    return str(rotated["clientSecret"])


def assert_rotation_ends(server: RunningServer, transport: str, collection: Json) -> None:
    """Follow with a collection's secret, rotate it, and hold the stream to its end before any further item."""
    variables = {"id": collection["id"]}
    secret = collection["clientSecret"]
    with following(server, transport, WATCH, variables, bearer=secret) as stream:
        stream.next()
        touch(server, collection["id"], "before")
        assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"
        rotate(server, collection["id"])
        touch(server, collection["id"], "after")
        assert_refused(stream, transport)


@both
def test_a_replaced_secret_ends_its_streams(keyed: RunningServer, transport: str) -> None:
    """Over both transports, before anything that comes after the rotation."""
    assert_rotation_ends(keyed, transport, open_collection(keyed))


@both
def test_the_new_secret_follows_on(keyed: RunningServer, transport: str) -> None:
    """A stream of the new secret is not ended, and a back end's neither."""
    collection = open_collection(keyed)
    variables = {"id": collection["id"]}
    with following(keyed, transport, WATCH, variables) as of_back_end:
        of_back_end.next()
        secret = rotate(keyed, collection["id"])
        assert of_back_end.next()["event"]["type"] == "COLLECTION_UPDATED"
        with following(keyed, transport, WATCH, variables, bearer=secret) as stream:
            stream.next()
            touch(keyed, collection["id"], "later")
            assert stream.next()["event"]["type"] == "COLLECTION_UPDATED"


def test_a_replaced_secret_opens_nothing(keyed: RunningServer) -> None:
    """401 over HTTP; the new one reads; each rotation is one event."""
    collection = open_collection(keyed)
    old = collection["clientSecret"]
    new = rotate(keyed, collection["id"])
    assert new != old
    assert keyed.post(SHOW, {"id": collection["id"]}, bearer=old).status_code == 401
    shown = keyed.execute(SHOW, {"id": collection["id"]}, bearer=new)
    assert shown["paymentCollection"]["id"] == collection["id"]
    assert types_of(keyed, collection["id"]) == ["COLLECTION_CREATED", "COLLECTION_UPDATED"]


def test_a_socket_that_is_open_asks_nothing_more(keyed: RunningServer) -> None:
    """A query on a socket that the old secret had opened closes it with 4403."""
    collection = open_collection(keyed)
    with open_acknowledged(keyed, collection["clientSecret"]) as socket:
        subscribe(socket, "1", SHOW, {"id": collection["id"]})
        assert receive(socket)["type"] == "next"
        assert receive(socket)["type"] == "complete"
        rotate(keyed, collection["id"])
        subscribe(socket, "2", SHOW, {"id": collection["id"]})
        with pytest.raises(ConnectionClosed) as closed:
            receive(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


def test_keys_are_the_browsers_whatever_their_secret(keyed: RunningServer) -> None:
    """An idempotency key that was used with the old secret answers the same with the new one."""
    collection = open_collection(keyed)
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "idempotencyKey": "cart",
    }
    first = keyed.change("createPaymentSession", values, bearer=collection["clientSecret"])
    new = rotate(keyed, collection["id"])
    again = keyed.change("createPaymentSession", values, bearer=new)
    assert again["id"] == first["id"]


def test_rotating_leaves_payments_alone(keyed: RunningServer) -> None:
    """The secret of a paid collection can be replaced, and the payment stays."""
    collection = open_collection(keyed)
    session = open_session(keyed, collection["id"])
    assert authorize(keyed, session["id"])["__typename"] == "Payment"
    new = rotate(keyed, collection["id"])
    shown = keyed.execute(SHOW, {"id": collection["id"]}, bearer=new)
    assert shown["paymentCollection"]["status"] == "AUTHORIZED"
