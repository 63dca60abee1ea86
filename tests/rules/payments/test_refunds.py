"""Refunding: in parts, several times, and what is refused."""

import pytest

from tests.support.flow.looking import (
    amounts_of,
    effect_facts,
    events_of,
    payment_ids,
    payment_of,
    session_status,
    status_of,
    sums_of,
    unmoved,
)
from tests.support.flow.shop import capture, pay, refund
from tests.support.program.running import Json, RunningServer


def captured(server: RunningServer, provider: str = "sandbox") -> tuple[str, str, str]:
    """Pay and capture 100.00, and return the ids of payment, session and collection."""
    payment = pay(server, provider=provider)
    capture(server, payment["id"])
    return payment_ids(payment)


@pytest.mark.parametrize("provider", ["system", "sandbox"])
@pytest.mark.parametrize("more", [{}, {"amount": "100.00"}])
def test_refunding_all(server: RunningServer, provider: str, more: Json) -> None:
    """All is refunded where no amount is given or all of it: REFUNDED."""
    id, _, collection = captured(server, provider)
    answer = refund(server, id, **more)
    assert (answer["__typename"], answer["status"]) == ("Payment", "REFUNDED")
    assert amounts_of(server, id) == ("REFUNDED", "100.00", "100.00", "0.00", "0.00", "0.00")
    assert sums_of(server, collection) == ("100.00", "100.00", "100.00", "0.00")


def test_refunds_change_no_collection_status(server: RunningServer) -> None:
    """The collection stays COMPLETED and its session CAPTURED."""
    id, session, collection = captured(server)
    refund(server, id)
    found = (status_of(server, collection), session_status(server, session))
    assert found == ("COMPLETED", "CAPTURED")


def test_a_refund_is_logged(server: RunningServer) -> None:
    """The log says that it was asked for and that it happened; the gateway did it once."""
    id, session, collection = captured(server)
    refund(server, id, amount="40.00")
    assert events_of(server, collection, after=6) == [
        ("PAYMENT_REFUND_PENDING", "40.00", "COMPLETED", "CAPTURED", "CAPTURED"),
        ("PAYMENT_REFUNDED", "40.00", "COMPLETED", "CAPTURED", "PARTIALLY_REFUNDED"),
    ]
    assert effect_facts(server, session)[2:] == [("refund", "40.00", "approved", "40.00")]


def test_refunding_in_parts(server: RunningServer) -> None:
    """Each part adds up; a last refund without an amount gives back what is left."""
    id, _, _ = captured(server)
    refund(server, id, amount="30.00")
    expected = ("PARTIALLY_REFUNDED", "100.00", "30.00", "0.00", "0.00", "70.00")
    assert amounts_of(server, id) == expected
    refund(server, id, amount="20.00")
    refund(server, id)
    assert amounts_of(server, id) == ("REFUNDED", "100.00", "100.00", "0.00", "0.00", "0.00")
    found = [(one["amount"], one["status"]) for one in payment_of(server, id)["refunds"]]
    assert found == [("30.00", "SUCCEEDED"), ("20.00", "SUCCEEDED"), ("50.00", "SUCCEEDED")]


@pytest.mark.parametrize("provider", ["system", "sandbox"])
@pytest.mark.parametrize(
    ("first", "amount", "maximum"), [(None, "60.01", "60.00"), ("25.00", "35.01", "35.00")]
)
def test_too_much(
    server: RunningServer, provider: str, first: str | None, amount: str, maximum: str
) -> None:
    """A cent more than was captured and not refunded is refused with the most that can be refunded now."""
    id, _, collection = payment_ids(pay(server, provider=provider))
    capture(server, id, amount="60.00")
    if first is not None:
        refund(server, id, amount=first)
    with unmoved(server, collection):
        answer = refund(server, id, amount=amount)
    names = ("__typename", "code", "maximumAmount", "path", "retryable")
    assert tuple(answer[name] for name in names) == (
        "RefundFailed",
        "AMOUNT_TOO_LARGE",
        maximum,
        ["amount"],
        False,
    )


