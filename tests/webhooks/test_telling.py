"""The events that an endpoint receives, their order, and how it knows who sent them."""

from collections import Counter
from collections.abc import Callable

import pytest
from standardwebhooks import WebhookVerificationError

from tests.support.flow.registering import PAYING, deliveries, ended, endpoints, register
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.gateways.receiver import Receiver
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

EVENT = """
query ($id: ID!) { node(id: $id) { ... on PaymentEvent {
  id cursor source amount failureCode declineCode collectionStatus sessionStatus paymentStatus type occurredAt
  paymentCollection { id currencyCode } paymentSession { id } payment { id } capture { id } refund { id }
} } }
"""
REFERRED = ("paymentSession", "payment", "capture", "refund")


def test_every_event_is_told_once_and_in_order(telling: RunningServer, receiver: Receiver) -> None:
    """A payment from its collection to its refund: the log, one request for each event, in its order."""
    register(telling, receiver.url)
    payment = pay(telling)
    capture(telling, payment["id"], amount="60.00", isFinal=True)
    refund(telling, payment["id"], amount="10.00")
    collection = payment["paymentCollection"]["id"]
    log = telling.run("back_end/02_show_payment_collection", id=collection)["events"]["edges"]
    received = receiver.wait_for(len(log))
    assert [one.told["data"]["cursor"] for one in received] == [edge["cursor"] for edge in log]
    assert [one.place[1] for one in received] == list(range(1, len(log) + 1))


def test_what_is_told_is_the_event(telling: RunningServer, receiver: Receiver) -> None:
    """The body holds what the API says of the event, by the same names; ids stand for objects."""
    register(telling, receiver.url, eventTypes=["PAYMENT_CAPTURED", "PAYMENT_REFUNDED"])
    payment = pay(telling, "12.30", currency="EUR")
    capture(telling, payment["id"])
    refund(telling, payment["id"], amount="2.30")
    for one in receiver.wait_for(2):
        told = one.told
        event = telling.execute(EVENT, {"id": one.event_id})["node"]
        collection = event.pop("paymentCollection")
        expected = {
            **{f"{name}Id": (event.pop(name) or {"id": None})["id"] for name in REFERRED},
            "paymentCollectionId": collection["id"],
            "currencyCode": collection["currencyCode"],
            "sequence": one.place[1],
            "disputeId": None,
        }
        assert (told["type"], told["timestamp"]) == (event.pop("type"), event.pop("occurredAt"))
        assert told["data"] == {**expected, **event}
    assert [one.told["data"]["amount"] for one in receiver.received] == ["12.30", "2.30"]


@pytest.mark.once
def test_it_is_signed_for_this_endpoint(
    telling: RunningServer, make_receiver: Callable[[], Receiver]
) -> None:
    """The library of the scheme verifies it with the endpoint's secret, and with no other one."""
    first, second = make_receiver(), make_receiver()
    own, other = register(telling, first.url), register(telling, second.url)
    collection = open_collection(telling)
    (one,), (two,) = first.wait_for(1), second.wait_for(1)
    assert own["secret"] != other["secret"]
    told = one.verified(own["secret"])
    assert told["data"]["paymentCollectionId"] == collection["id"]
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == told["data"]["id"]
    assert one.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        one.verified(other["secret"])


