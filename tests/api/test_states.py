"""Bad inputs 34 and 35: what an object's status does not allow, and more than there is."""

from collections.abc import Callable

import pytest

from tests.api.raw import failure
from tests.support.evidence import evidence_of
from tests.support.running import Json, RunningServer
from tests.support.shop import (
    authorize,
    capture,
    collection_of,
    open_collection,
    open_session,
    pay,
    refund,
)

Step = Callable[[RunningServer], Json]


def _canceled(server: RunningServer) -> Json:
    payment = pay(server)
    return server.change("cancelPayment", {"paymentId": payment["id"]})


def _captured(server: RunningServer) -> Json:
    return capture(server, pay(server)["id"])


def _part_captured(server: RunningServer) -> Json:
    return capture(server, pay(server)["id"], amount="60.00")


def _refunded(server: RunningServer) -> Json:
    return refund(server, _captured(server)["id"])


def _part_refunded(server: RunningServer) -> Json:
    return refund(server, _part_captured(server)["id"], amount="25.00")


def _released(server: RunningServer) -> Json:
    return capture(server, pay(server)["id"], amount="60.00", isFinal=True)


PAYMENTS: list[tuple[str, Step, str, str]] = [
    ("capture after cancel", _canceled, "capturePayment", "CANCELED"),
    ("capture after capture of all", _captured, "capturePayment", "CAPTURED"),
    ("capture after the final capture", _released, "capturePayment", "CAPTURED"),
    ("capture after refund of all", _refunded, "capturePayment", "REFUNDED"),
    ("refund before capture", pay, "refundPayment", "AUTHORIZED"),
    ("refund after cancel", _canceled, "refundPayment", "CANCELED"),
    ("refund after refund of all", _refunded, "refundPayment", "REFUNDED"),
    ("cancel after capture of all", _captured, "cancelPayment", "CAPTURED"),
    ("cancel after the final capture", _released, "cancelPayment", "CAPTURED"),
    ("cancel after refund of all", _refunded, "cancelPayment", "REFUNDED"),
]


@pytest.mark.parametrize("amount", [None, "1.00"])
@pytest.mark.parametrize(
    ("make", "field_name", "status"),
    [row[1:] for row in PAYMENTS],
    ids=[row[0] for row in PAYMENTS],
)
def test_a_payment_s_status_refuses_what_it_does_not_allow(
    open_server: RunningServer, make: Step, field_name: str, status: str, amount: str | None
) -> None:
    """INVALID_STATE with the payment as it is; no row, event or effect."""
    payment = make(open_server)
    before = evidence_of(open_server)
    given: Json = {"paymentId": payment["id"]}
    if field_name != "cancelPayment":
        given |= {"idempotencyKey": f"state-{payment['id']}", "amount": amount}
    value = open_server.change(field_name, given)
    assert failure(value)[0] == "INVALID_STATE"
    assert value["retryable"] is False
    affected = value["affectedPayment"]
    assert (affected["id"], affected["status"]) == (payment["id"], status)
    assert evidence_of(open_server) == before


def test_nothing_is_captured_before_anything_is_authorized(open_server: RunningServer) -> None:
    """A session that is not authorized has no payment, and its own id is none: NOT_FOUND."""
    session = open_session(open_server, open_collection(open_server)["id"])
    before = evidence_of(open_server)
    value = capture(open_server, session["id"])
    assert failure(value) == ("NOT_FOUND", ["paymentId"])
    assert value["affectedPayment"] is None
    assert evidence_of(open_server) == before


def test_a_refund_cannot_be_refunded(open_server: RunningServer) -> None:
    """A refund's id is no payment's: NOT_FOUND."""
    refund_id = _part_refunded(open_server)["refunds"][0]["id"]
    before = evidence_of(open_server)
    assert failure(refund(open_server, refund_id)) == ("NOT_FOUND", ["paymentId"])
    assert evidence_of(open_server) == before


def test_canceling_a_canceled_payment_answers_with_it(open_server: RunningServer) -> None:
    """A canceled payment answers with itself, and nothing more is written."""
    payment = _canceled(open_server)
    before = evidence_of(open_server)
    assert open_server.change("cancelPayment", {"paymentId": payment["id"]}) == payment
    assert evidence_of(open_server) == before


def _canceled_session(server: RunningServer) -> Json:
    session = open_session(server, open_collection(server)["id"])
    return server.change("cancelPaymentSession", {"id": session["id"]})


