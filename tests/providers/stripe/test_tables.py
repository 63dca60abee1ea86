"""The tables: Stripe's currencies and limits, and its SDK's errors."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe
import stripe._error

from payments.model.failures import FailureCode
from payments.model.money import AmountLimits, Money, decimals_of
from payments.model.outcomes import Declined, NotReached, Outcome, Unknown
from payments.ports.provider import LimitsAmounts, ReadsObjects, ReportRefused
from providers.settings import ProviderSettings, StripeSettings
from providers.stripe import create, webhooks
from providers.stripe.amounts import (
    LEAST,
    THREE_DECIMAL,
    ZERO_DECIMAL,
    from_stripe,
    limits,
    to_stripe,
)
from providers.stripe.codes import CONFIGURATION_CODES
from providers.stripe.errors import MEANINGS, Meaning, declined, meaning_of, outcome_of
from tests.providers.stripe.site import SECRET_KEY, WEBHOOK_SECRET, Site
from tests.providers.stripe.test_reports import report, signed
from tests.support.flow.shop import collection_of, open_collection
from tests.support.program.running import Json
from tools.fake_stripe.cards import CARDS, Card

pytestmark = pytest.mark.once

# Minor units here by ISO 4217, and the amount at Stripe. Source: https://docs.stripe.com/currencies.
AT_STRIPE = {
    "USD": (1_000, 1_000),
    "EUR": (1, 1),
    "JPY": (500, 500),
    "KRW": (500, 500),
    "VND": (10_000, 10_000),
    "XPF": (500, 500),
    "KWD": (5_120, 5_120),
    "BHD": (10, 10),
    "ISK": (5, 500),
    "UGX": (5, 500),
    "HUF": (1_045, 1_045),
    "TWD": (80_045, 80_045),
    "MGA": (500, 5),
}


@pytest.mark.parametrize("currency", AT_STRIPE)
def test_amounts_in_stripes_unit(currency: str) -> None:
    """An amount is sent in Stripe's unit of the currency, and read from it, exactly."""
    minor, at_stripe = AT_STRIPE[currency]
    assert to_stripe(Money(minor, currency)) == at_stripe
    assert from_stripe(at_stripe, currency.lower()) == Money(minor, currency)


@pytest.mark.parametrize(("amount", "currency"), [(501, "isk"), (1, "ugx"), (5, "zzz"), (5, "xxx")])
def test_an_amount_that_can_not_be(amount: int, currency: str) -> None:
    """An amount with more decimals than its currency has, or in no known currency, is refused."""
    with pytest.raises(ValueError, match=r"no currency|too fine"):
        from_stripe(amount, currency)


@pytest.mark.parametrize("currency", sorted({*LEAST, *ZERO_DECIMAL, *THREE_DECIMAL}))
def test_every_currency_of_the_tables(currency: str) -> None:
    """Each is one of ISO 4217's, and its limits are whole steps."""
    found = limits(currency)
    assert decimals_of(currency) in (0, 2, 3)
    assert 0 < found.least_minor < found.most_minor
    assert found.least_minor % found.step_minor == 0
    assert to_stripe(Money(found.least_minor, currency)) >= 1


@pytest.mark.parametrize(
    ("currency", "least", "most", "step"),
    [
        ("USD", 50, 99_999_999, 1),
        ("GBP", 30, 99_999_999, 1),
        ("JPY", 50, 9_999_999_999, 1),
        ("HUF", 17_500, 9_999_999_999, 1),
        ("INR", 50, 999_999_999, 1),
        ("COP", 50, 9_999_999_999, 1),
        ("LBP", 1, 99_999_999_999, 1),
        ("IDR", 50, 999_999_999_999, 1),
        ("CZK", 1_500, 99_999_999, 1),
        ("KWD", 10, 10**18, 10),
        ("MGA", 100, 10**18, 100),
    ],
)
def test_the_limits_of_a_currency(currency: str, least: int, most: int, step: int) -> None:
    """In minor units: Stripe's least and most where it has any, and steps where it takes none finer."""
    assert limits(currency) == AmountLimits(least, most, step)


