"""Deliveries that fail: tried again for three days, given up, and sent again on demand."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from payments.model.ids import CollectionId, DeliveryId, EndpointId, EventId
from payments.model.instants import SECOND, Instant, after
from tests.conftest import CHECKED
from tests.support.flow.registering import (
    ALLOWED,
    delete_all,
    deliveries,
    ended,
    postpone,
    register,
)
from tests.support.flow.shop import authorize, open_collection, open_session
from tests.support.gateways.receiver import Receiver
from tests.support.program.ports import free_port
from tests.support.program.running import QUICK_RECOVERY, Json, RunningServer
from tests.support.waiting import until
from webhooks.deliveries import DeliverySchedule
from webhooks.limits import WEBHOOK_LEAST_TRIES
from webhooks.model import WebhookDelivery

FAST = {**ALLOWED, "TILLGRAPH_TEST_TIME_SCALE": "1000000"}
"""Three days are a quarter of a second."""

STEPS_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200)
DAYS_SECONDS = 3 * 86_400


@pytest.fixture(scope="module")
def fast_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server for which days pass in a moment."""
    folder = tmp_path_factory.mktemp("fast")
    running = RunningServer(folder, {**QUICK_RECOVERY, **FAST}, is_test_build=True)
    yield running.start()
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def fast(fast_server: RunningServer) -> Iterator[RunningServer]:
    """Return that server without any endpoint, before and after."""
    delete_all(fast_server)
    yield fast_server
    delete_all(fast_server)


def a_day_ago() -> str:
    """Write the instant of a day ago."""
    return (datetime.now(UTC) - timedelta(days=1)).isoformat()


