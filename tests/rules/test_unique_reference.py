"""TILLGRAPH_UNIQUE_REFERENCE: one collection that is not canceled for each reference."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.running import Json, RunningServer
from tests.support.shop import new_key, open_collection

Make = Callable[..., RunningServer]
SETTING = "TILLGRAPH_UNIQUE_REFERENCE"
AT_ONCE = 20


@pytest.fixture
def strict(make_server: Make) -> RunningServer:
    """Give a server on which a reference names one collection."""
    return make_server(**{SETTING: "true"}).start()


def opened(server: RunningServer, reference: str | None, **more: Json) -> Json:
    """Open a collection, whatever comes of it."""
    inputs = {"amount": "1.00", "currencyCode": "USD", "reference": reference, **more}
    return server.change("createPaymentCollection", inputs)


def refused_for(answer: Json, taken: Json) -> None:
    """Hold an answer to the refusal that names the collection with the reference."""
    message = f"{taken['id']} has this reference and is not canceled."
    found = (answer["code"], answer["path"], answer["message"], answer["retryable"])
    assert found == ("INVALID_STATE", ["reference"], message, False)


def test_a_reference_is_taken_until_its_collection_is_canceled(strict: RunningServer) -> None:
    """A second one is refused and nothing is written; canceled, the reference is free again."""
    first = opened(strict, "cart-1")
    refused_for(opened(strict, "cart-1"), first)
    assert opened(strict, "cart-2")["__typename"] == "PaymentCollection"
    assert strict.rows("SELECT count(*) FROM payment_collections") == [(2,)]
    strict.change("cancelPaymentCollection", {"id": first["id"]})
    second = opened(strict, "cart-1")
    assert second["__typename"] == "PaymentCollection"
    refused_for(opened(strict, "cart-1"), second)


def test_a_reference_is_taken_by_a_change(strict: RunningServer) -> None:
    """To another one's it is refused; its own stays; what is given up is free."""
    first, second = opened(strict, "cart-1"), opened(strict, None)

    def rename(collection: Json, reference: str | None) -> Json:
        inputs = {"id": collection["id"], "reference": reference}
        return strict.change("updatePaymentCollection", inputs)

    refused_for(rename(second, "cart-1"), first)
    assert rename(first, "cart-1")["reference"] == "cart-1"
    assert rename(first, None)["reference"] is None
    assert rename(second, "cart-1")["reference"] == "cart-1"
    refused_for(rename(first, "cart-1"), second)


def test_collections_without_a_reference(strict: RunningServer) -> None:
    """Any number of them."""
    for _ in range(3):
        assert opened(strict, None)["__typename"] == "PaymentCollection"


@pytest.mark.parametrize("keyed", [True, False])
def test_many_at_once(strict: RunningServer, keyed: bool) -> None:
    """Twenty openings of one reference make one collection; with one key between them all answer with it."""
    more = {"idempotencyKey": new_key()} if keyed else {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: opened(strict, "cart-1", **more), range(AT_ONCE)))
    made = [answer for answer in answers if answer["__typename"] == "PaymentCollection"]
    assert len(made) == (AT_ONCE if keyed else 1)
    assert len({one["id"] for one in made}) == 1
    for answer in answers:
        if answer not in made:
            refused_for(answer, made[0])
    assert strict.rows("SELECT count(*) FROM payment_collections") == [(1,)]


def test_without_the_setting(server: RunningServer) -> None:
    """A reference is the caller's own affair."""
    reference = new_key()
    assert open_collection(server, reference=reference)["reference"] == reference
    assert open_collection(server, reference=reference)["reference"] == reference


def test_the_setting_comes_later(make_server: Make) -> None:
    """What is there stays as it is, and counts from then on."""
    running = make_server().start()
    first, second = opened(running, "cart-1"), opened(running, "cart-1")
    running.stop()
    running.environment = {**running.environment, SETTING: "true"}
    running.start()
    refusal = opened(running, "cart-1")
    assert refusal["code"] == "INVALID_STATE"
    for collection in (first, second):
        running.change("cancelPaymentCollection", {"id": collection["id"]})
    assert opened(running, "cart-1")["__typename"] == "PaymentCollection"
