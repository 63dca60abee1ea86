"""Ways of paying that an account does not offer: not activated, or no longer in use."""

import pytest

from tests.providers.stripe.faults.test_accounts import MAKE_DUE
from tests.providers.stripe.site import Site, waiting_reports
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import authorize, collection_of, new_key, open_collection, refund
from tests.support.program.running import Json
from tests.support.waiting import until

pytestmark = pytest.mark.once

PROVIDERS = "query ($only: Boolean) { paymentProviders(enabledOnly: $only) { id isEnabled } }"

OF_GIROPAY = (
    "UPDATE payment_sessions SET provider_id = 'stripe_giropay' WHERE id = ?",
    "UPDATE payments SET provider_id = 'stripe_giropay' WHERE session_id = ?",
    "UPDATE operations SET provider_id = 'stripe_giropay' WHERE session_id = ?",
)


def offered(shop: Site, *, only: bool) -> dict[str, bool]:
    """Return the providers that a back end is told of, and whether each is enabled."""
    found = shop.server.execute(PROVIDERS, {"only": only})["paymentProviders"]
    return {one["id"]: one["isEnabled"] for one in found}


def test_a_way_of_the_past(shop: Site) -> None:
    """No session is opened with giropay, and Stripe is not asked; it is listed with what is not enabled alone."""
    collection = open_collection(shop.server, "50.00", "EUR")
    before = shop.stripe.keys()
    refused = shop.server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection["id"], "providerId": "stripe_giropay"},
    )
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])
    assert shop.stripe.keys() == before
    assert "stripe_giropay" not in offered(shop, only=True)
    assert offered(shop, only=False)["stripe_giropay"] is False


def test_an_old_payment_of_a_way_of_the_past(shop: Site) -> None:
    """It is shown, refunded, and what Stripe reports of it is recorded."""
    session = shop.opened("50.00", "EUR", provider="stripe_ideal")
    reference = reference_of(session)
    shop.stripe.in_browser(session, "ideal")
    shop.stripe.control("authenticate", id=reference, succeeds=True)
    until(lambda: shop.session(session["id"])["status"] == "CAPTURED")
    until(lambda: waiting_reports(shop.server) == 0)
    for statement in OF_GIROPAY:
        shop.server.rows(statement, session["id"])
    values = {"metadata[tillgraph_provider]": "stripe_giropay"}
    shop.stripe.call("POST", f"payment_intents/{reference}", **values)
    payment = shop.session(session["id"])["payment"]
    assert refund(shop.server, payment["id"], amount="20.00")["__typename"] == "Payment"
    shop.stripe.call("POST", "refunds", payment_intent=reference, amount="500")
    until(lambda: shop.payment(payment["id"])["refundedAmount"] == "25.00")


def is_closed_at_stripe(shop: Site, collection: Json) -> bool:
    """Return whether each intent that was opened for a collection is canceled."""
    sessions = collection_of(shop.server, collection["id"])["paymentSessions"]
    names = [name for session in sessions for name in shop.stripe.intents_of(session["id"])]
    return all(shop.stripe.intent(name)["status"] == "canceled" for name in names)


def opened_with_oxxo(shop: Site) -> Json:
    """Open a session of 500.00, of a collection with more than OXXO takes at once."""
    collection = open_collection(shop.server, "20000.00", "MXN")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe_oxxo"}
    return shop.server.change("createPaymentSession", {**values, "amount": "500.00"})


def assert_amount_of_before(shop: Site, session: Json) -> None:
    """Assert that a session and its intent have the amount that it was opened with, and can be paid."""
    assert shop.session(session["id"])["amount"] == "500.00"
    intent = shop.stripe.intent(reference_of(session))
    assert (intent["amount"], intent["payment_method_types"]) == (50_000, ["oxxo"])


def test_a_way_that_is_not_activated(shop: Site) -> None:
    """Stripe leaves it out silently: PROVIDER_DISABLED, nothing stays open, and the same key opens it once it is."""
    collection = open_collection(shop.server, "50.00", "EUR")
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "stripe_ideal",
        "idempotencyKey": new_key(),
    }
    with shop.stripe.without("ideal"):
        refused = shop.server.change("createPaymentSession", values)
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])
    (session,) = collection_of(shop.server, collection["id"])["paymentSessions"]
    assert session["status"] == "CANCELED"
    until(lambda: is_closed_at_stripe(shop, collection))
    opened = shop.server.change("createPaymentSession", values)
    assert opened["__typename"] == "PaymentSession"