def at(text: str) -> float:
    """Read an instant, in seconds."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.once
def test_it_is_tried_for_three_days(fast: RunningServer, receiver: Receiver) -> None:
    """Then it is given up, with its attempts in the delivery log, and the next event has its turn."""
    receiver.answer = lambda one: 500 if one.place[1] == 1 else 204
    endpoint = register(fast, receiver.url)
    collection = open_collection(fast)
    open_session(fast, collection["id"])
    second, first = ended(fast, endpoint, 2)
    assert (first["status"], second["status"]) == ("FAILED", "DELIVERED")
    assert first["nextAttemptAt"] is None
    assert len(first["attempts"]) >= WEBHOOK_LEAST_TRIES
    assert {one["responseStatus"] for one in first["attempts"]} == {500}
    took = at(first["endedAt"]) - at(first["event"]["occurredAt"])
    assert took >= DAYS_SECONDS / 1_000_000 - 0.002
    assert [one.place[1] for one in receiver.received][-1] == 2


@pytest.mark.once
def test_each_step_is_longer_than_the_one_before(
    telling: RunningServer, receiver: Receiver
) -> None:
    """The next attempt is told: 5 s, 30 s, 2 min and so on, with up to a tenth more so that not all come at once."""
    receiver.answer = lambda _: 503
    endpoint = register(telling, receiver.url)
    open_collection(telling)
    times = 0
    while times < len(STEPS_SECONDS):
        times, tried_at, next_at, one = _failed_again(telling, endpoint, times)
        step = STEPS_SECONDS[times - 1]
        assert step * SECOND <= next_at - tried_at <= step * 1.1 * SECOND
        assert at(one["nextAttemptAt"]) == pytest.approx(next_at / SECOND, abs=0.001)
        # It is tried now rather than at its time.
        telling.change("redeliverWebhook", {"id": one["id"]})


def _failed_again(server: RunningServer, endpoint: Json, times: int) -> tuple[int, int, int, Json]:
    """Wait until the one delivery has failed more often.

    Gives how often by now, when, when it is tried next, and what the delivery log says of it.
    """
    statement = (
        "SELECT tried_times, updated_at, next_attempt_at FROM webhook_deliveries"
        " WHERE endpoint_id = ? AND tried_times > ?"
    )

    def look() -> tuple[int, int, int, Json] | None:
        found = server.rows(statement, endpoint["id"], times)
        told = deliveries(server, endpoint)
        # On a slow machine it may have been tried once more in between.
        is_whole = found and server.rows(statement, endpoint["id"], times) == found
        return (*found[0], told[0]) if is_whole else None

    found = until(look)
    assert found is not None
    return found


def _delivery(tried_times: int, tried_since: Instant) -> WebhookDelivery:
    return WebhookDelivery(
        id=DeliveryId("whdl_1"),
        endpoint_id=EndpointId("whep_1"),
        event_id=EventId("evt_1"),
        position=1,
        sequence=1,
        lane=CollectionId("pay_col_1"),
        tried_since=tried_since,
        created_at=tried_since,
        updated_at=tried_since,
        tried_times=tried_times,
    )


@pytest.mark.once
@pytest.mark.parametrize(
    ("tried_times", "seconds", "least", "most"),
    [
        (1, DAYS_SECONDS - 1, 1, 1),
        (9, DAYS_SECONDS - 1, 1, 1),
        (WEBHOOK_LEAST_TRIES - 1, DAYS_SECONDS, 1_800, 1_980),
        (1, 10 * DAYS_SECONDS, 5, 5.5),
        (WEBHOOK_LEAST_TRIES, DAYS_SECONDS, None, None),
        (20, DAYS_SECONDS, None, None),
    ],
)
def test_the_last_step_ends_with_the_three_days(
    tried_times: int, seconds: int, least: float | None, most: float | None
) -> None:
    """The last try is at their end; what waited after another one has six tries all the same."""
    since = Instant(1_000_000 * SECOND)
    now = after(since, seconds)
    found = DeliverySchedule().next_attempt_at(_delivery(tried_times, since), now)
    if least is None or most is None:
        assert found is None
    else:
        assert found is not None
        assert after(now, least) <= found <= after(now, most)


def test_nobody_listens(fast: RunningServer) -> None:
    """A refused connection is a failed attempt like any other."""
    endpoint = register(fast, f"http://127.0.0.1:{free_port()}/")
    open_collection(fast)
    (one,) = ended(fast, endpoint, 1)
    assert one["status"] == "FAILED"
    assert {attempt["failure"] for attempt in one["attempts"]} == {"CONNECTION"}
    assert {attempt["responseStatus"] for attempt in one["attempts"]} == {None}


def test_what_failed_is_recovered_in_order(fast: RunningServer, receiver: Receiver) -> None:
    """Every failed delivery is sent again, each collection's in its order, bearing the same id and body as before."""
    receiver.answer = lambda _: 500
    endpoint = register(fast, receiver.url)
    for _ in range(2):
        authorize(fast, open_session(fast, open_collection(fast)["id"])["id"])
    assert {one["status"] for one in ended(fast, endpoint, 8)} == {"FAILED"}
    before = len(receiver.received)
    receiver.answer = lambda _: 204
    fast.change("recoverWebhookEndpoint", {"id": endpoint["id"], "since": a_day_ago()})
    receiver.wait_for(before + 8)
    until(lambda: {one["status"] for one in deliveries(fast, endpoint)} == {"DELIVERED"})
    again = receiver.received[before:]
    assert Counter(one.place[0] for one in again) == Counter(
        dict.fromkeys({one.place[0] for one in again}, 4)
    )
    for collection in {one.place[0] for one in again}:
        assert [one.place[1] for one in again if one.place[0] == collection] == [1, 2, 3, 4]
    first = {one.event_id: one for one in receiver.received[:before]}
    for one in again:
        assert one.body == first[one.event_id].body
        assert one.headers["webhook-id"] == first[one.event_id].headers["webhook-id"]
        one.verified(endpoint["secret"])


def test_recovery_takes_what_was_made_since(fast: RunningServer, receiver: Receiver) -> None:
    """A delivery that failed before the given time stays as it is."""
    receiver.answer = lambda _: 500
    endpoint = register(fast, receiver.url)
    open_collection(fast)
    ended(fast, endpoint, 1)
    fast.change("recoverWebhookEndpoint", {"id": endpoint["id"], "since": "2999-01-01T00:00:00Z"})
    assert [one["status"] for one in deliveries(fast, endpoint)] == ["FAILED"]


