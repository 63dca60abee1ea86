"""Customers whom somebody has deleted at Stripe."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.providers.stripe.faults.test_accounts import another_account
from tests.providers.stripe.saved_methods.test_holders import (
    new_holder,
    save,
    saved,
    session_of,
    shown,
)
from tests.providers.stripe.site import VISA, Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import authorize, collection_of, new_key, open_collection
from tests.support.program.running import Json

pytestmark = pytest.mark.once


def deleted(shop: Site, **more: Json) -> Json:
    """Make a holder whose customer is deleted in Stripe's dashboard."""
    holder = new_holder(shop, **more)
    shop.stripe.call("DELETE", f"customers/{holder['externalId']}")
    return holder


def again(shop: Site, holder: Json, **more: Json) -> Json:
    """Create a holder once more."""
    return new_holder(shop, customerReference=holder["customerReference"], **more)


@pytest.mark.both
def test_a_session_for_a_deleted_customer(shop: Site) -> None:
    """The failure names the holder; created again it is the same one with a new customer, who pays."""
    holder = deleted(shop, email="ada@example.com", name="Ada")
    collection = open_collection(shop.server, accountHolderIds=[holder["id"]])
    values = {
        "paymentCollectionId": collection["id"],
        "providerId": "stripe",
        "accountHolderId": holder["id"],
    }
    refused = shop.server.change("createPaymentSession", values)
    assert (refused["code"], refused["path"]) == ("DECLINED", ["accountHolderId"])
    (session,) = collection_of(shop.server, collection["id"])["paymentSessions"]
    assert session["status"] == "CANCELED"
    made = again(shop, holder)
    assert made["id"] == holder["id"]
    assert made["externalId"] != holder["externalId"]
    customer = shop.stripe.call("GET", f"customers/{made['externalId']}")
    assert (customer["email"], customer["name"]) == ("ada@example.com", "Ada")
    opened = shop.server.change("createPaymentSession", values)
    method = saved(shop, made)
    payment = authorize(shop.server, opened["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment"
    assert shop.stripe.intent(reference_of(opened))["customer"] == made["externalId"]


def test_what_was_kept_is_gone_with_the_customer(shop: Site) -> None:
    """Their saved methods pay no more and are not shown; a saving that had come about is not the new one's."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    answer = save(shop, holder, None)
    secret = answer["action"]["clientSecret"]
    path = f"setup_intents/{secret.partition('_secret_')[0]}/confirm"
    shop.stripe.call("POST", path, payment_method=VISA)
    shop.stripe.call("DELETE", f"customers/{holder['externalId']}")
    made = again(shop, holder)
    assert shown(shop, made["id"])["paymentMethods"] == []
    refused = authorize(shop.server, session_of(shop, made)["id"], paymentMethodId=method["id"])
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["paymentMethodId"])
    ended = save(shop, made, None, setupId=answer["setupId"])
    # Stripe's report of the saving may come before the deletion: then it was kept, and is gone with the others.
    assert (ended["code"], ended["path"]) in [
        ("DECLINED", ["accountHolderId"]),
        ("NOT_FOUND", None),
    ]
    assert shown(shop, made["id"])["paymentMethods"] == []


def test_a_saving_whose_answer_was_lost_is_gone_with_the_customer(deaf: Site) -> None:
    """Its key says so for ever, and never repeats the old customer's request for the new one."""
    holder, key = new_holder(deaf), new_key()
    deaf.stripe.fault("DROP_AFTER", "create_setup")
    assert save(deaf, holder, idempotencyKey=key)["code"] == "IN_PROGRESS"
    deaf.stripe.call("DELETE", f"customers/{holder['externalId']}")
    made = again(deaf, holder)
    before = deaf.stripe.keys()
    ended = save(deaf, made, idempotencyKey=key)
    assert (ended["code"], ended["path"]) == ("DECLINED", ["accountHolderId"])
    assert deaf.stripe.keys() == before
    assert save(deaf, made)["__typename"] == "PaymentMethod"


def test_saving_and_changing_name_the_customer(shop: Site) -> None:
    """If the customer was deleted, saving a method and changing the holder fail and name the holder's field."""
    holder = deleted(shop)
    refused = save(shop, holder)
    assert (refused["code"], refused["path"]) == ("DECLINED", ["accountHolderId"])
    refused = shop.server.change("updateAccountHolder", {"id": holder["id"], "name": "Eve"})
    assert (refused["code"], refused["path"]) == ("DECLINED", ["id"])


def test_a_session_that_was_open(shop: Site) -> None:
    """It takes no payment of the deleted customer, and none of the new one: an intent keeps its customer."""
    holder = new_holder(shop)
    session = session_of(shop, holder, accountHolderId=holder["id"])
    shop.stripe.call("DELETE", f"customers/{holder['externalId']}")
    failed = authorize(shop.server, session["id"], data={"paymentMethod": VISA})
    assert (failed["__typename"], failed["declineCode"]) == (
        "AuthorizationFailed",
        "account_holder_missing",
    )
    method = saved(shop, again(shop, holder))
    before = shop.stripe.keys()
    refused = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert refused["code"] == "INVALID_STATE"
    assert shop.stripe.keys() == before
    assert shop.stripe.ledger(reference_of(session)) == []


def test_paid_before_the_customer_was_deleted(deaf: Site) -> None:
    """The payment is found by authorizing, though another customer was made; the method went with the old one."""
    holder = new_holder(deaf)
    data = {"setupFutureUsage": "off_session"}
    session = session_of(deaf, holder, accountHolderId=holder["id"], data=data)
    deaf.stripe.in_browser(session, VISA)
    deaf.stripe.call("DELETE", f"customers/{holder['externalId']}")
    made = again(deaf, holder)
    paid = authorize(deaf.server, session["id"])
    assert (paid["__typename"], paid.get("amount")) == ("Payment", session["amount"]), paid
    assert shown(deaf, made["id"])["paymentMethods"] == []


def test_a_saved_method_of_a_deleted_customer(shop: Site) -> None:
    """On a session of nobody's the failure names the payment method, and nothing is paid."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    session = session_of(shop, holder)
    shop.stripe.call("DELETE", f"customers/{holder['externalId']}")
    failed = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert (failed["__typename"], failed["path"]) == ("AuthorizationFailed", ["paymentMethodId"])
    assert shop.stripe.ledger(reference_of(session)) == []


def test_a_method_that_is_declined_and_another(shop: Site) -> None:
    """On a session of nobody's the second saved method of one customer pays: the intent is theirs already."""
    holder = new_holder(shop)
    declined = saved(shop, holder, "pm_card_refundFail")
    shop.stripe.call("POST", f"payment_methods/{_reference(shop, declined)}/detach")
    method = saved(shop, holder)
    session = session_of(shop, holder)
    failed = authorize(shop.server, session["id"], paymentMethodId=declined["id"])
    assert failed["__typename"] == "AuthorizationFailed"
    payment = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment"


def _reference(shop: Site, method: Json) -> str:
    query = "SELECT reference FROM payment_methods WHERE id = ?"
    ((found,),) = shop.server.rows(query, method["id"])
    return str(found)


@pytest.mark.both
def test_creating_again_at_the_same_time(patient: Site) -> None:
    """Ten calls make one new customer."""
    holder = deleted(patient)
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: again(patient, holder), range(10)))
    (external,) = {one["externalId"] for one in made}
    assert external != holder["externalId"]
    assert patient.stripe.customers(holder["id"]) == 1


