"""Stripe forgets a key when it is a day old: what is unknown then is only looked for, by intent and metadata."""

from collections.abc import Iterator

import pytest

from tests.at_stripe.site import Site, site
from tests.at_stripe.test_faults import MOVES, NAMES, called, effects, prepared, session_id_of
from tests.at_stripe.test_flow import reference_of
from tests.support.shop import new_key, open_collection, unsettled
from tests.support.waiting import until

SETTLED_SECONDS = 30


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site for which the 23 hours of a key are over after 1.4 seconds."""
    folder = tmp_path_factory.mktemp("quick")
    settings = {
        "TILLGRAPH_TEST_TIME_SCALE": "60000",
        "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.3",
    }
    with site(folder, hears_reports=False, is_test_build=True, **settings) as made:
        yield made


def lose(shop: Site, name: str) -> None:
    """Let one reply be lost behind its effect, and nothing more of the kind get through."""
    shop.stripe.control("go_on")
    shop.stripe.fault("DROP_AFTER", name)
    shop.stripe.fault("DROP_BEFORE", name, times=200)


@pytest.mark.parametrize("kind", NAMES)
def test_f46_a_movement_is_found_again(quick: Site, kind: str) -> None:
    """Its reply was lost and its key is forgotten: the intent or the refund tells of it, and nothing is done twice."""
    one = prepared(quick, kind)
    lose(quick, NAMES[kind])
    key = new_key()
    called(quick, kind, one, key)
    until(lambda: not unsettled(quick.server, session_id_of(kind, one)), seconds=SETTLED_SECONDS)
    quick.stripe.control("forget_keys")
    quick.stripe.control("go_on")
    assert called(quick, kind, one, key)["__typename"] == "Payment"
    assert effects(quick, kind, one) == [MOVES[kind]]


def test_f46_a_lost_intent_is_found_again(quick: Site) -> None:
    """Its session is found in the metadata of Stripe's intents: one intent, and the session is open."""
    collection = open_collection(quick.server)
    lose(quick, "create")
    made = quick.server.change(
        "createPaymentSession", {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    )
    until(lambda: quick.session(made["id"])["status"] == "REQUIRES_MORE", seconds=SETTLED_SECONDS)
    quick.stripe.control("go_on")
    query = f"metadata['tillgraph_session']:'{made['id']}'"
    found = quick.stripe.call("GET", "payment_intents/search", query=query)["data"]
    assert [one["id"] for one in found] == [reference_of(quick.session(made["id"]))]