def test_recovery_hurries_what_waits(telling: RunningServer, receiver: Receiver) -> None:
    """An endpoint that was mended need not wait for the next step of each of its collections."""
    receiver.answer = lambda _: 500
    endpoint = register(telling, receiver.url)
    for _ in range(3):
        open_collection(telling)
    # One after the other is tried while the endpoint fails.
    until(lambda: all(one["attempts"] for one in deliveries(telling, endpoint)))
    receiver.answer = lambda _: 204
    postpone(telling, endpoint)
    telling.change("recoverWebhookEndpoint", {"id": endpoint["id"], "since": a_day_ago()})
    assert len(ended(telling, endpoint, 3)) == 3


def test_recovery_goes_back_thirty_days(telling: RunningServer) -> None:
    """Older deliveries are no longer kept, so that recovering them could send them again."""
    endpoint = register(telling, "https://8.8.8.8/")
    since = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    refused = telling.change("recoverWebhookEndpoint", {"id": endpoint["id"], "since": since})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["since"])


def test_a_delivery_is_sent_again(telling: RunningServer, receiver: Receiver) -> None:
    """One that was taken too; by itself, whatever else of its collection waits."""
    endpoint = register(telling, receiver.url)
    collection = open_collection(telling)
    (one,) = ended(telling, endpoint, 1)
    receiver.answer = lambda one: 500 if one.place[1] == 2 else 204
    open_session(telling, collection["id"])
    until(lambda: [one for one in _pending(telling, endpoint) if one["attempts"]])
    postpone(telling, endpoint)
    answer = telling.change("redeliverWebhook", {"id": one["id"]})
    assert (answer["status"], answer["nextAttemptAt"]) == ("PENDING", None)
    receiver.wait(lambda all: [one.place[1] for one in all].count(1) == 2)
    # On a slow machine the other event is tried again before it is put off.
    places = [one.place[1] for one in receiver.received]
    assert (places[:2], places[-1], set(places)) == ([1, 2], 1, {1, 2})
    assert receiver.received[0].body == receiver.received[-1].body
    found = until(lambda: _delivered(telling, endpoint, one["id"]))
    assert [attempt["responseStatus"] for attempt in found["attempts"]] == [204, 204]


def _pending(server: RunningServer, endpoint: Json) -> list[Json]:
    return deliveries(server, endpoint, status="PENDING")


def _delivered(server: RunningServer, endpoint: Json, id: str) -> Json:
    found = next(one for one in deliveries(server, endpoint) if one["id"] == id)
    return found if found["status"] == "DELIVERED" else {}


def test_a_disabled_endpoint_is_sent_nothing_again(
    telling: RunningServer, receiver: Receiver
) -> None:
    """The refusal says what to do first."""
    endpoint = register(telling, receiver.url)
    open_collection(telling)
    (one,) = ended(telling, endpoint, 1)
    telling.change("updateWebhookEndpoint", {"id": endpoint["id"], "isEnabled": False})
    for mutation, values in (
        ("redeliverWebhook", {"id": one["id"]}),
        ("recoverWebhookEndpoint", {"id": endpoint["id"], "since": a_day_ago()}),
    ):
        refused = telling.change(mutation, values)
        assert (refused["__typename"], refused["code"]) == ("RequestRejected", "INVALID_STATE")
    assert len(receiver.received) == 1


def test_what_ended_long_ago_is_cleared(
    make_server: Callable[..., RunningServer], receiver: Receiver
) -> None:
    """Thirty days after its end a delivery is deleted, when a server starts and each hour; the event stays."""
    server = make_server(**ALLOWED).start()
    endpoint = register(server, receiver.url)
    open_collection(server)
    ended(server, endpoint, 1)
    open_collection(server)
    ended(server, endpoint, 2)
    old = min(server.rows("SELECT ended_at, id FROM webhook_deliveries"))[1]
    thirty_days = 30 * 86_400 * 1_000_000
    server.rows(
        "UPDATE webhook_deliveries SET ended_at = ended_at - ? WHERE id = ?", thirty_days, old
    )
    until(lambda: server.rows("SELECT lane FROM webhook_lanes") == [])
    server.kill()
    server.start()
    until(lambda: len(deliveries(server, endpoint)) == 1)
    assert [one["id"] for one in deliveries(server, endpoint)] != [old]
    assert len(server.run("back_end/11_list_payment_events")["edges"]) == 2
