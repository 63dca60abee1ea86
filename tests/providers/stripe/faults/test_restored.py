"""A restored database does not know when Stripe was asked for what it finds there: the keys may be forgotten."""

from pathlib import Path

import pytest

from tests.providers.stripe.site import Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import capture, refund
from tests.support.stores import databases
from tests.support.waiting import until

pytestmark = pytest.mark.once

ASKED = (
    "SELECT count(*) FROM operations WHERE kind = 'refund' AND asked_times > 0 AND holder IS NULL"
)


def test_a_refund_that_is_pending(own: Site, tmp_path: Path) -> None:
    """It is read until it has an outcome, and never asked for again: Stripe would give back twice."""
    payment = own.paid(card="pm_card_pendingRefund")
    capture(own.server, payment["id"])
    databases.back_up(own.server.database, tmp_path / "backup")
    answer = refund(own.server, payment["id"], amount="30.00")
    assert answer["__typename"] == "RefundPending", answer
    own.server.kill()
    databases.restore(own.server.database, tmp_path / "backup")
    own.stripe.control("forget_keys")
    code, printed = own.server.command("recover", "--since", "2020-01-01T00:00:00Z")
    assert (code, printed) == (0, "3 effects read, 1 recorded.\n")
    own.server.start()
    until(lambda: own.server.rows(ASKED) == [(1,)])
    reference = reference_of(own.payment(payment["id"])["paymentSession"])
    (there,) = own.stripe.call("GET", "refunds", payment_intent=reference)["data"]
    own.stripe.control("settle", id=there["id"], succeeds=True)
    own.server.rows("UPDATE operations SET due_at = 1 WHERE kind = 'refund' AND holder IS NULL")
    until(lambda: own.payment(payment["id"])["refundedAmount"] == "30.00")
    assert own.stripe.ledger(reference) == [
        ("authorize", 10_000),
        ("capture", 10_000),
        ("refund", 3_000),
    ]
