"""Payment methods kept for customers at Stripe, and payments with them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.providers.stripe.saved_methods.test_holders import (
    new_holder,
    save,
    saved,
    session_of,
    shown,
)
from tests.providers.stripe.site import (
    DECLINED,
    PUBLISHABLE_KEY,
    THREE_D_SECURE,
    VISA,
    VISA_DETAILS,
    Site,
)
from tests.support.flow.shop import authorize, capture, new_key, open_collection
from tests.support.program.running import Json
from tests.support.waiting import until

pytestmark = pytest.mark.once

AUTHENTICATION_REQUIRED = "pm_card_authenticationRequired"

# ── Saved methods ──────────────────────────────────────────────────────────────


@pytest.mark.both
def test_a_card_is_saved(shop: Site) -> None:
    """It belongs to its holder, and to the customer at Stripe."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    (found,) = shown(shop, holder["id"])["paymentMethods"]
    assert found == {
        "id": method["id"],
        "details": VISA_DETAILS,
        "provider": {"id": "stripe"},
    }
    assert shop.stripe.attached(holder["externalId"]) == 1


@pytest.mark.both
def test_saving_with_one_key_saves_once(patient: Site) -> None:
    """Twenty at the same time and one later: one method, one SetupIntent; with another input it is refused."""
    holder, key = new_holder(patient), new_key()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: save(patient, holder, idempotencyKey=key), range(20)))
    answers.append(save(patient, holder, idempotencyKey=key))
    assert {answer["__typename"] for answer in answers} == {"PaymentMethod"}
    assert len({answer["id"] for answer in answers}) == 1
    assert patient.stripe.attached(holder["externalId"]) == 1
    refused = save(patient, holder, "pm_card_mastercard", idempotencyKey=key)
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_a_declined_card_is_not_saved(shop: Site) -> None:
    """The reason is told, its key answers so for ever, and nothing is attached."""
    holder, key = new_holder(shop), new_key()
    refused = save(shop, holder, DECLINED, idempotencyKey=key)
    assert refused["code"] == "DECLINED"
    assert "insufficient_funds" in refused["message"]
    before = shop.stripe.keys()
    again = save(shop, holder, DECLINED, idempotencyKey=key)
    assert (again["code"], again["message"]) == (refused["code"], refused["message"])
    assert shop.stripe.keys() == before
    assert shown(shop, holder["id"])["paymentMethods"] == []


@pytest.mark.parametrize("succeeds", [True, False])
def test_saving_asks_for_authentication(shop: Site, succeeds: bool) -> None:
    """SaveRequiresAction goes on with its setupId once the customer has acted, however often it is asked."""
    holder = new_holder(shop)
    answer = save(shop, holder, THREE_D_SECURE)
    assert answer["__typename"] == "SaveRequiresAction"
    assert answer["action"]["__typename"] == "ConfirmWithSdk"
    assert answer["action"]["publishableKey"] == PUBLISHABLE_KEY
    setup_id = answer["setupId"]
    waiting = save(shop, holder, None, setupId=setup_id)
    assert (waiting["__typename"], waiting["setupId"]) == ("SaveRequiresAction", setup_id)
    reference = answer["action"]["clientSecret"].partition("_secret_")[0]
    shop.stripe.control("authenticate", id=reference, succeeds=succeeds)
    ended = save(shop, holder, None, setupId=setup_id)
    if succeeds:
        assert ended["__typename"] == "PaymentMethod"
        assert save(shop, holder, None, setupId=setup_id)["id"] == ended["id"]
    else:
        assert ended["code"] == "ACTION_FAILED"
    assert len(shown(shop, holder["id"])["paymentMethods"]) == (1 if succeeds else 0)


def test_saved_in_the_browser(shop: Site) -> None:
    """Without a card, Stripe's library collects it with the client secret; after a declined one it takes another."""
    holder = new_holder(shop)
    answer = save(shop, holder, None)
    secret = answer["action"]["clientSecret"]
    path = f"setup_intents/{secret.partition('_secret_')[0]}/confirm"
    shop.stripe.call("POST", path, PUBLISHABLE_KEY, payment_method=DECLINED, client_secret=secret)
    assert save(shop, holder, None, setupId=answer["setupId"])["code"] == "DECLINED"
    shop.stripe.call("POST", path, PUBLISHABLE_KEY, payment_method=VISA, client_secret=secret)
    method = save(shop, holder, None, setupId=answer["setupId"])
    assert method["__typename"] == "PaymentMethod"