@pytest.mark.parametrize(
    ("provider", "amount", "currency", "missing"),
    [("stripe_oxxo", "10000.01", "MXN", ()), ("stripe", "50.00", "USD", ("card",))],
    ids=["an amount", "the whole account"],
)
def test_a_way_that_is_not_for_it(
    shop: Site, provider: str, amount: str, currency: str, missing: tuple[str, ...]
) -> None:
    """An amount that a way of paying is not for, and an account that has none for a currency: PROVIDER_DISABLED."""
    collection = open_collection(shop.server, amount, currency)
    values = {"paymentCollectionId": collection["id"], "providerId": provider}
    with shop.stripe.without(*missing):
        refused = shop.server.change("createPaymentSession", values)
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerId"])
    until(lambda: is_closed_at_stripe(shop, collection))


def test_a_change_to_an_amount_that_it_is_not_for(shop: Site) -> None:
    """The session keeps its amount, and so does the intent; another change goes through."""
    session = opened_with_oxxo(shop)
    refused = shop.server.change(
        "updatePaymentSession", {"id": session["id"], "amount": "15000.00"}
    )
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["amount"])
    assert_amount_of_before(shop, session)
    changed = shop.server.change("updatePaymentSession", {"id": session["id"], "amount": "600.00"})
    assert changed["amount"] == "600.00"


@pytest.mark.parametrize("missing", ["bancontact", "p24"])
def test_every_provider_but_one(shop: Site, missing: str) -> None:
    """Sessions with every provider leave out what the account does not offer, under one key the same ones."""
    names = {
        "system",
        "sandbox",
        "stripe",
        "stripe_bancontact",
        "stripe_ideal",
        "stripe_przelewy24",
    }
    left_out = {"bancontact": "stripe_bancontact", "p24": "stripe_przelewy24"}[missing]
    # The key belongs to the first session, which is one that is left out.
    others = ("system", "sandbox", "stripe")
    collection = open_collection(shop.server, "50.00", "EUR")
    values = {"paymentCollectionId": collection["id"], "idempotencyKey": new_key()}
    with shop.stripe.without(missing):
        for id in others:
            shop.server.change("updatePaymentProvider", {"id": id, "isEnabled": False})
        try:
            opened = shop.server.change("createPaymentSessions", values)["paymentSessions"]
        finally:
            for id in others:
                shop.server.change("updatePaymentProvider", {"id": id, "isEnabled": True})
    assert {one["provider"]["id"] for one in opened} == names - {left_out, *others}
    again = shop.server.change("createPaymentSessions", values)["paymentSessions"]
    assert [one["id"] for one in again] == [one["id"] for one in opened]
    until(lambda: shop.stripe.intent(reference_of(opened[0]))["status"] != "canceled")


def test_named_providers_are_all_or_none(shop: Site) -> None:
    """If a named provider is not offered, the call is refused, and no session stays open."""
    collection = open_collection(shop.server, "50.00", "EUR")
    values = {
        "paymentCollectionId": collection["id"],
        "providerIds": ["stripe_ideal", "stripe_bancontact"],
    }
    with shop.stripe.without("bancontact"):
        refused = shop.server.change("createPaymentSessions", values)
    assert (refused["code"], refused["path"]) == ("PROVIDER_DISABLED", ["providerIds"])
    sessions = collection_of(shop.server, collection["id"])["paymentSessions"]
    assert {session["status"] for session in sessions} == {"CANCELED"}
    until(lambda: is_closed_at_stripe(shop, collection))


@pytest.mark.both
def test_every_provider_that_takes_the_amount(shop: Site) -> None:
    """Less than Stripe takes leaves out Stripe's; named, one of them is refused with what would be right."""
    collection = open_collection(shop.server, "0.40", "EUR")
    before = shop.stripe.keys()
    values = {"paymentCollectionId": collection["id"]}
    named = {**values, "providerIds": ["system", "stripe_ideal"]}
    refused = shop.server.change("createPaymentSessions", named)
    assert (refused["code"], refused["minimumAmount"]) == ("AMOUNT_TOO_SMALL", "0.50")
    opened = shop.server.change("createPaymentSessions", values)["paymentSessions"]
    assert {one["provider"]["id"] for one in opened} == {"system", "sandbox"}
    assert shop.stripe.keys() == before


