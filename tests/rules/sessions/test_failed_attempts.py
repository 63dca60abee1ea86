"""Somebody who tries out cards with a collection's client secret is stopped after twenty failures."""

from functools import partial
from typing import Any

import pytest

from tests.support.flow.looking import effect_facts, session_status
from tests.support.flow.meanwhile import at_once, patiently
from tests.support.flow.shop import authorize, new_key, open_collection, open_session
from tests.support.program.running import Json, RunningServer

MOST = 20
TOO_OFTEN = "At most 20 attempts may fail: a back end has to open the next session."


@pytest.fixture
def shop(server: RunningServer) -> tuple[Json, Json]:
    """Return a collection and a session of it that declines, opened by its browser."""
    collection = open_collection(server)
    inputs = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"token": "decline"},
    }
    session = server.change("createPaymentSession", inputs, bearer=collection["clientSecret"])
    return collection, session


def tried(server: RunningServer, collection: Json, session: Json, **more: Any) -> Json:
    """Let the browser authorize; return what comes of it."""
    inputs = {"id": session["id"], **more}
    return server.change("authorizePaymentSession", inputs, bearer=collection["clientSecret"])


def fail(server: RunningServer, collection: Json, session: Json, times: int = MOST) -> None:
    """Let the browser fail so many times."""
    codes = [tried(server, collection, session)["code"] for _ in range(times)]
    assert codes == ["DECLINED"] * times


def have_failed(server: RunningServer, collection: Json, times: int = MOST) -> None:
    """Put down that a collection's browser has failed so many times, as `fail` does."""
    server.rows(
        "UPDATE payment_collections SET failed_attempts = ? WHERE id = ?", times, collection["id"]
    )


def refusal_facts(answer: Json) -> tuple[str, str, bool]:
    """Return what a refusal says."""
    return answer["code"], answer["message"], answer["retryable"]


def test_the_twenty_first_attempt_is_refused(
    server: RunningServer, shop: tuple[Json, Json]
) -> None:
    """INVALID_STATE, with a good card too, and the gateway is not asked; in whichever session."""
    collection, session = shop
    other = open_session(server, collection["id"], "approve")
    fail(server, collection, session)
    for one in (session, other):
        answer = tried(server, collection, one, data={"token": "approve"})
        assert refusal_facts(answer) == ("INVALID_STATE", TOO_OFTEN, False)
    assert [result for _, _, result, _ in effect_facts(server, session["id"])] == [
        "declined"
    ] * MOST
    assert effect_facts(server, other["id"]) == []
    assert session_status(server, session["id"]) == "ERROR"


def test_no_session_is_opened_any_more(server: RunningServer, shop: tuple[Json, Json]) -> None:
    """A gateway's own library could try further cards in it."""
    collection, _ = shop
    have_failed(server, collection)
    id = collection["id"]
    for mutation, more in (
        ("createPaymentSession", {"providerId": "sandbox"}),
        ("createPaymentSessions", {}),
    ):
        answer = server.change(
            mutation, {"paymentCollectionId": id, **more}, bearer=collection["clientSecret"]
        )
        assert refusal_facts(answer) == ("INVALID_STATE", TOO_OFTEN, False)
    assert server.rows("SELECT count(*) FROM payment_sessions WHERE collection_id = ?", id) == [
        (1,)
    ]


def test_a_back_end_opens_it_again(server: RunningServer, shop: tuple[Json, Json]) -> None:
    """A session that the secret key opens counts from the start, for every session of the collection."""
    collection, session = shop
    have_failed(server, collection)
    fresh = open_session(server, collection["id"])
    tried_again = server.rows(
        "SELECT failed_attempts FROM payment_collections WHERE id = ?", collection["id"]
    )
    assert tried_again == [(0,)]
    fail(server, collection, session, 1)
    payment = tried(server, collection, fresh)
    assert (payment["__typename"], payment["status"]) == ("Payment", "AUTHORIZED")


def test_a_back_end_is_not_bound(server: RunningServer, shop: tuple[Json, Json]) -> None:
    """The secret key authorizes what the browser may not, and its own failures are no reason to stop it."""
    collection, session = shop
    have_failed(server, collection)
    assert authorize(server, session["id"])["code"] == "DECLINED"
    assert authorize(server, session["id"], data={"token": "approve"})["__typename"] == "Payment"


def test_what_is_no_failure_does_not_count(server: RunningServer, shop: tuple[Json, Json]) -> None:
    """A gateway that is not reached has tried no card, and asking again with a key tries none."""
    collection, session = shop
    have_failed(server, collection, MOST - 2)
    key = new_key()
    for _ in range(2):
        answer = tried(server, collection, session, data={"token": "unavailable"})
        assert answer["code"] == "PROVIDER_UNAVAILABLE"
        assert tried(server, collection, session, idempotencyKey=key)["code"] == "DECLINED"
    fail(server, collection, session, 1)
    assert refusal_facts(tried(server, collection, session))[0] == "INVALID_STATE"


def test_a_customer_who_is_acting_may_come_back(server: RunningServer) -> None:
    """A challenge that had begun before attempts were refused can still be answered, and pays."""
    collection = open_collection(server)
    challenged = open_session(server, collection["id"], "challenge")
    assert tried(server, collection, challenged)["__typename"] == "RequiresMoreAction"
    declining = open_session(server, collection["id"], "decline")
    have_failed(server, collection)
    assert refusal_facts(tried(server, collection, declining))[0] == "INVALID_STATE"
    server.client.post(
        f"/sandbox/challenges/{challenged['id']}", json={"result": "approve"}
    ).raise_for_status()
    assert tried(server, collection, challenged)["__typename"] == "Payment"


def test_many_at_once_are_no_way_around(server: RunningServer) -> None:
    """Forty attempts in parallel, each in a session of its own: twenty reach the gateway at most."""
    collection = open_collection(server, allowsSplitPayment=True)
    sessions = [
        open_session(server, collection["id"], "decline", amount="1.00") for _ in range(2 * MOST)
    ]

    def attempt(session: Json) -> Json:
        inputs = {"id": session["id"], "idempotencyKey": new_key()}
        secret = collection["clientSecret"]
        return patiently(server, "authorizePaymentSession", inputs, bearer=secret)

    answers = [one["code"] for one in at_once([partial(attempt, one) for one in sessions])]
    asked = [effect for one in sessions for effect in effect_facts(server, one["id"])]
    assert len(asked) == answers.count("DECLINED") <= MOST
    assert set(answers) <= {"DECLINED", "INVALID_STATE"}
    assert answers.count("INVALID_STATE") >= MOST
