"""Bad inputs 34 and 35: what an object's status does not allow, and more than there is.

One row of each mutation, after which nothing at all may have moved in the whole database, and what only the API says
of it; tests/rules has every status.
"""

from collections.abc import Callable

import pytest

from tests.support.callers.raw_requests import failure
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.program.running import Json, RunningServer
from tests.support.stores.evidence import evidence_of

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


PAYMENTS: list[tuple[str, Step, str, str]] = [
    ("capture after cancel", _canceled, "capturePayment", "CANCELED"),
    ("capture after refund of all", _refunded, "capturePayment", "REFUNDED"),
    ("refund after cancel", _canceled, "refundPayment", "CANCELED"),
    ("cancel after capture of all", _captured, "cancelPayment", "CAPTURED"),
]


@pytest.mark.parametrize(
    ("make", "field_name", "status"),
    [row[1:] for row in PAYMENTS],
    ids=[row[0] for row in PAYMENTS],
)
def test_a_payment_s_status_refuses_what_it_does_not_allow(
    open_server: RunningServer, make: Step, field_name: str, status: str
) -> None:
    """INVALID_STATE with the payment as it is; no row, event or effect."""
    payment = make(open_server)
    before = evidence_of(open_server)
    given: Json = {"paymentId": payment["id"]}
    if field_name != "cancelPayment":
        given |= {"idempotencyKey": f"state-{payment['id']}", "amount": "1.00"}
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


def _canceled_session(server: RunningServer) -> Json:
    session = open_session(server, open_collection(server)["id"])
    return server.change("cancelPaymentSession", {"id": session["id"]})


def _paid_session(server: RunningServer) -> Json:
    payment = pay(server)
    return {"id": payment["paymentSession"]["id"]}


SESSIONS: list[tuple[str, Step, str, Json]] = [
    ("update when canceled", _canceled_session, "updatePaymentSession", {"amount": "1.00"}),
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
    ("capture beyond a pending one", _pending_capture, "capturePayment", "85.01", "85.00"),
    ("capture of the largest amount", pay, "capturePayment", "999999999999999.99", "100.00"),
    ("refund of all and a cent", _part_captured, "refundPayment", "60.01", "60.00"),
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


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"idempotencyKey": "a\tb"}, ("INVALID_INPUT", ["idempotencyKey"])),
        ({"reasonId": "refr_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, ("NOT_FOUND", ["reasonId"])),
    ],
    ids=["the input", "the reason"],
)
def test_a_refund_that_is_refused_for_something_else_shows_its_payment(
    open_server: RunningServer, given: Json, refused: tuple[str, list[str]]
) -> None:
    """Whether nothing was read before it was refused, or all but what is not found."""
    payment = _part_refunded(open_server)
    before = evidence_of(open_server)
    value = refund(open_server, payment["id"], **given)
    assert failure(value) == refused
    affected = value["affectedPayment"]
    assert (affected["id"], affected["refundedAmount"]) == (payment["id"], "25.00")
    assert evidence_of(open_server) == before


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"data": ["a list"]}, ("INVALID_INPUT", ["data"])),
        (
            {"paymentMethodId": "paymtd_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
            ("NOT_FOUND", ["paymentMethodId"]),
        ),
    ],
    ids=["the input", "the payment method"],
)
def test_an_authorization_that_is_refused_for_something_else_shows_its_session(
    open_server: RunningServer, given: Json, refused: tuple[str, list[str]]
) -> None:
    """Whether nothing was read before it was refused, or all but what is not found."""
    session = open_session(open_server, open_collection(open_server)["id"])
    before = evidence_of(open_server)
    value = authorize(open_server, session["id"], **given)
    assert failure(value) == refused
    failed = value["failedSession"]
    assert (failed["id"], failed["status"]) == (session["id"], "PENDING")
    assert evidence_of(open_server) == before