def test_an_amount_that_only_stripe_knows_to_be_too_small(shop: Site) -> None:
    """If only Stripe knows the least amount, its refusal names the field; opening every provider leaves Stripe out."""
    collection = open_collection(shop.server, "0.10", "LBP")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    refused = shop.server.change("createPaymentSession", values)
    assert (refused["code"], refused["path"]) == ("AMOUNT_TOO_SMALL", ["amount"])
    assert refused["message"] == "The provider takes no amount as small as this."
    values = {"paymentCollectionId": collection["id"]}
    opened = shop.server.change("createPaymentSessions", values)["paymentSessions"]
    assert {one["provider"]["id"] for one in opened} == {"system", "sandbox"}


def test_a_change_to_an_amount_that_only_stripe_knows_to_be_too_small(shop: Site) -> None:
    """The refusal names the field, and the session keeps its amount."""
    collection = open_collection(shop.server, "90.00", "LBP")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    session = shop.server.change("createPaymentSession", values)
    refused = shop.server.change("updatePaymentSession", {"id": session["id"], "amount": "0.10"})
    assert (refused["code"], refused["path"]) == ("AMOUNT_TOO_SMALL", ["amount"])
    assert shop.session(session["id"])["amount"] == "90.00"


def test_a_lost_answer_about_a_way_that_is_not_activated(deaf: Site) -> None:
    """Recovery learns of it by the same key: the session is closed, here and at Stripe, and made once."""
    collection = open_collection(deaf.server, "50.00", "EUR")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe_ideal"}
    deaf.stripe.fault("DROP_AFTER", "create")
    with deaf.stripe.without("ideal"):
        session = deaf.server.change("createPaymentSession", values)
        until(lambda: deaf.session(session["id"])["status"] == "CANCELED")
        until(lambda: is_closed_at_stripe(deaf, collection))
    assert len(deaf.stripe.intents_of(session["id"])) == 1


@pytest.mark.both
@pytest.mark.parametrize("times", [1, 2])
def test_a_lost_answer_about_a_change_that_is_taken_back(deaf: Site, times: int) -> None:
    """Lost with the change or with its taking back: session and intent end with the amount before, and go on."""
    session = opened_with_oxxo(deaf)
    deaf.stripe.fault("DROP_AFTER", "update", times=times)
    change = {"id": session["id"], "amount": "15000.00"}
    assert deaf.server.change("updatePaymentSession", change)["code"] == "IN_PROGRESS"
    until(lambda: not opening_made_due(deaf, session))
    assert_amount_of_before(deaf, session)
    changed = deaf.server.change("updatePaymentSession", {"id": session["id"], "amount": "600.00"})
    assert changed["amount"] == "600.00"


def opening_made_due(shop: Site, session: Json) -> list[tuple[str]]:
    """Let recovery ask at once for the openings and changes of a session that have no outcome, and list them."""
    query = "SELECT id FROM operations WHERE session_id = ? AND status IN ('ASKING', 'UNKNOWN')"
    found = list(shop.server.rows(query, session["id"]))
    for (id,) in found:
        shop.server.rows(MAKE_DUE, id)
    return found


def test_paid_in_the_browser_after_a_change_that_failed(deaf: Site) -> None:
    """The intent is asked about as ever: what the browser has made of it is known without a report."""
    session = opened_with_oxxo(deaf)
    change = {"id": session["id"], "amount": "15000.00"}
    assert deaf.server.change("updatePaymentSession", change)["code"] == "PROVIDER_DISABLED"
    deaf.stripe.in_browser(session, "oxxo")
    deaf.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    answer = authorize(deaf.server, session["id"])
    assert (answer["__typename"], answer.get("amount")) == ("Payment", "500.00"), answer


@pytest.mark.parametrize("times", [1, 2])
def test_a_500_for_a_change_that_has_to_be_taken_back(deaf: Site, times: int) -> None:
    """For the change, or for its taking back as well, both of which are done: both have the amount before."""
    session = opened_with_oxxo(deaf)
    deaf.stripe.fault("FAIL_AFTER", "update", times=times)
    deaf.server.change("updatePaymentSession", {"id": session["id"], "amount": "15000.00"})
    until(lambda: not opening_made_due(deaf, session))
    assert_amount_of_before(deaf, session)


def test_a_500_for_a_change_after_a_decline(deaf: Site) -> None:
    """The card that the intent still shows as declined says nothing of the change: it has come about."""
    session = deaf.opened("100.00")
    deaf.stripe.in_browser(session, "pm_card_chargeDeclined")
    deaf.stripe.fault("FAIL_AFTER", "update")
    deaf.server.change("updatePaymentSession", {"id": session["id"], "amount": "60.00"})
    until(lambda: not opening_made_due(deaf, session))
    amount = deaf.stripe.intent(reference_of(session))["amount"]
    assert (deaf.session(session["id"])["amount"], amount) == ("60.00", 6_000)
