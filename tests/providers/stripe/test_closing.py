"""Closing what a bank is still at: Stripe cancels no intent that is processing; the report that settles it does."""

from collections.abc import Callable

import pytest

from payments.model.instants import after, now
from tests.providers.stripe.site import Site
from tests.providers.stripe.test_flow import reference_of
from tests.support.flow.shop import unsettled
from tests.support.program.running import Json
from tests.support.stores.records import days_ago, operation_in
from tests.support.waiting import until

pytestmark = pytest.mark.once

BANK_DEBIT = "pm_usBankAccount"


def closed_while_processing(shop: Site) -> tuple[Json, str]:
    """Close a session whose customer has just paid by bank debit; return it and its intent once Stripe has refused."""
    session = shop.opened()
    reference = reference_of(session)
    with shop.stripe.silence():
        assert shop.stripe.in_browser(session, BANK_DEBIT)["status"] == "processing"
        shop.server.change("cancelPaymentSession", {"id": session["id"]})
        until(lambda: operation_in(shop.server, "PROCESSING", "cancel", session["id"]))
    assert shop.session(session["id"])["status"] == "CANCELED"
    assert shop.stripe.ledger(reference) == []
    return session, reference


LEAVE = (
    "UPDATE operations SET due_at = ?"
    " WHERE session_id = ? AND kind = 'cancel' AND status = 'PROCESSING' AND holder IS NULL RETURNING id"
)
"""Take a cancellation that nobody is asking for from recovery, until a report makes it due."""


def leave_to_its_report(shop: Site, session: Json) -> None:
    """Let recovery not look at a closing by itself any more."""
    tomorrow = after(now(), 86_400)
    until(lambda: shop.server.rows(LEAVE, tomorrow, session["id"]))


def is_settled(shop: Site, session: Json) -> Callable[[], bool]:
    """Return a look at whether nothing of a session is left for recovery or an operator."""
    return lambda: not unsettled(shop.server, session["id"])


@pytest.mark.parametrize(
    ("succeeds", "moved"), [(True, [("authorize", 10_000), ("cancel", 10_000)]), (False, [])]
)
def test_what_is_processing_is_closed_by_its_report(
    shop: Site, succeeds: bool, moved: list[tuple[str, int]]
) -> None:
    """The cancellation is processing too; what was authorized in the end is given back, and the intent is canceled."""
    session, reference = closed_while_processing(shop)
    leave_to_its_report(shop, session)
    shop.stripe.control("settle", id=reference, succeeds=succeeds)
    until(is_settled(shop, session))
    assert shop.stripe.intent(reference)["status"] == "canceled"
    assert shop.stripe.ledger(reference) == moved
    found = operation_in(shop.server, "SUCCEEDED", "cancel", session["id"])
    assert found
    payment = shop.session(session["id"])["payment"]
    if not succeeds:
        assert payment is None
        return
    read = shop.payment(payment["id"])
    assert (read["status"], read["cancellationReason"]) == ("CANCELED", "SURPLUS")
    assert read["releasedAmount"] == "100.00"


@pytest.mark.both
def test_what_was_processing_for_days_is_closed(shop: Site) -> None:
    """A debit that fails after Stripe has forgotten the key: the intent is read, and canceled after all."""
    session, reference = closed_while_processing(shop)
    shop.server.rows(
        "UPDATE operations SET status = 'UNKNOWN' WHERE session_id = ? AND status = 'PROCESSING'",
        session["id"],
    )
    days_ago(shop.server, session["id"])
    shop.stripe.control("forget_keys")
    shop.stripe.control("settle", id=reference, succeeds=False)
    until(is_settled(shop, session))
    assert shop.stripe.intent(reference)["status"] == "canceled"
    assert shop.stripe.ledger(reference) == []
