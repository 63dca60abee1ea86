"""Customers at Stripe."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.providers.stripe.site import VISA, Site
from tests.support.flow.shop import (
    authorize,
    new_key,
    open_collection,
    open_holder,
    open_session,
    save_method,
)
from tests.support.program.running import Json

pytestmark = pytest.mark.once

HOLDER = """
query ($id: ID!) { accountHolder(id: $id) {
  id customerReference externalId email name metadata provider { id }
  paymentMethods { id details { type label brand lastFour expiryMonth expiryYear } provider { id } }
} }
"""
HOLDERS = "query ($of: String!) { accountHolders(customerReference: $of) { id provider { id } } }"
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


def new_holder(site: Site, **more: Json) -> Json:
    """Make an account holder of a new customer at Stripe."""
    return open_holder(site.server, provider="stripe", **more)


def save(site: Site, holder: Json, card: str | None = VISA, **more: Json) -> Json:
    """Save a card for a holder, whatever comes of it."""
    data = None if card is None else {"paymentMethod": card}
    return save_method(site.server, holder["id"], data, **more)


def saved(site: Site, holder: Json, card: str = VISA) -> Json:
    """Save a card for a holder; return the payment method."""
    method = save(site, holder, card)
    assert method["__typename"] == "PaymentMethod", method
    return method


def session_of(site: Site, *holders: Json, **more: Json) -> Json:
    """Open a session on a collection of some holders."""
    ids = [holder["id"] for holder in holders]
    collection = open_collection(site.server, accountHolderIds=ids)
    return open_session(site.server, collection["id"], provider="stripe", **more)


def shown(site: Site, id: str) -> Json:
    """Read a holder."""
    return site.server.execute(HOLDER, {"id": id})["accountHolder"]


@pytest.mark.both
def test_a_holder_is_a_customer_at_stripe(shop: Site) -> None:
    """It bears our names in its metadata; the caller's metadata stays here."""
    made = new_holder(shop, email="ada@example.com", name="Ada", metadata={"tier": "gold"})
    customer = shop.stripe.call("GET", f"customers/{made['externalId']}")
    assert (customer["email"], customer["name"]) == ("ada@example.com", "Ada")
    assert customer["metadata"] == {
        "tillgraph_account_holder": made["id"],
        "tillgraph_customer": made["customerReference"],
    }
    found = shown(shop, made["id"])
    assert (found["metadata"], found["paymentMethods"]) == ({"tier": "gold"}, [])
    assert shop.server.execute(NODE, {"id": made["id"]})["node"]["__typename"] == "AccountHolder"


def test_there_is_one_for_each_customer_and_provider(shop: Site) -> None:
    """Creating it again answers with the holder that is there, whatever else is given; nothing is made at Stripe."""
    made = new_holder(shop, name="Ada")
    before = shop.stripe.keys()
    again = new_holder(shop, customerReference=made["customerReference"], name="Eve")
    assert (again["id"], again["name"]) == (made["id"], "Ada")
    assert shop.stripe.keys() == before
    found = shop.server.execute(HOLDERS, {"of": made["customerReference"]})["accountHolders"]
    assert [one["id"] for one in found] == [made["id"]]


@pytest.mark.both
def test_calls_at_the_same_time_make_one(patient: Site) -> None:
    """Twenty first calls: one holder here, one customer at Stripe."""
    customer = f"customer-{new_key()}"
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: new_holder(patient, customerReference=customer), range(20)))
    assert len({one["id"] for one in made}) == 1
    assert len({one["externalId"] for one in made}) == 1
    assert patient.stripe.customers(made[0]["id"]) == 1


@pytest.mark.parametrize(
    "fault",
    ["DROP_AFTER", "FAIL_AFTER", "MALFORMED", "HTML", "FAIL_BEFORE"],
)
def test_a_lost_answer_makes_no_second_holder(deaf: Site, fault: str) -> None:
    """The same call again finds the customer that Stripe made, or makes it."""
    deaf.stripe.fault(fault, "create_customer")
    customer = f"customer-{new_key()}"
    values = {
        "providerId": "stripe",
        "customerReference": customer,
        "idempotencyKey": new_key(),
    }
    first = deaf.server.change("createAccountHolder", values)
    if first["__typename"] == "RequestRejected":
        assert (first["code"], first["retryable"]) == ("IN_PROGRESS", True)
    made = deaf.server.change("createAccountHolder", values)
    assert made["__typename"] == "AccountHolder"
    assert deaf.stripe.customers(made["id"]) == 1
    count = "SELECT count(*) FROM account_holders WHERE customer_reference = ?"
    assert deaf.server.rows(count, customer) == [(1,)]


