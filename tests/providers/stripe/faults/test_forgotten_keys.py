"""Stripe forgets a key when it is a day old: what is unknown then is only looked for, by intent and metadata."""

from collections.abc import Iterator

import pytest

from payments.model.instants import SECOND
from tests.providers.stripe.faults.test_faults import (
    MOVES,
    NAMES,
    called,
    effects,
    prepared,
    session_id_of,
)
from tests.providers.stripe.site import Site, on_both, site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import new_key, open_collection, unsettled
from tests.support.program.running import RunningServer
from tests.support.waiting import until

DAY_SECONDS = 86_400


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site for which the 23 hours of a key are over after 1.4 seconds."""
    folder = tmp_path_factory.mktemp("quick")
    settings = {"TILLGRAPH_TEST_TIME_SCALE": "60000"}
    with site(folder, hears_reports=False, is_test_build=True, **settings) as made:
        yield made


def lose(shop: Site, name: str) -> None:
    """Let one reply be lost after its effect, and nothing more of the kind get through."""
    shop.stripe.control("go_on")
    shop.stripe.fault("DROP_AFTER", name)
    shop.stripe.fault("DROP_BEFORE", name, times=200)


def let_a_day_pass(server: RunningServer, session_id: str) -> None:
    """Make what is unknown of a session a day older, and due."""
    server.rows(
        "UPDATE operations SET created_at = created_at - ?, due_at = 1"
        " WHERE session_id = ? AND status = 'UNKNOWN'",
        DAY_SECONDS * SECOND,
        session_id,
    )


def lost_and_found(shop: Site, kind: str, *, waits: bool) -> None:
    """Lose a movement's reply, wait until it is settled when its key is forgotten, and call it again."""
    one = prepared(shop, kind)
    lose(shop, NAMES[kind])
    key, session_id = new_key(), session_id_of(kind, one)

    def is_settled() -> bool:
        # Again and again: whoever asks for it just now writes over what it was when they began.
        if not waits:
            let_a_day_pass(shop.server, session_id)
        return not unsettled(shop.server, session_id)

    called(shop, kind, one, key)
    until(is_settled)
    shop.stripe.control("forget_keys")
    shop.stripe.control("go_on")
    assert called(shop, kind, one, key)["__typename"] == "Payment"
    assert effects(shop, kind, one) == [MOVES[kind]]


@pytest.mark.parametrize("kind", on_both(NAMES, "refund"))
def test_f46_a_movement_is_found_again(deaf: Site, kind: str) -> None:
    """Its reply was lost and its key is forgotten: the intent or the refund tells of it, and nothing is done twice."""
    lost_and_found(deaf, kind, waits=False)


@pytest.mark.long
@pytest.mark.parametrize("kind", NAMES)
def test_f46_a_movement_is_found_when_its_day_is_over(quick: Site, kind: str) -> None:
    """As above, and the day is over by itself."""
    lost_and_found(quick, kind, waits=True)


def test_f46_a_lost_intent_is_found_again(deaf: Site) -> None:
    """Its session is found in the metadata of Stripe's intents: one intent, and the session is open."""
    collection = open_collection(deaf.server)
    lose(deaf, "create")
    made = deaf.server.change(
        "createPaymentSession", {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    )

    def is_open() -> bool:
        let_a_day_pass(deaf.server, made["id"])
        return bool(deaf.session(made["id"])["status"] == "REQUIRES_MORE")

    until(is_open)
    deaf.stripe.control("go_on")
    assert deaf.stripe.intents_of(made["id"]) == [reference_of(deaf.session(made["id"]))]