def _paid_session(server: RunningServer) -> Json:
    payment = pay(server)
    return {"id": payment["paymentSession"]["id"]}


SESSIONS: list[tuple[str, Step, str, Json]] = [
    ("update when canceled", _canceled_session, "updatePaymentSession", {"amount": "1.00"}),
    ("update when authorized", _paid_session, "updatePaymentSession", {"metadata": {"a": 1}}),
    ("cancel when authorized", _paid_session, "cancelPaymentSession", {}),
]


@pytest.mark.parametrize(
    ("make", "field_name", "more"), [row[1:] for row in SESSIONS], ids=[row[0] for row in SESSIONS]
)
def test_a_session_s_status_refuses_what_it_does_not_allow(
    open_server: RunningServer, make: Step, field_name: str, more: Json
) -> None:
    """INVALID_STATE, and nothing is written."""
    session = make(open_server)
    before = evidence_of(open_server)
    value = open_server.change(field_name, {"id": session["id"], **more})
    assert failure(value)[0] == "INVALID_STATE"
    assert evidence_of(open_server) == before


def test_a_canceled_session_is_not_authorized(open_server: RunningServer) -> None:
    """INVALID_STATE with the session as it is, and nothing reaches the gateway."""
    session = _canceled_session(open_server)
    before = evidence_of(open_server)
    value = authorize(open_server, session["id"])
    assert failure(value)[0] == "INVALID_STATE"
    assert value["failedSession"]["status"] == "CANCELED"
    assert evidence_of(open_server) == before


def _canceled_collection(server: RunningServer) -> Json:
    made = open_collection(server)
    return server.change("cancelPaymentCollection", {"id": made["id"]})


def _paid_collection(server: RunningServer) -> Json:
    return {"id": pay(server)["paymentCollection"]["id"]}


def _captured_collection(server: RunningServer) -> Json:
    return {"id": _part_captured(server)["paymentCollection"]["id"]}


COLLECTIONS: list[tuple[str, Step, str, Json]] = [
    ("update when canceled", _canceled_collection, "updatePaymentCollection", {"reference": "r"}),
    (
        "session when canceled",
        _canceled_collection,
        "createPaymentSession",
        {"providerId": "sandbox"},
    ),
    ("sessions when canceled", _canceled_collection, "createPaymentSessions", {}),
    ("session when covered", _paid_collection, "createPaymentSession", {"providerId": "sandbox"}),
    ("sessions when covered", _paid_collection, "createPaymentSessions", {}),
    ("cancel when captured", _captured_collection, "cancelPaymentCollection", {}),
]


@pytest.mark.parametrize(
    ("make", "field_name", "more"),
    [row[1:] for row in COLLECTIONS],
    ids=[row[0] for row in COLLECTIONS],
)
def test_a_collection_s_status_refuses_what_it_does_not_allow(
    open_server: RunningServer, make: Step, field_name: str, more: Json
) -> None:
    """INVALID_STATE, and nothing is written."""
    id = make(open_server)["id"]
    before = evidence_of(open_server)
    name = "paymentCollectionId" if field_name.startswith("createPaymentSession") else "id"
    value = open_server.change(field_name, {name: id, **more})
    assert failure(value)[0] == "INVALID_STATE"
    assert evidence_of(open_server) == before


def _pending_refund(server: RunningServer) -> Json:
    payment = capture(server, pay(server, token="approve,refund=pending")["id"], amount="60.00")
    assert refund(server, payment["id"], amount="15.00")["__typename"] == "RefundPending"
    return payment


def _pending_capture(server: RunningServer) -> Json:
    payment = pay(server, token="approve,capture=pending")
    assert capture(server, payment["id"], amount="15.00")["__typename"] == "CapturePending"
    return payment


TOO_MUCH: list[tuple[str, Step, str, str, str]] = [
    ("capture of all and a cent", pay, "capturePayment", "100.01", "100.00"),
    ("capture beyond the rest", _part_captured, "capturePayment", "40.01", "40.00"),
    ("capture beyond a pending one", _pending_capture, "capturePayment", "85.01", "85.00"),
    ("capture of the largest amount", pay, "capturePayment", "999999999999999.99", "100.00"),
    ("refund of all and a cent", _part_captured, "refundPayment", "60.01", "60.00"),
    ("refund beyond the rest", _part_refunded, "refundPayment", "35.01", "35.00"),
    ("refund beyond a pending one", _pending_refund, "refundPayment", "45.01", "45.00"),
]