@pytest.mark.parametrize("fault", ["DROP_AFTER", "FAIL_AFTER", "MALFORMED", "HTML", "CONFLICT"])
def test_a_lost_answer_saves_once(deaf: Site, fault: str) -> None:
    """The same call again has the method, and there is one."""
    holder = new_holder(deaf)
    deaf.stripe.fault(fault, "create_setup")
    key = new_key()
    first = save(deaf, holder, idempotencyKey=key)
    if first["__typename"] == "RequestRejected":
        assert (first["code"], first["retryable"]) == ("IN_PROGRESS", True)
    assert save(deaf, holder, idempotencyKey=key)["__typename"] == "PaymentMethod"
    assert deaf.stripe.attached(holder["externalId"]) == 1
    assert len(shown(deaf, holder["id"])["paymentMethods"]) == 1


def test_a_deleted_method_pays_no_more(shop: Site) -> None:
    """It is detached at Stripe; deleting it again is NOT_FOUND, and one that was detached there is no fault."""
    holder = new_holder(shop)
    first, second = saved(shop, holder), saved(shop, holder, "pm_card_mastercard")
    session = session_of(shop, holder)
    assert shop.server.change("deletePaymentMethod", {"id": first["id"]}) == {
        "__typename": "Deleted",
        "id": first["id"],
    }
    assert shop.stripe.attached(holder["externalId"]) == 1
    refused = authorize(shop.server, session["id"], paymentMethodId=first["id"])
    assert refused["code"] == "NOT_FOUND"
    again = shop.server.change("deletePaymentMethod", {"id": first["id"]})
    assert (again["code"], again["path"]) == ("NOT_FOUND", ["id"])
    shop.stripe.detach_all(holder["externalId"])
    deleted = shop.server.change("deletePaymentMethod", {"id": second["id"]})
    assert deleted["__typename"] == "Deleted"


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"accountHolderId": "none"}, "NOT_FOUND", ["accountHolderId"]),
        (
            {"data": {"paymentMethod": "4242424242424242"}},
            "INVALID_INPUT",
            ["data", "paymentMethod"],
        ),
        ({"data": {"receiptEmail": "ada@example.com"}}, "INVALID_INPUT", ["data", "receiptEmail"]),
        ({"setupId": "none"}, "NOT_FOUND", ["setupId"]),
        ({"setupId": "none", "data": {"paymentMethod": VISA}}, "INVALID_INPUT", ["data"]),
    ],
)
def test_bad_input_saves_nothing(shop: Site, given: Json, code: str, path: list[str]) -> None:
    """The field is named, and Stripe is not asked."""
    holder = new_holder(shop)
    before = shop.stripe.keys()
    refused = shop.server.change("savePaymentMethod", {"accountHolderId": holder["id"], **given})
    assert (refused["code"], refused["path"]) == (code, path)
    assert shop.stripe.keys() == before


def test_somebody_elses_saving_does_not_go_on(shop: Site) -> None:
    """A setupId is its holder's alone."""
    answer = save(shop, new_holder(shop), THREE_D_SECURE)
    refused = save(shop, new_holder(shop), None, setupId=answer["setupId"])
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["setupId"])


# ── Paying with what is saved ──────────────────────────────────────────────────


@pytest.mark.both
@pytest.mark.parametrize("has_holder", [True, False])
def test_a_saved_method_pays(shop: Site, has_holder: bool) -> None:
    """On a session of its holder and on one of nobody's; the intent is the customer's."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    more = {"accountHolderId": holder["id"]} if has_holder else {}
    session = session_of(shop, holder, **more)
    payment = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment", payment
    intent = shop.stripe.intent(session["data"]["paymentIntent"])
    assert intent["customer"] == holder["externalId"]
    assert capture(shop.server, payment["id"])["__typename"] == "Payment"


def test_an_off_session_payment_asks_for_the_customer(deaf: Site) -> None:
    """Authentication that nobody is there for is RequiresMoreAction; the customer confirms the same intent later."""
    holder = new_holder(deaf)
    answer = save(deaf, holder, AUTHENTICATION_REQUIRED)
    reference = answer["action"]["clientSecret"].partition("_secret_")[0]
    deaf.stripe.control("authenticate", id=reference, succeeds=True)
    method = save(deaf, holder, None, setupId=answer["setupId"])
    session = session_of(deaf, holder, accountHolderId=holder["id"])
    given = {"paymentMethodId": method["id"], "data": {"offSession": True}}
    answer = authorize(deaf.server, session["id"], **given)
    assert answer["__typename"] == "RequiresMoreAction", answer
    assert answer["action"]["__typename"] == "ConfirmWithSdk"
    assert authorize(deaf.server, session["id"])["__typename"] == "RequiresMoreAction"
    intent_id = session["data"]["paymentIntent"]
    waiting = deaf.session(session["id"])
    assert waiting["status"] == "REQUIRES_MORE"
    stored = deaf.stripe.intent(intent_id)["last_payment_error"]["payment_method"]["id"]
    deaf.stripe.in_browser(waiting, stored)
    deaf.stripe.control("authenticate", id=intent_id, succeeds=True)
    payment = authorize(deaf.server, session["id"])
    assert payment["__typename"] == "Payment"
    assert deaf.stripe.ledger(intent_id) == [("authorize", 10_000)]


def test_an_off_session_payment_goes_through(shop: Site) -> None:
    """A card that needs nobody pays; one that is declined says why."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    session = session_of(shop, holder, accountHolderId=holder["id"])
    given = {"paymentMethodId": method["id"], "data": {"offSession": True}}
    assert authorize(shop.server, session["id"], **given)["__typename"] == "Payment"