@pytest.mark.once
@pytest.mark.parametrize("amount", ["0", "1.234"])
def test_an_amount_that_is_none(server: RunningServer, amount: str) -> None:
    """Zero and too many decimals are refused; zero is never all."""
    id, _, collection = captured(server)
    with unmoved(server, collection):
        answer = refund(server, id, amount=amount)
    found = (answer["__typename"], answer["code"], answer["path"])
    assert found == ("RefundFailed", "INVALID_INPUT", ["amount"])


@pytest.mark.parametrize("amount", [None, "1.00"])
def test_nothing_captured(server: RunningServer, amount: str | None) -> None:
    """Before anything is captured a refund is INVALID_STATE."""
    id, _, collection = payment_ids(pay(server))
    with unmoved(server, collection):
        answer = refund(server, id, amount=amount)
    assert (answer["__typename"], answer["code"]) == ("RefundFailed", "INVALID_STATE")


@pytest.mark.parametrize("amount", [None, "1.00"])
def test_all_refunded(server: RunningServer, amount: str | None) -> None:
    """With all refunded a further refund is INVALID_STATE."""
    id, _, collection = captured(server)
    refund(server, id)
    with unmoved(server, collection):
        answer = refund(server, id, amount=amount)
    assert (answer["__typename"], answer["code"]) == ("RefundFailed", "INVALID_STATE")


def test_a_refund_while_something_is_left_to_capture(server: RunningServer) -> None:
    """With all that was captured refunded and a rest left, a payment is PARTIALLY_REFUNDED and goes on."""
    id, session, collection = payment_ids(pay(server))
    capture(server, id, amount="60.00")
    refund(server, id)
    expected = ("PARTIALLY_REFUNDED", "60.00", "60.00", "0.00", "40.00", "0.00")
    assert amounts_of(server, id) == expected
    assert status_of(server, collection) == "PARTIALLY_CAPTURED"
    capture(server, id)
    expected = ("PARTIALLY_REFUNDED", "100.00", "60.00", "0.00", "0.00", "40.00")
    assert amounts_of(server, id) == expected
    assert session_status(server, session) == "CAPTURED"


def test_releasing_the_rest_makes_it_refunded(server: RunningServer) -> None:
    """With all that was captured refunded and the rest given back, a payment is REFUNDED."""
    id, _, _ = payment_ids(pay(server))
    capture(server, id, amount="60.00")
    refund(server, id)
    server.change("cancelPayment", {"paymentId": id})
    assert amounts_of(server, id) == ("REFUNDED", "60.00", "60.00", "40.00", "0.00", "0.00")


def test_what_was_captured_at_once_is_refunded(server: RunningServer) -> None:
    """A payment that the gateway captured at once can be refunded."""
    id, session, _ = payment_ids(pay(server, token="auto_capture"))
    assert refund(server, id, amount="1.00")["status"] == "PARTIALLY_REFUNDED"
    assert effect_facts(server, session)[1:] == [("refund", "1.00", "approved", "1.00")]


def test_a_refund_leaves_nothing_outstanding(server: RunningServer) -> None:
    """A refund makes nothing outstanding again: no session opens."""
    id, _, collection = captured(server)
    refund(server, id)
    values = {"paymentCollectionId": collection, "providerId": "sandbox"}
    with unmoved(server, collection):
        assert server.change("createPaymentSession", values)["code"] == "INVALID_STATE"


def test_a_refund_keeps_what_was_said_about_it(server: RunningServer) -> None:
    """A refund shows its note, who asked for it, and that it came by the API."""
    id, _, _ = captured(server)
    answer = refund(server, id, note="broken cup", createdBy="ann", metadata={"a": 1})
    (found,) = answer["refunds"]
    assert (found["note"], found["createdBy"], found["source"], found["metadata"]) == (
        "broken cup",
        "ann",
        "API",
        {"a": 1},
    )
