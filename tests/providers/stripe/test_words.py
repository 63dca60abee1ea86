"""Every status that Stripe's SDK names has a meaning, and one that it does not name yet blocks nothing."""

from typing import Any, get_args

import pytest
import stripe

from payments.model.ids import OperationId
from payments.model.money import Money
from payments.model.outcomes import Declined, Moved, Outcome, Processing, Unknown
from payments.model.statuses import DisputeStatus
from providers.stripe import captures, intents
from providers.stripe.disputes import STATUSES, dispute_of
from providers.stripe.setups import saving_of
from tests.providers.stripe.site import SECRET_KEY
from tools.fake_stripe import objects
from tools.fake_stripe.cards import CARDS

pytestmark = pytest.mark.once

KEY = OperationId("capt_1")
ASKED = Money(1_000, "USD")
UNHEARD_OF = "settled_on_the_moon"


def words_of(kind: type[Any]) -> set[str]:
    """Return the statuses that the SDK names."""
    return {word for part in get_args(kind.__annotations__["status"]) for word in get_args(part)}


def intent(status: str) -> stripe.PaymentIntent:
    """Make an intent as Stripe shows it, of which a part was captured with our key."""
    made = objects.payment_intent("pi_1", {"amount": 1_000, "currency": "usd"})
    metadata = {intents.SESSION_KEY: "payses_1"}
    return stripe.PaymentIntent.construct_from(
        {**made, "status": status, "metadata": metadata}, SECRET_KEY
    )


def authorization(status: str) -> str:
    """Return the outcome of an authorization."""
    return type(intents.authorization_of(intent(status), None)).__name__


AUTHORIZATIONS = {
    "requires_payment_method": "ActionRequired",
    "requires_confirmation": "ActionRequired",
    "requires_action": "ActionRequired",
    "processing": "Processing",
    "requires_capture": "Authorized",
    "succeeded": "Authorized",
    "canceled": "Declined",
}


def test_every_status_of_an_intent() -> None:
    """Each has its outcome; another one tells nothing."""
    assert AUTHORIZATIONS.keys() == words_of(stripe.PaymentIntent)
    assert {status: authorization(status) for status in AUTHORIZATIONS} == AUTHORIZATIONS
    assert authorization(UNHEARD_OF) == "Unknown"


CAPTURES: dict[str, Outcome | None] = {
    "requires_payment_method": Unknown(),
    "requires_confirmation": Unknown(),
    "requires_action": Unknown(),
    "processing": Processing("pi_1"),
    "requires_capture": None,
    "succeeded": Declined("payment_intent_succeeded"),
    "canceled": Declined("payment_intent_canceled"),
}


def test_a_capture_that_the_intent_does_not_show() -> None:
    """Only an intent that waits for its capture proves that none has happened; another status tells nothing."""
    assert CAPTURES.keys() == words_of(stripe.PaymentIntent)
    found = {status: captures.capture_of(intent(status), KEY) for status in CAPTURES}
    assert found == CAPTURES
    assert captures.capture_of(intent(UNHEARD_OF), KEY) == Unknown()


CANCELLATIONS: dict[str, Outcome | None] = {
    "requires_payment_method": None,
    "requires_confirmation": None,
    "requires_action": None,
    "processing": Processing("pi_1"),
    "requires_capture": None,
    "succeeded": Declined("payment_intent_succeeded"),
    "canceled": Moved(Money(0, "USD")),
}


def test_every_status_of_a_cancellation() -> None:
    """Each has its outcome, none while it is not canceled; another one tells nothing."""
    assert CANCELLATIONS.keys() == words_of(stripe.PaymentIntent)
    found = {status: intents.cancellation_of(intent(status), ASKED) for status in CANCELLATIONS}
    assert found == CANCELLATIONS
    assert intents.cancellation_of(intent(UNHEARD_OF), ASKED) == Unknown()


REFUNDS: dict[str, Outcome] = {
    "pending": Processing(),
    "requires_action": Processing(),
    "succeeded": Moved(Money(500, "USD")),
    "failed": Declined("refund_failed"),
    "canceled": Declined("refund_canceled"),
    UNHEARD_OF: Unknown(),
}
"""The SDK types it as any text. Source: https://docs.stripe.com/api/refunds/object#refund_object-status."""


INTENT = objects.payment_intent("pi_1", {"amount": 1_000, "currency": "usd"})


@pytest.mark.parametrize("status", REFUNDS)
def test_every_status_of_a_refund(status: str) -> None:
    """Each has its outcome; another one tells nothing."""
    made = objects.refund("re_1", INTENT, {}, 500, status)
    refund = stripe.Refund.construct_from(made, SECRET_KEY)
    assert intents.refund_of(refund) == REFUNDS[status]


def test_every_status_of_a_charge() -> None:
    """A cancellation gives back what a charge had authorized, which one that failed or is pending has not."""
    assert words_of(stripe.Charge) == {"failed", "pending", "succeeded"}


SAVINGS = {
    "requires_payment_method": "ActionRequired",
    "requires_confirmation": "ActionRequired",
    "requires_action": "ActionRequired",
    "processing": "Processing",
    "succeeded": "MethodSaved",
    "canceled": "Declined",
}


def saving(status: str) -> str:
    """Return the outcome of a saving."""
    made = objects.setup_intent("seti_1", {"customer": "cus_1"})
    method = objects.payment_method("pm_1", CARDS["pm_card_visa"], "pm_card_visa", "cus_1")
    setup = stripe.SetupIntent.construct_from(
        {**made, "status": status, "payment_method": method}, SECRET_KEY
    )
    return type(saving_of(setup, None)).__name__


def test_every_status_of_a_saving() -> None:
    """Each has its outcome; another one tells nothing."""
    assert SAVINGS.keys() == words_of(stripe.SetupIntent)
    assert {status: saving(status) for status in SAVINGS} == SAVINGS
    assert saving(UNHEARD_OF) == "Unknown"


def dispute(status: str) -> stripe.Dispute:
    """Make a dispute as Stripe shows it."""
    charge = {"id": "ch_1", "amount": 1_000, "currency": "usd", "payment_intent": "pi_1"}
    body = objects.dispute("dp_1", charge, "fraudulent", status)
    return stripe.Dispute.construct_from(body, SECRET_KEY)


def test_every_status_of_a_dispute() -> None:
    """Each has its own here; one that is not known is under review, since money waits for nothing of it."""
    assert STATUSES.keys() == words_of(stripe.Dispute)
    found = {status: dispute_of(intent("succeeded"), dispute(status)).status for status in STATUSES}
    assert found == {
        "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
        "warning_under_review": DisputeStatus.UNDER_REVIEW,
        "warning_closed": DisputeStatus.CLOSED,
        "needs_response": DisputeStatus.NEEDS_RESPONSE,
        "under_review": DisputeStatus.UNDER_REVIEW,
        "appeal_needs_response": DisputeStatus.NEEDS_RESPONSE,
        "appeal_under_review": DisputeStatus.UNDER_REVIEW,
        "prevented": DisputeStatus.CLOSED,
        "won": DisputeStatus.WON,
        "lost": DisputeStatus.LOST,
    }
    made = dispute_of(intent("succeeded"), dispute(UNHEARD_OF))
    assert made.status is DisputeStatus.UNDER_REVIEW
