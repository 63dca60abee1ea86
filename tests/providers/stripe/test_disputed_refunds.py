"""Refunds of a payment that its customer objects to: what Stripe refuses is refused here, with a sentence.

Source: https://docs.stripe.com/disputes and https://docs.stripe.com/error-codes (charge_disputed).
"""

from functools import partial

import pytest

from tests.providers.stripe.site import PAYMENT, Site
from tests.providers.stripe.test_disputes import disputed, stands
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import capture, refund
from tests.support.program.running import Json
from tests.support.waiting import until

pytestmark = pytest.mark.once

SUMS = """
query ($id: ID!) { payment(id: $id) { capturedAmount refundedAmount disputedAmount refundableAmount } }
"""


SINCE = "2020-01-01T00:00:00Z"


def sums_of(shop: Site, payment: Json, **more: str) -> tuple[str, str, str, str]:
    """Read what of a payment is captured, refunded, disputed and refundable."""
    found = shop.server.execute(SUMS, {"id": payment["id"]}, **more)["payment"]
    captured, refunded, held, refundable = found.values()
    return captured, refunded, held, refundable


def _is_held(shop: Site, payment: Json, held: str) -> bool:
    return sums_of(shop, payment)[2] == held


def ledger_of(shop: Site, payment: Json) -> list[tuple[str, int]]:
    """Return what was moved of a payment at Stripe."""
    return shop.stripe.ledger(reference_of(payment["paymentSession"]))


@pytest.mark.parametrize(
    ("word", "status", "held", "left"),
    [
        ("warning_needs_response", "NEEDS_RESPONSE", "0.00", "100.00"),
        ("warning_under_review", "UNDER_REVIEW", "0.00", "100.00"),
        ("warning_closed", "CLOSED", "0.00", "100.00"),
        ("prevented", "CLOSED", "0.00", "100.00"),
        ("needs_response", "NEEDS_RESPONSE", "100.00", "0.00"),
        ("under_review", "UNDER_REVIEW", "100.00", "0.00"),
        ("lost", "LOST", "100.00", "0.00"),
        ("won", "WON", "0.00", "100.00"),
    ],
)
def test_what_a_dispute_leaves_to_refund(
    shop: Site, word: str, status: str, held: str, left: str
) -> None:
    """An inquiry takes nothing and leaves all of it; a dispute takes the money until it is won."""
    payment, _ = disputed(shop, word)
    stands(shop, payment, status)
    assert sums_of(shop, payment) == ("100.00", "0.00", held, left)
    if left == "0.00":
        before = ledger_of(shop, payment)
        refused = refund(shop.server, payment["id"])
        assert refused["code"] == "INVALID_STATE", refused
        assert "dispute" in refused["message"]
        assert sums_of(shop, payment) == ("100.00", "0.00", held, left)
        assert ledger_of(shop, payment) == before
        assert shop.payment(payment["id"])["refunds"] == []
    else:
        assert refund(shop.server, payment["id"], amount="40.00")["refundedAmount"] == "40.00"
        assert sums_of(shop, payment) == ("100.00", "40.00", held, "60.00")


def test_an_inquiry_that_becomes_a_dispute(shop: Site) -> None:
    """It takes the money from then on; an appeal of what was lost keeps it, and winning gives it back."""
    payment, made = disputed(shop, "warning_needs_response")
    stands(shop, payment, "NEEDS_RESPONSE")
    assert refund(shop.server, payment["id"], amount="10.00")["refundedAmount"] == "10.00"
    for word, held, left in (
        ("needs_response", "100.00", "0.00"),
        ("lost", "100.00", "0.00"),
        ("appeal_under_review", "100.00", "0.00"),
        ("won", "0.00", "90.00"),
    ):
        shop.stripe.control("decide", id=made["id"], status=word)
        until(partial(_is_held, shop, payment, held))
        assert sums_of(shop, payment) == ("100.00", "10.00", held, left)


OLDER = (
    "UPDATE disputes SET takes_money = true, blocks_refunds = true WHERE payment_id = ?",
    "UPDATE payments SET disputed_minor = 10000, has_refunds_blocked = true WHERE id = ?",
)