@pytest.mark.parametrize(
    ("currency", "amount", "code", "bound"),
    [
        ("USD", "0.49", "AMOUNT_TOO_SMALL", "0.50"),
        ("USD", "1000000.00", "AMOUNT_TOO_LARGE", "999999.99"),
        ("INR", "10000000.00", "AMOUNT_TOO_LARGE", "9999999.99"),
        ("KWD", "5.124", "INVALID_INPUT", None),
    ],
)
def test_an_amount_that_stripe_does_not_take(
    shop: Site, currency: str, amount: str, code: str, bound: str | None
) -> None:
    """It is refused before Stripe is asked, with what would be right."""
    collection = open_collection(shop.server, amount, currency)
    before = shop.stripe.keys()
    answer = shop.server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection["id"], "providerId": "stripe", "amount": amount},
    )
    assert (answer["code"], answer["path"]) == (code, ["amount"])
    assert bound in (answer["minimumAmount"], answer["maximumAmount"])
    assert shop.stripe.keys() == before


def test_an_amount_that_only_stripe_judges(shop: Site) -> None:
    """An amount below a minimum that only Stripe knows is AMOUNT_TOO_SMALL at `amount`, and the session is closed."""
    collection = open_collection(shop.server, "0.49", "TRY")
    values = {"paymentCollectionId": collection["id"], "providerId": "stripe"}
    refused = shop.server.change("createPaymentSession", values)
    assert (refused["code"], refused["path"]) == ("AMOUNT_TOO_SMALL", ["amount"])
    (session,) = collection_of(shop.server, collection["id"])["paymentSessions"]
    assert session["status"] == "CANCELED"
    assert shop.stripe.intents_of(session["id"]) == []


@pytest.mark.parametrize(
    ("currency", "amount"), [("ISK", "5000"), ("UGX", "5000"), ("KWD", "5.120")]
)
def test_a_payment_in_a_special_currency(shop: Site, currency: str, amount: str) -> None:
    """It is authorized for the amount, whatever Stripe's unit is."""
    assert shop.paid(amount, currency)["amount"] == amount


def _classes(of: type) -> set[type]:
    found = {of}
    subclasses: list[type] = of.__subclasses__()
    for one in subclasses:
        found |= _classes(one)
    return found


def test_every_error_of_the_sdk_has_a_meaning() -> None:
    """A class that the SDK learns fails here until it is judged."""
    abstract: set[type] = {stripe.StripeError, stripe._error.StripeErrorWithParamCode}
    found = {
        one
        for one in _classes(stripe.StripeError).difference(abstract)
        # Those are of another API, by which accounts are connected.
        if one.__module__ != "stripe.oauth_error"
    }
    assert found == set(MEANINGS)


def failed(kind: Any, **values: Json) -> stripe.StripeError:
    """Make an error of the SDK, whose classes are not typed."""
    error = kind("text", **values)
    assert isinstance(error, stripe.StripeError)
    return error


def missing(param: str | None) -> stripe.StripeError:
    """Make the error of an object that is not there."""
    code = None if param is None else "resource_missing"
    return failed(stripe.InvalidRequestError, param=param, code=code, http_status=404)


DECLINED_CARD = {
    "param": None,
    "code": "card_declined",
    "json_body": {"error": {"decline_code": "lost_card"}},
}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (failed(stripe.CardError, **DECLINED_CARD), Declined("lost_card")),
        (failed(stripe.RateLimitError, http_status=429), NotReached()),
        (failed(stripe.AuthenticationError, http_status=401), NotReached()),
        (failed(stripe.PermissionError, http_status=403), NotReached()),
        (failed(stripe.APIError, http_status=500), Unknown()),
        (failed(stripe.APIConnectionError), Unknown()),
        (failed(stripe.IdempotencyError, http_status=400), Unknown()),
        (failed(stripe.InvalidRequestError, param=None, code="x", http_status=400), Declined("x")),
        (failed(stripe.InvalidRequestError, param=None, code="x", http_status=409), NotReached()),
        (missing("intent"), NotReached()),
        (missing("payment_intent"), NotReached()),
        (missing("id"), NotReached()),
        (missing(None), NotReached()),
        (missing("payment_method"), Declined("payment_method_missing")),
        (missing("customer"), Declined("account_holder_missing")),
    ],
    ids=[
        "card",
        "rate",
        "key",
        "permission",
        "500",
        "connection",
        "key reused",
        "400",
        "409",
        "intent missing",
        "refund's intent missing",
        "missing",
        "address missing",
        "method missing",
        "customer missing",
    ],
)
def test_what_errors_mean(error: stripe.StripeError, outcome: Outcome) -> None:
    """The four outcomes, by the class and the status."""
    assert outcome_of(error) == outcome