@pytest.mark.parametrize(
    ("make", "field_name", "amount", "maximum"),
    [row[1:] for row in TOO_MUCH],
    ids=[row[0] for row in TOO_MUCH],
)
def test_more_than_there_is_is_refused_with_the_maximum(
    open_server: RunningServer, make: Step, field_name: str, amount: str, maximum: str
) -> None:
    """AMOUNT_TOO_LARGE with the number that would have been possible; nothing is clamped or moved."""
    payment = make(open_server)
    before = evidence_of(open_server)
    value = open_server.change(
        field_name,
        {"paymentId": payment["id"], "amount": amount, "idempotencyKey": f"most-{payment['id']}"},
    )
    assert failure(value) == ("AMOUNT_TOO_LARGE", ["amount"])
    assert value["maximumAmount"] == maximum
    assert value["affectedPayment"]["id"] == payment["id"]
    assert evidence_of(open_server) == before


@pytest.mark.parametrize(
    ("make", "field_name", "maximum"),
    [(row[1], row[2], row[4]) for row in TOO_MUCH],
    ids=[row[0] for row in TOO_MUCH],
)
def test_the_maximum_itself_is_taken(
    open_server: RunningServer, make: Step, field_name: str, maximum: str
) -> None:
    """The number that a refusal names would have been possible."""
    payment = make(open_server)
    value = open_server.change(
        field_name,
        {"paymentId": payment["id"], "amount": maximum, "idempotencyKey": f"max-{payment['id']}"},
    )
    assert value["__typename"] in ("Payment", "CapturePending", "RefundPending"), value


def test_a_session_for_more_than_is_outstanding_is_refused(open_server: RunningServer) -> None:
    """AMOUNT_TOO_LARGE with what is left once a part is authorized."""
    collection = open_collection(open_server)
    part = open_session(open_server, collection["id"], amount="30.00")
    assert authorize(open_server, part["id"])["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = open_server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection["id"], "providerId": "sandbox", "amount": "70.01"},
    )
    assert failure(value) == ("AMOUNT_TOO_LARGE", ["amount"])
    assert value["maximumAmount"] == "70.00"
    assert evidence_of(open_server) == before


def test_a_session_is_not_raised_beyond_what_is_outstanding(open_server: RunningServer) -> None:
    """Updating is held to the same maximum."""
    collection = open_collection(open_server)
    session = open_session(open_server, collection["id"], amount="30.00")
    before = evidence_of(open_server)
    value = open_server.change("updatePaymentSession", {"id": session["id"], "amount": "100.01"})
    assert failure(value) == ("AMOUNT_TOO_LARGE", ["amount"])
    assert value["maximumAmount"] == "100.00"
    assert evidence_of(open_server) == before


def test_a_session_that_no_longer_fits_is_not_authorized(open_server: RunningServer) -> None:
    """Authorizing is held to what is left by then."""
    collection = open_collection(open_server)
    large = open_session(open_server, collection["id"], amount="80.00")
    small = open_session(open_server, collection["id"], amount="30.00")
    assert authorize(open_server, small["id"])["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = authorize(open_server, large["id"])
    assert failure(value)[0] == "AMOUNT_TOO_LARGE"
    assert value["maximumAmount"] == "70.00"
    assert value["failedSession"]["status"] == "PENDING"
    assert evidence_of(open_server) == before


def test_a_collection_does_not_go_below_what_is_authorized(open_server: RunningServer) -> None:
    """AMOUNT_TOO_SMALL with the number from where on."""
    collection = open_collection(open_server)
    part = open_session(open_server, collection["id"], amount="30.00")
    assert authorize(open_server, part["id"])["__typename"] == "Payment"
    before = evidence_of(open_server)
    value = open_server.change(
        "updatePaymentCollection", {"id": collection["id"], "amount": "29.99"}
    )
    assert failure(value) == ("AMOUNT_TOO_SMALL", ["amount"])
    assert value["minimumAmount"] == "30.00"
    assert evidence_of(open_server) == before
    value = open_server.change(
        "updatePaymentCollection", {"id": collection["id"], "amount": "30.00"}
    )
    assert value["status"] == "AUTHORIZED"
    assert collection_of(open_server, collection["id"])["outstandingAmount"] == "0.00"