def test_nobody_elses_method_pays(shop: Site) -> None:
    """A method of a holder that is not the collection's answers as one that does not exist."""
    mine, theirs = new_holder(shop), new_holder(shop)
    method = saved(shop, theirs)
    session = session_of(shop, mine)
    refused = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    missing = authorize(
        shop.server, session["id"], paymentMethodId="paymtd_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    )
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["paymentMethodId"])
    assert (missing["code"], missing["message"]) == (refused["code"], refused["message"])
    other = session_of(shop, mine, theirs, accountHolderId=mine["id"])
    refused = authorize(shop.server, other["id"], paymentMethodId=method["id"])
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["paymentMethodId"])


def test_two_methods_at_once_are_refused(shop: Site) -> None:
    """A saved one and another one in data: neither is taken."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    session = session_of(shop, holder)
    refused = authorize(
        shop.server, session["id"], paymentMethodId=method["id"], data={"paymentMethod": VISA}
    )
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["data", "paymentMethod"])
    assert shop.stripe.ledger(session["data"]["paymentIntent"]) == []


def test_what_is_paid_with_is_kept(shop: Site) -> None:
    """With setupFutureUsage and a holder, the card of a payment is one of theirs afterwards, once."""
    holder = new_holder(shop)
    session = session_of(
        shop, holder, accountHolderId=holder["id"], data={"setupFutureUsage": "off_session"}
    )
    shop.stripe.in_browser(session, VISA)
    until(lambda: shop.session(session["id"])["status"] == "AUTHORIZED")
    assert authorize(shop.server, session["id"])["__typename"] == "Payment"
    (method,) = shown(shop, holder["id"])["paymentMethods"]
    second = session_of(shop, holder, accountHolderId=holder["id"])
    payment = authorize(shop.server, second["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment"


def test_a_session_is_for_a_holder_of_the_collection(shop: Site) -> None:
    """Another holder is not found; one of another provider is named as such."""
    holder = new_holder(shop)
    collection = open_collection(shop.server, accountHolderIds=[holder["id"]])
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    refused = shop.server.change(
        "createPaymentSession", {**values, "accountHolderId": new_holder(shop)["id"]}
    )
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["accountHolderId"])
    refused = shop.server.change(
        "createPaymentSession",
        {**values, "providerId": "sandbox", "accountHolderId": holder["id"]},
    )
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", ["accountHolderId"])


def test_a_collections_holders_can_be_changed(shop: Site) -> None:
    """They are replaced as a whole, each once; one that does not exist changes nothing."""
    first, second = new_holder(shop), new_holder(shop)
    collection = open_collection(shop.server, accountHolderIds=[first["id"], first["id"]])
    assert [one["id"] for one in collection["accountHolders"]] == [first["id"]]
    values = {"id": collection["id"], "accountHolderIds": [second["id"]]}
    changed = shop.server.change("updatePaymentCollection", values)
    assert [one["id"] for one in changed["accountHolders"]] == [second["id"]]
    values = {"id": collection["id"], "accountHolderIds": ["none"]}
    refused = shop.server.change("updatePaymentCollection", values)
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["accountHolderIds"])
    emptied = shop.server.change(
        "updatePaymentCollection", {"id": collection["id"], "accountHolderIds": None}
    )
    assert emptied["accountHolders"] == []
