"""A payment of another amount than was requested: named by `check`, beside the comparison with Stripe."""

import pytest

from tests.providers.stripe.site import VISA, Site
from tests.support.flow.shop import authorize

pytestmark = pytest.mark.once


def test_an_intent_that_somebody_else_has_changed(own: Site) -> None:
    """The amount that Stripe authorized is recorded; the log and `check` say what differs from the request."""
    session = own.opened()
    reference = session["data"]["paymentIntent"]
    own.stripe.call("POST", f"payment_intents/{reference}", amount="9000")
    payment = authorize(own.server, session["id"], data={"paymentMethod": VISA})
    assert (payment["amount"], payment["capturableAmount"]) == ("90.00", "0.00")
    (line,) = [line for line in own.server.log_lines() if line["event"] == "payment mismatched"]
    assert line["differs"] == f"authorize {line['operation_id']} is 90.00 USD, not 100.00 USD"
    assert own.server.command("check", "--provider", "stripe") == (
        0,
        "Every invariant holds.\n"
        f"mismatched payment {payment['id']}: {line['differs']}\n"
        "Mismatched payments: 1. Each waits for an operator.\n"
        "1 sessions compared with stripe, 0 differences.\n",
    )
