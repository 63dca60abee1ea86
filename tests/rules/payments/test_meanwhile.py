"""Events during a request to a gateway: a proxy holds the request until the test has seen what it looks for."""

from collections.abc import Iterator

import pytest

from tests.rules.payments.movements import KIND, Kind
from tests.support.flow.looking import (
    amounts_of,
    answer_challenge,
    effect_facts,
    events_of,
    payment_of,
    session_status,
    sums_of,
    unmoved,
)
from tests.support.flow.meanwhile import held, joined, until_event
from tests.support.flow.shop import (
    authorize,
    capture,
    new_key,
    open_collection,
    open_session,
    open_with_session,
    pay,
)
from tests.support.gateways.sites import Site, site
from tests.support.program.running import LONG_WAITS, Json


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a server, its gateway, and the proxy between them that holds asks."""
    folder = tmp_path_factory.mktemp("meanwhile")
    with site(folder, settings=LONG_WAITS) as made:
        # An authorization that is captured at once has no capture of its own in the ledger.
        made.is_ledger_true = False
        yield made


def paid(shop: Site) -> tuple[str, str, str]:
    """Pay 100.00, and return the ids of payment, session and collection."""
    payment = pay(shop.server)
    return payment["id"], payment["paymentSession"]["id"], payment["paymentCollection"]["id"]


def cancel(shop: Site, collection: str) -> None:
    """Cancel a collection."""
    canceled = shop.server.change("cancelPaymentCollection", {"id": collection})
    assert canceled["status"] == "CANCELED"


def test_joining_an_attempt(shop: Site) -> None:
    """A call while the gateway is at it waits for the outcome and gets the same payment."""
    collection, session = open_with_session(shop.server)

    def join() -> Json:
        return authorize(shop.server, session, data={"token": "decline"})

    with (
        held(shop, session, lambda: authorize(shop.server, session)) as first,
        joined(shop.server, collection, join) as second,
    ):
        shop.between.let_go()
    assert second.result()["__typename"] == "Payment"
    assert first.result()["id"] == second.result()["id"]
    assert effect_facts(shop.server, session) == [("authorize", "100.00", "approved", "100.00")]


def test_an_unknown_outcome_counts_as_in_flight(shop: Site) -> None:
    """Another session finds no room, and its gateway is not asked."""
    collection, first = open_with_session(shop.server)
    second = open_session(shop.server, collection)["id"]
    with held(shop, first, lambda: authorize(shop.server, first)) as answer:
        refused = authorize(shop.server, second)
    found = tuple(refused[name] for name in ("__typename", "code", "declineCode", "maximumAmount"))
    assert found == ("AuthorizationFailed", "AMOUNT_TOO_LARGE", None, "0.00")
    assert answer.result()["__typename"] == "Payment"
    assert effect_facts(shop.server, second) == []


def test_an_amount_is_not_lowered_below_what_is_being_asked(shop: Site) -> None:
    """The amount may not go below what is authorized and being asked together; exactly that is taken."""
    collection, first = open_with_session(shop.server, amount="30.00")
    assert authorize(shop.server, first)["__typename"] == "Payment"
    session = open_session(shop.server, collection, amount="50.00")["id"]
    with held(shop, session, lambda: authorize(shop.server, session)) as answer:
        lower, exactly = (
            shop.server.change("updatePaymentCollection", {"id": collection, "amount": amount})
            for amount in ("79.99", "80.00")
        )
    assert (lower["code"], lower["minimumAmount"]) == ("AMOUNT_TOO_SMALL", "80.00")
    assert exactly["amount"] == "80.00"
    assert answer.result()["__typename"] == "Payment"


@KIND
def test_a_movement_is_reserved(shop: Site, kind: Kind) -> None:
    """While a movement is being asked, its amount is reserved; then it is done."""
    id, session, _ = paid(shop)
    if kind.name == "refund":
        capture(shop.server, id)
    with held(
        shop, session, lambda: kind.move(shop.server, id, amount="40.00"), kind=kind.name
    ) as call:
        answer = kind.move(shop.server, id, amount="60.01")
        assert kind.all(shop.server, id) == [("40.00", "PENDING")]
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "60.00")
    assert call.result()["__typename"] == "Payment"
    assert kind.all(shop.server, id) == [("40.00", "SUCCEEDED")]


def test_the_key_of_a_capture_that_is_being_asked(shop: Site) -> None:
    """The same call waits for the first: one movement, one effect; with another input the key is refused at once."""
    id, session, collection = paid(shop)
    key = new_key()

    def move(**more: Json) -> Json:
        return capture(shop.server, id, idempotencyKey=key, **more)

    with held(shop, session, move, kind="capture") as first:
        assert move(amount="31.00")["code"] == "IDEMPOTENCY_KEY_REUSED"
        with joined(shop.server, collection, move) as second:
            shop.between.let_go()
    assert second.result()["__typename"] == "Payment"
    assert first.result()["captures"] == second.result()["captures"]
    assert effect_facts(shop.server, session)[1:] == [("capture", "100.00", "approved", "100.00")]


def test_canceling_a_payment_that_is_being_canceled(shop: Site) -> None:
    """A further call waits for the first one's outcome and answers with the same payment."""
    id, session, collection = paid(shop)

    def call() -> Json:
        return shop.server.change("cancelPayment", {"paymentId": id})

    with (
        held(shop, session, call, kind="cancel") as first,
        joined(shop.server, collection, call) as second,
    ):
        shop.between.let_go()
    assert [first.result()["status"], second.result()["status"]] == ["CANCELED", "CANCELED"]
    assert len(effect_facts(shop.server, session)) == 2