def test_a_dispute_that_an_older_program_recorded_as_won(own: Site) -> None:
    """It knew nothing of what a dispute takes: what is read of the same dispute later gives the money back."""
    payment, _ = disputed(own, "won")
    assert own.server.command("recover", "--since", SINCE)[0] == 0
    stands(own, payment, "WON")
    for statement in OLDER:
        own.server.rows(statement, payment["id"])
    assert sums_of(own, payment) == ("100.00", "0.00", "100.00", "0.00")
    assert own.server.command("recover", "--since", SINCE)[0] == 0
    assert sums_of(own, payment) == ("100.00", "0.00", "0.00", "100.00")


@pytest.mark.both
def test_disputes_of_parts(shop: Site) -> None:
    """Each that holds money counts, with its own amount; one that does not counts for nothing."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    found = shop.payment(payment["id"])
    reference = reference_of(found["paymentSession"])
    for amount, status in ((3_000, "needs_response"), (2_050, "lost"), (4_000, "won")):
        shop.stripe.control(
            "dispute", id=reference, reason="fraudulent", status=status, amount=amount
        )
    until(lambda: sums_of(shop, found)[2] == "50.50")
    assert refund(shop.server, payment["id"], amount="10.00")["code"] == "INVALID_STATE"


def test_a_dispute_that_leaves_a_part(shop: Site) -> None:
    """If Stripe still refunds a disputed payment, the amount that the dispute has taken can't be refunded too."""
    payment = shop.paid()
    capture(shop.server, payment["id"])
    found = shop.payment(payment["id"])
    shop.stripe.control(
        "dispute",
        id=reference_of(found["paymentSession"]),
        reason="product_not_received",
        status="needs_response",
        amount=3_000,
        is_charge_refundable=True,
    )
    until(partial(_is_held, shop, found, "30.00"))
    refused = refund(shop.server, payment["id"], amount="70.01")
    assert (refused["code"], refused["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "70.00")
    assert refund(shop.server, payment["id"])["refundedAmount"] == "70.00"
    assert sums_of(shop, found) == ("100.00", "70.00", "30.00", "0.00")
    assert refund(shop.server, payment["id"])["code"] == "INVALID_STATE"


def test_a_dispute_that_is_not_known_yet(deaf: Site) -> None:
    """Stripe's own refusal is the refund's outcome, with Stripe's word for it; nothing stays reserved."""
    payment, _ = disputed(deaf)
    failed = refund(deaf.server, payment["id"])
    assert (failed["__typename"], failed["code"], failed["declineCode"]) == (
        "RefundFailed",
        "DECLINED",
        "charge_disputed",
    )
    assert failed["message"] == "The provider or the issuer declined: charge_disputed."
    (made,) = deaf.payment(payment["id"])["refunds"]
    assert (made["status"], made["failure"]["declineCode"]) == ("FAILED", "charge_disputed")
    assert sums_of(deaf, payment) == ("100.00", "0.00", "0.00", "100.00")
    assert ledger_of(deaf, payment) == [("authorize", 10_000), ("capture", 10_000)]


def test_a_browser_reads_no_disputed_amount(shop: Site) -> None:
    """Disputes are the shop's matter."""
    payment, _ = disputed(shop)
    stands(shop, payment, "NEEDS_RESPONSE")
    collection = shop.server.run(
        "back_end/02_show_payment_collection", id=payment["paymentCollection"]["id"]
    )
    secret = collection["clientSecret"]
    found = shop.server.execute(SUMS, {"id": payment["id"]}, bearer=secret)["payment"]
    assert found["disputedAmount"] is None
    assert shop.server.execute(PAYMENT, {"id": payment["id"]})["payment"]["status"] == "CAPTURED"


def test_recover_reads_disputes(own: Site) -> None:
    """One whose report never came is known afterwards, with what it took; a second time there is nothing new."""
    found, _ = disputed(own)
    reference = reference_of(found["paymentSession"])
    assert sums_of(own, found) == ("100.00", "0.00", "0.00", "100.00")
    for recorded in (1, 0):
        assert own.server.command("recover", "--since", "2026-01-01T00:00:00Z") == (
            0,
            f"3 effects read, {recorded} recorded.\n",
        )
        assert sums_of(own, found) == ("100.00", "0.00", "100.00", "0.00")
    own.stripe.fault("FAIL_BEFORE", "disputes", times=1_000)
    code, said = own.server.command("recover", "--since", "2026-01-01T00:00:00Z")
    own.stripe.control("go_on")
    assert (code, said) == (
        2,
        f"Not all was read: run it again. Stripe's disputes of {reference}: APIError.\n",
    )
