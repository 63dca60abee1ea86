"""TILLGRAPH_UNIQUE_REFERENCE: one collection that is not canceled for each reference."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import CHECKED
from tests.support.flow.meanwhile import at_once, patiently
from tests.support.flow.shop import new_key, open_collection
from tests.support.program.running import QUICK_RECOVERY, Json, RunningServer

Make = Callable[..., RunningServer]
SETTING = "TILLGRAPH_UNIQUE_REFERENCE"
AT_ONCE = 20


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server on which a reference names one collection."""
    settings = {**QUICK_RECOVERY, SETTING: "true"}
    running = RunningServer(tmp_path_factory.mktemp("strict"), settings).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def cart() -> str:
    """Return a reference that no other test has."""
    return f"cart-{new_key()}"


def open_referenced(server: RunningServer, reference: str | None, **more: Json) -> Json:
    """Open a collection, whatever comes of it."""
    return server.change("createPaymentCollection", inputs(reference, **more))


def inputs(reference: str | None, **more: Json) -> Json:
    """Return what opens a collection with a reference."""
    return {"amount": "1.00", "currencyCode": "USD", "reference": reference, **more}


def refused_for(answer: Json, taken: Json) -> None:
    """Assert that an answer is the refusal that names the collection with the reference."""
    message = f"{taken['id']} has this reference and is not canceled."
    found = (answer["code"], answer["path"], answer["message"], answer["retryable"])
    assert found == ("INVALID_STATE", ["reference"], message, False)


def collections(server: RunningServer) -> int:
    """Count the collections that are there."""
    ((count,),) = server.rows("SELECT count(*) FROM payment_collections")
    return int(count)


def test_a_reference_is_taken_until_its_collection_is_canceled(
    strict: RunningServer, cart: str
) -> None:
    """A second one is refused and nothing is written; canceled, the reference is free again."""
    first, before = open_referenced(strict, cart), collections(strict)
    refused_for(open_referenced(strict, cart), first)
    assert open_referenced(strict, f"{cart}-2")["__typename"] == "PaymentCollection"
    assert collections(strict) == before + 1
    strict.change("cancelPaymentCollection", {"id": first["id"]})
    second = open_referenced(strict, cart)
    assert second["__typename"] == "PaymentCollection"
    refused_for(open_referenced(strict, cart), second)


def test_a_reference_is_taken_by_a_change(strict: RunningServer, cart: str) -> None:
    """To another one's it is refused; its own stays; what is given up is free."""
    first, second = open_referenced(strict, cart), open_referenced(strict, None)

    def rename(collection: Json, reference: str | None) -> Json:
        values = {"id": collection["id"], "reference": reference}
        return strict.change("updatePaymentCollection", values)

    refused_for(rename(second, cart), first)
    assert rename(first, cart)["reference"] == cart
    assert rename(first, None)["reference"] is None
    assert rename(second, cart)["reference"] == cart
    refused_for(rename(first, cart), second)


def test_collections_without_a_reference(strict: RunningServer) -> None:
    """Any number of them."""
    for _ in range(3):
        assert open_referenced(strict, None)["__typename"] == "PaymentCollection"


@pytest.mark.parametrize("keyed", [True, False])
def test_many_at_once(strict: RunningServer, cart: str, *, keyed: bool) -> None:
    """Twenty openings of one reference make one collection; with one key between them all answer with it."""
    key, before = new_key(), collections(strict)

    def open_one() -> Json:
        # A key of its own: what is told that the database is busy may have been opened, and is sent again.
        given = inputs(cart, idempotencyKey=key if keyed else new_key())
        return patiently(strict, "createPaymentCollection", given)

    answers = at_once([open_one] * AT_ONCE)
    made = [answer for answer in answers if answer["__typename"] == "PaymentCollection"]
    assert len(made) == (AT_ONCE if keyed else 1)
    assert len({one["id"] for one in made}) == 1
    for answer in answers:
        if answer not in made:
            refused_for(answer, made[0])
    assert collections(strict) == before + 1


def test_without_the_setting(server: RunningServer) -> None:
    """A reference is the caller's own affair."""
    reference = new_key()
    assert open_collection(server, reference=reference)["reference"] == reference
    assert open_collection(server, reference=reference)["reference"] == reference


def test_the_setting_comes_later(make_server: Make) -> None:
    """Existing duplicates stay as they are, and count from then on."""
    running = make_server().start()
    first, second = open_referenced(running, "cart-1"), open_referenced(running, "cart-1")
    running.kill()
    running.environment = {**running.environment, SETTING: "true"}
    running.start()
    refusal = open_referenced(running, "cart-1")
    assert refusal["code"] == "INVALID_STATE"
    for collection in (first, second):
        running.change("cancelPaymentCollection", {"id": collection["id"]})
    assert open_referenced(running, "cart-1")["__typename"] == "PaymentCollection"