def test_the_call_whose_collection_was_canceled(shop: Site) -> None:
    """A call whose authorization arrives in a canceled collection answers INVALID_STATE, never Payment."""
    collection, session = open_with_session(shop.server)
    with held(shop, session, lambda: authorize(shop.server, session)) as call:
        cancel(shop, collection)
    answer = call.result()
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", "INVALID_STATE")
    assert answer["maximumAmount"] is None
    until_event(shop.server, collection, "PAYMENT_CANCELED")


def late_capture(shop: Site) -> tuple[str, str]:
    """Cancel a collection while its gateway is about to authorize and capture; return ids."""
    collection = open_collection(shop.server)["id"]
    session = open_session(shop.server, collection, "auto_capture")["id"]
    with held(shop, session, lambda: authorize(shop.server, session)) as call:
        cancel(shop, collection)
    answer = call.result()
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", "INVALID_STATE")
    return collection, session


def test_a_surplus_that_was_captured_is_refunded(shop: Site) -> None:
    """An amount that the gateway captured at once for a canceled collection is refunded, as SURPLUS."""
    collection, session = late_capture(shop)
    found = until_event(shop.server, collection, "PAYMENT_REFUNDED")
    payment = payment_of(shop.server, found["payments"][0]["id"])
    assert payment["cancellationReason"] == "SURPLUS"
    expected = ("REFUNDED", "100.00", "100.00", "0.00", "0.00", "0.00")
    assert amounts_of(shop.server, payment["id"]) == expected
    assert effect_facts(shop.server, session) == [
        ("authorize", "100.00", "approved", "100.00"),
        ("refund", "100.00", "approved", "100.00"),
    ]


def test_a_surplus_that_was_captured_counts_in_no_sum(shop: Site) -> None:
    """The canceled collection shows nothing captured and nothing refunded, and its session is CANCELED."""
    collection, session = late_capture(shop)
    until_event(shop.server, collection, "PAYMENT_REFUNDED")
    assert sums_of(shop.server, collection) == ("0.00", "0.00", "0.00", "100.00")
    assert session_status(shop.server, session) == "CANCELED"
    assert events_of(shop.server, collection, after=4) == [
        ("AUTHORIZATION_RETURNED", "100.00", "CANCELED", "CANCELED", "CAPTURED"),
        ("PAYMENT_REFUNDED", "100.00", "CANCELED", "CANCELED", "REFUNDED"),
    ]


def surplus(shop: Site, paid: str = "100.00", **more: Json) -> tuple[str, str, Json]:
    """Pay a part of a collection while all of it is requested; return both ids and the answer to that request."""
    collection = open_collection(shop.server)["id"]
    customer = open_session(shop.server, collection, "challenge", amount=paid)["id"]
    assert authorize(shop.server, customer)["__typename"] == "RequiresMoreAction"
    late = open_session(shop.server, collection)["id"]
    with held(shop, late, lambda: authorize(shop.server, late, **more)) as call:
        answer_challenge(shop.server, customer, "approve")
        assert authorize(shop.server, customer)["__typename"] == "Payment"
    until_event(shop.server, collection, "PAYMENT_CANCELED")
    return collection, late, call.result()


@pytest.mark.parametrize(("paid", "maximum"), [("100.00", "0.00"), ("60.00", "40.00")])
def test_the_call_that_brought_a_surplus(shop: Site, paid: str, maximum: str) -> None:
    """It answers AMOUNT_TOO_LARGE with what is outstanding as the maximum, never Payment."""
    _, _, answer = surplus(shop, paid)
    assert answer["__typename"] == "AuthorizationFailed"
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", maximum)
    assert (answer["retryable"], answer["failedSession"]["status"]) == (False, "CANCELED")


def test_the_key_of_a_surplus(shop: Site) -> None:
    """It answers with the same failure again: the session is CANCELED by then, or there may even be room again."""
    key = new_key()
    collection, session, answer = surplus(shop, idempotencyKey=key)
    assert answer["code"] == "AMOUNT_TOO_LARGE"
    with unmoved(shop.server, collection):
        again = authorize(shop.server, session, idempotencyKey=key)
    assert (again["code"], again["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")
    shop.server.change("updatePaymentCollection", {"id": collection, "amount": "200.00"})
    again = authorize(shop.server, session, idempotencyKey=key)
    assert (again["code"], again["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")
