"""Values of `data` that Stripe would refuse, refused before Stripe is contacted."""

import pytest

from payments.ports.provider import DataFault
from providers.stripe.data import check
from providers.stripe.methods import METHODS
from tests.providers.stripe.saved_methods.test_holders import new_holder, save, saved, session_of
from tests.providers.stripe.site import VISA, Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import authorize, open_collection
from tests.support.program.running import Json
from tools.fake_stripe.objects import DESCRIPTOR_PREFIX

pytestmark = pytest.mark.once

BY_ID = {str(method.id): method for method in METHODS}


@pytest.mark.parametrize(
    ("provider", "data", "key"),
    [
        ("stripe", {"paymentmethod": VISA}, "paymentmethod"),
        ("stripe", {"paymentMethod": "4242424242424242"}, "paymentMethod"),
        ("stripe", {"paymentMethod": 7}, "paymentMethod"),
        ("stripe", {"setupFutureUsage": "always"}, "setupFutureUsage"),
        ("stripe", {"statementDescriptor": "ORDER 7"}, "statementDescriptor"),
        ("stripe_ideal", {"statementDescriptor": "12345"}, "statementDescriptor"),
        ("stripe_ideal", {"statementDescriptor": "ORD7"}, "statementDescriptor"),
        ("stripe_ideal", {"statementDescriptor": "A" * 23}, "statementDescriptor"),
        ("stripe_ideal", {"statementDescriptor": "ORDER\\7"}, "statementDescriptor"),
        ("stripe", {"statementDescriptorSuffix": "A*B"}, "statementDescriptorSuffix"),
        ("stripe", {"statementDescriptorSuffix": "1234"}, "statementDescriptorSuffix"),
        ("stripe", {"statementDescriptorSuffix": "A" * 19}, "statementDescriptorSuffix"),
        ("stripe", {"receiptEmail": "ada"}, "receiptEmail"),
        ("stripe", {"description": ""}, "description"),
        ("stripe", {"offSession": True, "setupFutureUsage": "off_session"}, "offSession"),
    ],
)
def test_data_that_is_not_taken(provider: str, data: Json, key: str) -> None:
    """The key at fault is named."""
    with pytest.raises(DataFault) as fault:
        check(data, BY_ID[provider])
    assert fault.value.key == key


@pytest.mark.parametrize(
    ("provider", "data"),
    [
        ("stripe", {"statementDescriptorSuffix": "A" * 18}),
        ("stripe", {"offSession": False, "setupFutureUsage": "off_session"}),
        ("stripe_ideal", {"statementDescriptor": "ORDER"}),
        ("stripe_ideal", {"statementDescriptor": "A" * 22}),
    ],
)
def test_data_that_is_taken(provider: str, data: Json) -> None:
    """At its limits as well."""
    check(data, BY_ID[provider])


@pytest.mark.parametrize(("prefix", "longest"), [("SHOP", 16), ("AB", 18), ("TEN LETTER", 10)])
def test_a_suffix_with_its_prefix(prefix: str, longest: int) -> None:
    """Both have room on one statement, with the asterisk and the space between them."""
    assert len(f"{prefix}* {'A' * longest}") == 22
    check({"statementDescriptorSuffix": "A" * longest}, BY_ID["stripe"], prefix)
    with pytest.raises(DataFault, match=f"1 to {longest} characters"):
        check({"statementDescriptorSuffix": "A" * (longest + 1)}, BY_ID["stripe"], prefix)


def reject_data(shop: Site, data: Json, provider: str = "stripe") -> Json:
    """Open a session with some data that is refused before Stripe is asked."""
    collection = open_collection(shop.server, "49.90", "EUR")
    before = shop.stripe.keys()
    values = {"paymentCollectionId": collection["id"], "providerId": provider, "data": data}
    answer = shop.server.change("createPaymentSession", values)
    assert answer["code"] == "INVALID_INPUT", answer
    assert shop.stripe.keys() == before
    return answer


def test_a_whole_descriptor_where_cards_are_taken(shop: Site) -> None:
    """It is refused with the key that takes its place; a way of its own takes it."""
    answer = reject_data(shop, {"statementDescriptor": "ORDER 7"})
    assert answer["path"] == ["data", "statementDescriptor"]
    assert "statementDescriptorSuffix" in answer["message"]
    data = {"statementDescriptor": "ORDER 7"}
    session = shop.opened("49.90", "EUR", provider="stripe_ideal", data=data)
    assert shop.stripe.intent(reference_of(session))["statement_descriptor"] == "ORDER 7"


def test_a_suffix_that_is_too_long_for_the_account(shop: Site) -> None:
    """The account's own prefix is read with it: what is left for the suffix is said."""
    answer = reject_data(shop, {"statementDescriptorSuffix": "A" * 12})
    assert answer["path"] == ["data", "statementDescriptorSuffix"]
    assert f"1 to {22 - len(DESCRIPTOR_PREFIX) - 2} characters" in answer["message"]


def test_what_is_kept_for_later_needs_the_customer(shop: Site) -> None:
    """Off session with setupFutureUsage, however the two come together, is refused; without it the session goes on."""
    holder = new_holder(shop)
    method = saved(shop, holder)
    data = {"setupFutureUsage": "off_session"}
    session = session_of(shop, holder, accountHolderId=holder["id"], data=data)
    before = shop.stripe.keys()
    given = {"paymentMethodId": method["id"], "data": {"offSession": True}}
    answer = authorize(shop.server, session["id"], **given)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["data", "offSession"])
    assert shop.stripe.keys() == before
    assert shop.stripe.ledger(reference_of(session)) == []
    payment = authorize(shop.server, session["id"], paymentMethodId=method["id"])
    assert payment["__typename"] == "Payment"


def test_a_payment_method_that_is_not_there(shop: Site) -> None:
    """Paying with it, and saving it, name the field, and say what is wrong."""
    session = shop.opened("50.00")
    failed = authorize(shop.server, session["id"], data={"paymentMethod": "pm_nowhere"})
    missing = ("DECLINED", "payment_method_missing", ["data"])
    assert (failed["code"], failed["declineCode"], failed["path"]) == missing
    assert failed["message"] == "The provider has no such payment method."
    holder = new_holder(shop)
    refused = save(shop, holder, "pm_nowhere")
    assert (refused["code"], refused["path"]) == ("DECLINED", ["data"])
    assert refused["message"] == "The provider has no such payment method."