def test_stripe_is_not_reached(deaf: Site) -> None:
    """PROVIDER_UNAVAILABLE, no holder that anybody can find, and the same call again makes it."""
    deaf.stripe.stop()
    customer = f"customer-{new_key()}"
    values = {"providerId": "stripe", "customerReference": customer}
    refused = deaf.server.change("createAccountHolder", values)
    assert (refused["code"], refused["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert deaf.server.execute(HOLDERS, {"of": customer})["accountHolders"] == []
    deaf.stripe.start()
    assert deaf.server.change("createAccountHolder", values)["__typename"] == "AccountHolder"


def test_a_holder_is_changed_at_stripe_too(shop: Site) -> None:
    """A change reaches Stripe's customer: an omitted field stays, and null empties one. Metadata is stored here."""
    made = new_holder(shop, email="ada@example.com", name="Ada")
    changed = shop.server.change(
        "updateAccountHolder", {"id": made["id"], "name": "Ada L.", "metadata": {"a": 1}}
    )
    assert (changed["email"], changed["name"], changed["metadata"]) == (
        "ada@example.com",
        "Ada L.",
        {"a": 1},
    )
    emptied = shop.server.change("updateAccountHolder", {"id": made["id"], "email": None})
    assert emptied["email"] is None
    customer = shop.stripe.call("GET", f"customers/{made['externalId']}")
    assert (customer["email"], customer["name"]) == (None, "Ada L.")


def test_a_change_that_does_not_reach_stripe_changes_nothing(deaf: Site) -> None:
    """The holder stays as it was."""
    made = new_holder(deaf, name="Ada")
    deaf.stripe.fault("FAIL_BEFORE", "update_customer")
    refused = deaf.server.change("updateAccountHolder", {"id": made["id"], "name": "Eve"})
    assert (refused["code"], refused["retryable"]) == ("IN_PROGRESS", True)
    assert shown(deaf, made["id"])["name"] == "Ada"


def test_a_deleted_holder_is_gone_at_stripe(shop: Site) -> None:
    """With what was kept for them; the customer may come back as a new holder, and a bound key says what happened."""
    key = new_key()
    made = new_holder(shop, idempotencyKey=key)
    method = saved(shop, made)
    session = session_of(shop, made)
    deleted = shop.server.change("deleteAccountHolder", {"id": made["id"]})
    assert (deleted["__typename"], deleted["id"]) == ("Deleted", made["id"])
    assert shop.stripe.call("GET", f"customers/{made['externalId']}")["deleted"] is True
    assert shown(shop, made["id"]) is None
    assert shop.server.execute(NODE, {"id": method["id"]})["node"] is None
    refused = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["paymentMethodId"])
    again = shop.server.change(
        "createAccountHolder",
        {
            "providerId": "stripe",
            "customerReference": made["customerReference"],
            "idempotencyKey": key,
        },
    )
    assert again["code"] == "NOT_FOUND"
    assert new_holder(shop, customerReference=made["customerReference"])["id"] != made["id"]


def test_a_holder_that_stripe_has_no_more_can_be_deleted(shop: Site) -> None:
    """Deleted in the dashboard before: it is no fault."""
    made = new_holder(shop)
    shop.stripe.call("DELETE", f"customers/{made['externalId']}")
    assert shop.server.change("deleteAccountHolder", {"id": made["id"]})["__typename"] == "Deleted"


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"providerId": "none"}, "PROVIDER_DISABLED", ["providerId"]),
        ({"providerId": "system"}, "PROVIDER_DISABLED", ["providerId"]),
        ({"providerId": "stripe_ideal"}, "PROVIDER_DISABLED", ["providerId"]),
        ({"customerReference": " "}, "INVALID_INPUT", ["customerReference"]),
        ({"customerReference": "a" * 501}, "INVALID_INPUT", ["customerReference"]),
        ({"email": "ada"}, "INVALID_INPUT", ["email"]),
        ({"name": "a\x00"}, "INVALID_INPUT", ["name"]),
        ({"metadata": [1]}, "INVALID_INPUT", ["metadata"]),
    ],
)
def test_bad_input_makes_no_holder(shop: Site, given: Json, code: str, path: list[str]) -> None:
    """The field is named, and Stripe is not asked."""
    before = shop.stripe.keys()
    values = {"providerId": "stripe", "customerReference": "bad", **given}
    refused = shop.server.change("createAccountHolder", values)
    assert (refused["code"], refused["path"]) == (code, path)
    assert shop.stripe.keys() == before
