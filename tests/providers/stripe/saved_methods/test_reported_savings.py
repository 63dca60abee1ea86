"""Methods kept for a customer whose browser never came back, and those that iDEAL and Bancontact leave to charge."""

import pytest

from tests.providers.stripe.saved_methods.test_holders import new_holder, save, session_of, shown
from tests.providers.stripe.site import (
    DECLINED,
    PUBLISHABLE_KEY,
    THREE_D_SECURE,
    VISA,
    VISA_DETAILS,
    Site,
    waiting_reports,
)
from tests.providers.stripe.test_flow import BACK, reference_of
from tests.support.flow.shop import authorize, new_key, open_collection, open_session
from tests.support.program.running import Json
from tests.support.waiting import until

pytestmark = pytest.mark.once


def kept(shop: Site, holder: Json) -> list[Json]:
    """Return what may be shown of what is kept for a holder."""
    return [one["details"] for one in shown(shop, holder["id"])["paymentMethods"]]


def setup_of(answer: Json) -> str:
    """Return Stripe's name of a saving that the customer goes on with."""
    return str(answer["action"]["clientSecret"].partition("_secret_")[0])


def in_a_tab(shop: Site, answer: Json, card: str) -> None:
    """Bring a card by Stripe's library, in a tab that is closed then."""
    values = {"payment_method": card, "client_secret": answer["action"]["clientSecret"]}
    path = f"setup_intents/{setup_of(answer)}/confirm"
    shop.stripe.call("POST", path, PUBLISHABLE_KEY, **values)


@pytest.mark.both
def test_a_card_that_was_saved_in_a_closed_tab(shop: Site) -> None:
    """Stripe's report makes it known, once, and the saving's key answers with it."""
    holder, key = new_holder(shop), new_key()
    answer = save(shop, holder, None, idempotencyKey=key)
    in_a_tab(shop, answer, VISA)
    assert until(lambda: kept(shop, holder)) == [VISA_DETAILS]
    before = shop.stripe.keys()
    again = save(shop, holder, None, idempotencyKey=key)
    assert again["__typename"] == "PaymentMethod"
    assert shop.stripe.keys() == before
    succeeded = [
        one for one in shop.stripe.events(setup_of(answer)) if one["type"].endswith("succeeded")
    ]
    assert shop.stripe.deliver([*succeeded, *succeeded]) == [204, 204]
    assert len(kept(shop, holder)) == 1


def test_a_saving_that_was_authenticated_in_a_closed_tab(shop: Site) -> None:
    """It is known as soon as Stripe reports it; what failed first is no hindrance."""
    holder = new_holder(shop)
    answer = save(shop, holder, THREE_D_SECURE)
    shop.stripe.control("authenticate", id=setup_of(answer), succeeds=False)
    until(lambda: waiting_reports(shop.server) == 0)
    assert kept(shop, holder) == []
    in_a_tab(shop, answer, VISA)
    assert until(lambda: kept(shop, holder)) == [VISA_DETAILS]


def test_a_decline_whose_answer_was_lost(shop: Site) -> None:
    """The report of the failure settles it: the key answers with the decline, and Stripe is not asked again."""
    holder, key = new_holder(shop), new_key()
    shop.stripe.fault("DROP_AFTER", "create_setup")
    assert save(shop, holder, DECLINED, idempotencyKey=key)["code"] == "IN_PROGRESS"
    failed = "SELECT decline_code FROM method_setups WHERE holder_id = ?"
    until(lambda: shop.server.rows(failed, holder["id"]) == [("insufficient_funds",)])
    before = shop.stripe.keys()
    assert save(shop, holder, DECLINED, idempotencyKey=key)["code"] == "DECLINED"
    assert shop.stripe.keys() == before


def test_a_saving_that_is_not_ours(shop: Site) -> None:
    """A method that another program saves for a customer of ours is read and not kept here."""
    holder = new_holder(shop)
    shop.stripe.call(
        "POST",
        "setup_intents",
        customer=holder["externalId"],
        payment_method=VISA,
        confirm="true",
    )
    until(lambda: waiting_reports(shop.server) == 0)
    assert kept(shop, holder) == []
    assert shop.stripe.attached(holder["externalId"]) == 1


@pytest.mark.parametrize(("type", "last_four"), [("ideal", "9191"), ("bancontact", "7061")])
def test_what_a_bank_s_way_leaves_to_charge_later(at_once: Site, type: str, last_four: str) -> None:
    """It is the SEPA debit that Stripe made of it, and that pays the next time: the way itself is for once."""
    holder = new_holder(at_once)
    ids = [holder["id"]]
    collection = open_collection(at_once.server, "50.00", "EUR", accountHolderIds=ids)
    session = open_session(
        at_once.server,
        collection["id"],
        provider="stripe",
        accountHolderId=holder["id"],
        data={"setupFutureUsage": "off_session"},
        returnUrl=BACK,
    )
    said = at_once.stripe.in_browser(session, type)
    assert "error" not in said, said
    at_once.stripe.control("authenticate", id=reference_of(session), succeeds=True)
    until(lambda: at_once.session(session["id"])["status"] == "CAPTURED")
    payment = at_once.payment(at_once.session(session["id"])["payment"]["id"])
    assert payment["paidWith"]["type"] == type
    (method,) = shown(at_once, holder["id"])["paymentMethods"]
    assert (method["details"]["type"], method["details"]["lastFour"]) == ("sepa_debit", last_four)
    assert method["details"]["label"] == f"SEPA debit ending in {last_four}"
    second = session_of(at_once, holder, accountHolderId=holder["id"])
    authorize(at_once.server, second["id"], paymentMethodId=method["id"])
    intent = at_once.stripe.intent(reference_of(second))
    (sepa_debit,) = at_once.stripe.call("GET", f"customers/{holder['externalId']}/payment_methods")[
        "data"
    ]
    assert (intent["payment_method"], sepa_debit["type"]) == (sepa_debit["id"], "sepa_debit")