def test_a_lost_answer_to_creating_again(deaf: Site) -> None:
    """The same call again has the customer that Stripe made."""
    holder = deleted(deaf)
    deaf.stripe.fault("DROP_AFTER", "create_customer")
    values = {"customerReference": holder["customerReference"], "idempotencyKey": new_key()}
    refused = deaf.server.change("createAccountHolder", {"providerId": "stripe", **values})
    assert refused["code"] == "IN_PROGRESS"
    made = deaf.server.change("createAccountHolder", {"providerId": "stripe", **values})
    assert made["externalId"] != holder["externalId"]
    assert deaf.stripe.customers(holder["id"]) == 1


def test_another_account_is_no_deletion(own: Site, tmp_path: Path) -> None:
    """A key of another account for a while: the holder stays, with what is kept, and nothing is made there."""
    holder = new_holder(own)
    method = saved(own, holder)
    with another_account(own, tmp_path / "other") as other:
        assert again(own, holder)["externalId"] == holder["externalId"]
        assert other.keys() == {}
    assert again(own, holder)["externalId"] == holder["externalId"]
    assert [one["id"] for one in shown(own, holder["id"])["paymentMethods"]] == [method["id"]]


def test_no_word_is_no_deletion(deaf: Site) -> None:
    """While Stripe does not answer, creating a holder again answers with the one that is there."""
    holder = new_holder(deaf)
    for fault in ("FAIL_BEFORE", "TOO_MANY", "HTML", "DROP_BEFORE"):
        deaf.stripe.fault(fault, "customer")
        assert again(deaf, holder)["externalId"] == holder["externalId"]
