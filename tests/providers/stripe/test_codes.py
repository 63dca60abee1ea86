"""Every code that Stripe's SDK names is classified, or plain by decision; another one is a plain decline."""

import inspect
import re
from collections import Counter
from typing import Any, get_args

import pytest
import stripe

from payments.model.failures import FailureCode
from payments.model.money import Money
from payments.model.outcomes import Declined, Moved, NotReached
from payments.model.statuses import DisputeStatus
from providers.stripe import codes, intents
from providers.stripe.disputes import dispute_of
from providers.stripe.errors import declined, outcome_of
from tests.providers.stripe.site import SECRET_KEY
from tools.fake_stripe import objects

pytestmark = pytest.mark.once

TABLES = {
    "configuration": codes.CONFIGURATION_CODES,
    "not done": codes.NOT_DONE_CODES,
    "moved": codes.MOVED_CODES,
    "action failed": codes.ACTION_FAILED_CODES,
    "expired": codes.EXPIRED_CODES,
    "missing": {codes.MISSING},
    "plain": codes.PLAIN_CODES,
}
DECLINE_TABLES = {
    FailureCode.ACTION_FAILED: codes.ACTION_FAILED_DECLINES,
    FailureCode.EXPIRED: codes.EXPIRED_DECLINES,
    FailureCode.DECLINED: codes.PLAIN_DECLINES,
}
UNHEARD_OF = "refused_by_the_moon"


def codes_of(kind: Any) -> set[str]:
    """Return the codes that the SDK names for an error of an object."""
    parts = get_args(kind.__annotations__["code"])
    return {word for part in parts for word in get_args(part) if isinstance(word, str)}


def documented(kind: type, field: str) -> set[str]:
    """Return the values that the SDK's description of a field names, where its type is any text."""
    source = inspect.getsource(kind)
    matched = re.search(rf"\n    {field}: [^\n]*\n    \"\"\"\n(.*?)\"\"\"", source, re.DOTALL)
    assert matched is not None
    return set(re.findall(r"`([a-z_]+)`", matched[1]))


def test_every_code_of_the_sdk_is_in_one_table() -> None:
    """209 of them, for intents and for setups alike; none is in two."""
    named = codes_of(stripe.PaymentIntent.LastPaymentError)
    assert named == codes_of(stripe.SetupIntent.LastSetupError)
    assert len(named) == 209
    counted = Counter(code for table in TABLES.values() for code in table)
    assert set(counted) == named
    assert [code for code, times in counted.items() if times > 1] == []


def failure_of(code: str | None, decline_code: str | None = None) -> tuple[FailureCode, str | None]:
    """Return what a caller is told of an intent's last failure."""
    found = declined(code, decline_code)
    return found.code, found.decline_code


def test_what_each_code_says_of_a_failed_attempt() -> None:
    """Failed actions and expiries are told apart from declines, and each keeps its code."""
    kinds = {"action failed": FailureCode.ACTION_FAILED, "expired": FailureCode.EXPIRED}
    for table, found in TABLES.items():
        expected = kinds.get(table, FailureCode.DECLINED)
        assert {code: failure_of(code) for code in found} == {
            code: (expected, code) for code in found
        }
    assert failure_of(UNHEARD_OF) == (FailureCode.DECLINED, UNHEARD_OF)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("authentication_failure", FailureCode.ACTION_FAILED),
        ("payment_method_customer_decline", FailureCode.ACTION_FAILED),
        ("capture_charge_authorization_expired", FailureCode.EXPIRED),
        ("setup_intent_setup_attempt_expired", FailureCode.EXPIRED),
        ("expired_payment_method", FailureCode.DECLINED),
        ("charge_not_refundable", FailureCode.DECLINED),
        ("charge_disputed", FailureCode.DECLINED),
        ("refund_disputed_payment", FailureCode.DECLINED),
        (UNHEARD_OF, FailureCode.DECLINED),
    ],
)
def test_what_a_code_says_of_a_refused_request(code: str, failure: FailureCode) -> None:
    """The same as of an intent's last failure, whatever the class of the error."""
    for kind in (stripe.InvalidRequestError, stripe.CardError):
        error = kind("text", param=None, code=code, http_status=400)
        assert outcome_of(error) == Declined(code, failure)


@pytest.mark.parametrize("code", sorted(codes.NOT_DONE_CODES))
def test_codes_of_what_was_not_done(code: str) -> None:
    """Stripe did nothing, with whatever status it says so."""
    error = stripe.InvalidRequestError("text", param=None, code=code, http_status=400)  # type: ignore[no-untyped-call]  # the SDK's own
    assert outcome_of(error) == NotReached()


def test_every_documented_decline_code() -> None:
    """Each is in one table, keeps its word, and says the same whatever the error's own code is."""
    counted = Counter(code for table in DECLINE_TABLES.values() for code in table)
    assert [code for code, times in counted.items() if times > 1] == []
    for failure, table in DECLINE_TABLES.items():
        for word in table:
            for code in ("card_declined", "payment_method_provider_decline"):
                assert failure_of(code, word) == (failure, word)
    assert failure_of("card_declined", UNHEARD_OF) == (FailureCode.DECLINED, UNHEARD_OF)


def test_every_reason_of_a_failed_refund() -> None:
    """Each that Stripe documents, and one that it does not yet, is the decline code of the refund."""
    assert documented(stripe.Refund, "failure_reason") == codes.REFUND_FAILURES
    intent = objects.payment_intent("pi_1", {"amount": 1_000, "currency": "usd"})
    for reason in (*codes.REFUND_FAILURES, UNHEARD_OF):
        made = objects.refund("re_1", intent, {}, 500, "failed") | {"failure_reason": reason}
        refund = stripe.Refund.construct_from(made, SECRET_KEY)
        assert intents.refund_of(refund) == Declined(reason)
    made = objects.refund("re_1", intent, {}, 500, "succeeded")
    refund = stripe.Refund.construct_from(made, SECRET_KEY)
    assert intents.refund_of(refund) == Moved(Money(500, "USD"))


def test_every_reason_of_a_dispute() -> None:
    """Each of the 15 that Stripe documents, and one that it does not yet, is shown as Stripe's word."""
    reasons = documented(stripe.Dispute, "reason")
    assert len(reasons) == 15
    intent = stripe.PaymentIntent.construct_from(
        objects.payment_intent("pi_1", {"amount": 1_000, "currency": "usd"})
        | {"metadata": {intents.SESSION_KEY: "payses_1"}},
        SECRET_KEY,
    )
    charge = {"id": "ch_1", "amount": 1_000, "currency": "usd", "payment_intent": "pi_1"}
    for reason in (*reasons, UNHEARD_OF):
        body = objects.dispute("dp_1", charge, reason, "needs_response")
        found = dispute_of(intent, stripe.Dispute.construct_from(body, SECRET_KEY))
        assert (found.reason, found.status) == (reason, DisputeStatus.NEEDS_RESPONSE)