@pytest.mark.parametrize("code", sorted(CONFIGURATION_CODES))
def test_what_a_wrong_configuration_means(code: str) -> None:
    """Nothing was done, and it says nothing of what was asked."""
    error = failed(stripe.InvalidRequestError, param=None, code=code, http_status=400)
    assert meaning_of(error) is Meaning.MISCONFIGURED
    assert outcome_of(error) == NotReached()


@pytest.mark.parametrize("card", [card for card in CARDS.values() if card.code is not None])
def test_what_a_declined_card_means(card: Card) -> None:
    """The issuer's own word, for each of Stripe's test cards that are declined."""
    body = {"error": {"decline_code": card.decline_code}}
    error = failed(stripe.CardError, param=None, code=card.code, json_body=body)
    assert outcome_of(error) == Declined(card.decline_code)


def test_what_failures_of_the_customer_mean() -> None:
    """A failed authentication is ACTION_FAILED and an expired charge is EXPIRED; neither is a decline."""
    found = declined("payment_intent_authentication_failure", None)
    assert found.code is FailureCode.ACTION_FAILED
    assert declined("charge_expired_for_capture", None).code is FailureCode.EXPIRED


SECRETS = ("whsec_of_another_time", WEBHOOK_SECRET)
EVENT_BODY = report()


def resigned(before: str = "", behind: str = "") -> dict[str, str]:
    """Sign the event, with something before or after the signature."""
    return {"stripe-signature": f"{before}{signed(EVENT_BODY)['stripe-signature']}{behind}"}


@pytest.mark.parametrize(
    "headers",
    [
        dict,
        lambda: {"stripe-signature": ""},
        lambda: {"stripe-signature": "t=x,v1=y"},
        lambda: signed(EVENT_BODY, secret="whsec_wrong"),
        lambda: signed(EVENT_BODY, at=-301),
        lambda: signed(EVENT_BODY, at=86_400),
        lambda: signed(report(id="evt_2")),
        lambda: resigned(behind=",t=abc"),
        lambda: resigned(behind=f",t={int(time.time())}"),
        lambda: resigned(behind=", t=1"),
        lambda: resigned(before="t=1,"),
        lambda: resigned(behind="," + signed(EVENT_BODY)["stripe-signature"]),
        lambda: {"stripe-signature": f"t={'9' * 5_000},v1=y"},
    ],
    ids=[
        "none",
        "empty",
        "malformed",
        "other secret",
        "too old",
        "to come",
        "other body",
        "another time that is none",
        "the same time twice",
        "another time behind a space",
        "another time first",
        "two signatures in one",
        "a time of 5,000 digits",
    ],
)
def test_a_report_that_is_not_stripe_s(headers: Callable[[], dict[str, str]]) -> None:
    """Unsigned, of another time or about something else: it is not read."""
    with pytest.raises(ReportRefused) as refused:
        webhooks.verify(SECRETS, headers(), EVENT_BODY)
    assert type(refused.value) is ReportRefused
    webhooks.verify(SECRETS, signed(EVENT_BODY), EVENT_BODY)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"5",
        b"null",
        b"{}",
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        report(id=None),
        report(id="x" * 256),
        report(type=None),
        report(object="thing"),
        report(livemode=True),
        report(livemode=None),
        report(account="acct_1"),
        report(data=None),
        report(data={"object": []}),
        report(data={"object": {"id": 5, "object": "payment_intent"}}),
    ],
)
def test_a_report_that_can_not_be_read(body: bytes) -> None:
    """Of another mode or account, or malformed, whoever signed it."""
    with pytest.raises(ReportRefused) as refused:
        webhooks.read(body, is_live=False)
    assert type(refused.value) is ReportRefused


def test_the_providers() -> None:
    """Each way of paying is a provider, and all are what the flow takes them for."""
    settings = ProviderSettings("http://a", "http://a", stripe=StripeSettings(SECRET_KEY))
    made = {provider.id: provider for provider in create(settings)}
    assert {"stripe", "stripe_ideal", "stripe_bancontact", "stripe_blik"} <= made.keys()
    assert {"stripe_giropay", "stripe_przelewy24", "stripe_promptpay", "stripe_oxxo"} <= made.keys()
    for provider in made.values():
        assert isinstance(provider, LimitsAmounts)
        assert isinstance(provider, ReadsObjects)
    assert create(ProviderSettings("http://a", "http://a")) == ()