def test_a_new_secret_signs_beside_the_one_before(
    telling: RunningServer, receiver: Receiver
) -> None:
    """For a day a receiver verifies with either of them; the newest is the one that is shown."""
    before = register(telling, receiver.url)
    rotated = telling.change("rotateWebhookSecret", {"id": before["id"]})
    assert rotated["secret"] != before["secret"]
    open_collection(telling)
    (one,) = receiver.wait_for(1)
    assert one.verified(before["secret"]) == one.verified(rotated["secret"])
    assert len(one.headers["webhook-signature"].split(" ")) == 2
    # The day is over.
    telling.rows(
        "UPDATE webhook_endpoints SET previous_secret_ends_at = 1 WHERE id = ?", before["id"]
    )
    open_collection(telling)
    two = receiver.wait_for(2)[1]
    two.verified(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        two.verified(before["secret"])


def test_only_the_wanted_types_are_told(
    telling: RunningServer, make_receiver: Callable[[], Receiver]
) -> None:
    """One that wants everything gets what another one does not."""
    all_types, captures = make_receiver(), make_receiver()
    register(telling, all_types.url)
    endpoint = register(telling, captures.url, eventTypes=["PAYMENT_CAPTURED"])
    capture(telling, pay(telling)["id"])
    all_types.wait(lambda all: "PAYMENT_CAPTURED" in {one.told["type"] for one in all})
    captures.wait_for(1)
    assert [one.told["type"] for one in captures.received] == ["PAYMENT_CAPTURED"]
    assert len(deliveries(telling, endpoint)) == 1
    assert len(all_types.received) > 3


def test_what_was_before_is_not_told(telling: RunningServer, receiver: Receiver) -> None:
    """An endpoint is told of what happens from its registration on."""
    early = open_collection(telling)
    register(telling, receiver.url)
    late = open_collection(telling)
    receiver.wait_for(1)
    assert early["id"] != late["id"]
    assert [one.place for one in receiver.received] == [(late["id"], 1)]


def test_a_failing_event_holds_up_its_collection_alone(
    telling: RunningServer, receiver: Receiver
) -> None:
    """Later events of that collection wait for it; another collection's arrive meanwhile."""
    stuck: set[str] = set()
    receiver.answer = lambda one: 500 if one.place[0] in stuck and one.place[1] == 2 else 204
    endpoint = register(telling, receiver.url)
    held, free = open_collection(telling), open_collection(telling)
    receiver.wait_for(2)
    stuck.add(held["id"])
    for collection in (held, free):
        authorize(telling, open_session(telling, collection["id"])["id"])
    receiver.wait(lambda all: sum(one.place[0] == free["id"] for one in all) == len(PAYING))
    receiver.wait(lambda all: (held["id"], 2) in [one.place for one in all])
    assert {one.place[1] for one in receiver.received if one.place[0] == held["id"]} == {1, 2}
    waiting = until(
        lambda: (
            (found := _pending(telling, endpoint, len(PAYING) - 1))
            and found[-1]["attempts"]
            and found
        )
    )
    assert [one["event"]["type"] for one in waiting] == PAYING[:0:-1]
    first = waiting[-1]
    assert {one["failure"] for one in first["attempts"]} == {"STATUS"}
    assert first["attempts"][0]["responseStatus"] == 500
    assert first["nextAttemptAt"] is not None
    assert waiting[0]["attempts"] == []
    stuck.clear()
    # It is tried now rather than in five seconds.
    telling.change("redeliverWebhook", {"id": first["id"]})
    receiver.wait(lambda all: (held["id"], 4) in [one.place for one in all])
    of_held = [one.place[1] for one in receiver.received if one.place[0] == held["id"]]
    # Where this takes longer than a step, the second one is tried once more.
    assert list(dict.fromkeys(of_held)) == sorted(set(of_held)) == [1, 2, 3, 4]
    assert of_held.count(2) >= 2


def _pending(server: RunningServer, endpoint: Json, count: int) -> list[Json]:
    found = deliveries(server, endpoint, status="PENDING")
    return found if len(found) == count else []


@pytest.mark.once
def test_a_redirect_is_not_followed(telling: RunningServer, receiver: Receiver) -> None:
    """Another address might be one that may not be sent to."""
    receiver.answer = lambda _: 307
    endpoint = register(telling, receiver.url)
    open_collection(telling)
    receiver.wait_for(1)
    (one,) = until(lambda: [one for one in deliveries(telling, endpoint) if one["attempts"]])
    attempt = one["attempts"][0]
    assert (attempt["responseStatus"], attempt["failure"]) == (307, "STATUS")
    assert {one.path for one in receiver.received} == {"/webhooks"}


def test_one_that_is_gone_is_disabled(telling: RunningServer, receiver: Receiver) -> None:
    """An endpoint that answers 410 is asked no more until somebody enables it again."""
    receiver.answer = lambda _: 410
    endpoint = register(telling, receiver.url)
    open_collection(telling)
    until(lambda: not endpoints(telling)[0]["isEnabled"])
    second = open_collection(telling)
    assert len(deliveries(telling, endpoint)) == 1
    assert len(receiver.received) == 1
    receiver.answer = lambda _: 204
    telling.change("updateWebhookEndpoint", {"id": endpoint["id"], "isEnabled": True})
    third = open_collection(telling)
    receiver.wait(lambda all: (third["id"], 1) in [one.place for one in all])
    # What had failed before goes on at once; what happened meanwhile is sent when it is requested.
    assert len(deliveries(telling, endpoint)) == 2
    telling.change("recoverWebhookEndpoint", {"id": endpoint["id"], "since": endpoint["createdAt"]})
    receiver.wait(lambda all: (second["id"], 1) in [one.place for one in all])
    ended(telling, endpoint, 3)
    assert Counter(one.place[0] for one in receiver.received[1:]).keys() >= {second["id"]}
    assert len(deliveries(telling, endpoint)) == 3


def test_one_that_was_moved_is_not_disabled_by_its_old_address(
    telling: RunningServer, make_receiver: Callable[[], Receiver]
) -> None:
    """A 410 that comes when the address was changed already says nothing of the new one."""
    old, new = make_receiver(), make_receiver()
    go_on = old.hold(410)
    endpoint = register(telling, old.url)
    open_collection(telling)
    old.wait_for(1)
    telling.change("updateWebhookEndpoint", {"id": endpoint["id"], "url": new.url})
    go_on.set()
    until(lambda: deliveries(telling, endpoint)[0]["attempts"])
    # What failed at the old address goes to the new one as soon as somebody asks.
    telling.change("redeliverWebhook", {"id": deliveries(telling, endpoint)[0]["id"]})
    new.wait_for(1)
    assert endpoints(telling)[0]["isEnabled"] is True


def test_a_deleted_one_is_told_nothing_more(
    telling: RunningServer, make_receiver: Callable[[], Receiver]
) -> None:
    """Its deliveries are gone with it."""
    receiver, other = make_receiver(), make_receiver()
    endpoint = register(telling, receiver.url)
    open_collection(telling)
    (one,) = ended(telling, endpoint, 1)
    assert telling.change("deleteWebhookEndpoint", {"id": endpoint["id"]})["id"] == endpoint["id"]
    register(telling, other.url)
    open_collection(telling)
    other.wait_for(1)
    assert len(receiver.received) == 1
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for id in (endpoint["id"], one["id"]):
        assert telling.execute(query, {"id": id}) == {"node": None}
