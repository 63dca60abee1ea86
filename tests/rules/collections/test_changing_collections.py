"""Changing and canceling a collection, with sums authorized, captured and in flight."""

import pytest

from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    effect_facts,
    events_of,
    payment_of,
    session_status,
    settle,
    status_of,
    sums_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.refusals import assert_rejected
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    open_collection,
    open_session,
    pay,
    refund,
)
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

MISSING = "pay_col_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def update(server: RunningServer, id: str, **more: Json) -> Json:
    """Change a collection, whatever comes of it."""
    return server.change("updatePaymentCollection", {"id": id, **more})


def cancel(server: RunningServer, id: str) -> Json:
    """Cancel a collection, whatever comes of it."""
    return server.change("cancelPaymentCollection", {"id": id})


def paid(server: RunningServer, token: str | None = None, amount: str = "100.00") -> Json:
    """Open a collection of 100.00 and authorize an amount of it; return the payment."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token, amount=amount)
    payment = authorize(server, session["id"])
    assert payment["__typename"] == "Payment", payment
    return payment


def test_a_new_collection(server: RunningServer) -> None:
    """A collection begins as NOT_PAID with all outstanding and one event."""
    collection = open_collection(server, "12.34")
    assert (collection["status"], collection["outstandingAmount"]) == ("NOT_PAID", "12.34")
    expected = [("COLLECTION_CREATED", "12.34", "NOT_PAID", None, None)]
    assert events_of(server, collection["id"]) == expected


@pytest.mark.once
@pytest.mark.parametrize("amount", ["0", "1.234"])
def test_an_amount_that_is_none(server: RunningServer, amount: str) -> None:
    """Zero and too many decimals are INVALID_INPUT with the path."""
    answer = server.change("createPaymentCollection", {"amount": amount, "currencyCode": "USD"})
    assert_rejected(answer, "INVALID_INPUT", path=["amount"])


@pytest.mark.once
@pytest.mark.parametrize("amount", ["0", "1.234", None])
def test_a_change_to_an_amount_that_is_none(server: RunningServer, amount: str | None) -> None:
    """Zero, too many decimals and null are INVALID_INPUT with the path."""
    collection = open_collection(server)
    with unmoved(server, collection["id"]):
        answer = update(server, collection["id"], amount=amount)
    assert_rejected(answer, "INVALID_INPUT", path=["amount"])


def test_a_change_of_the_amount(server: RunningServer) -> None:
    """A new amount stands at once, with COLLECTION_UPDATED."""
    collection = open_collection(server)
    changed = update(server, collection["id"], amount="250.00")
    assert (changed["amount"], changed["outstandingAmount"]) == ("250.00", "250.00")
    expected = [("COLLECTION_UPDATED", "250.00", "NOT_PAID", None, None)]
    assert events_of(server, collection["id"], after=1) == expected


def test_not_below_what_is_authorized(server: RunningServer) -> None:
    """The amount may not go below what is authorized; minimumAmount says from where on."""
    payment = paid(server, amount="60.00")
    collection = payment["paymentCollection"]["id"]
    with unmoved(server, collection):
        assert_rejected(
            update(server, collection, amount="59.99"),
            "AMOUNT_TOO_SMALL",
            minimum="60.00",
            path=["amount"],
        )
    assert update(server, collection, amount="60.00")["status"] == "AUTHORIZED"


def test_not_below_what_is_in_flight(server: RunningServer) -> None:
    """The amount may not go below what is authorized and in flight together; exactly that is taken."""
    payment = paid(server, amount="30.00")
    collection = payment["paymentCollection"]["id"]
    session = open_session(server, collection, "pending", amount="50.00")["id"]
    assert authorize(server, session)["__typename"] == "RequiresMoreAction"
    with unmoved(server, collection):
        assert_rejected(
            update(server, collection, amount="79.99"),
            "AMOUNT_TOO_SMALL",
            minimum="80.00",
            path=["amount"],
        )
    assert update(server, collection, amount="80.00")["amount"] == "80.00"


def test_a_challenge_keeps_no_amount_up(server: RunningServer) -> None:
    """REQUIRES_MORE reserves nothing: the amount goes below it, and that session is canceled at the gateway too."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "challenge", amount="50.00")["id"]
    authorize(server, session)
    assert update(server, collection, amount="49.99")["__typename"] == "PaymentCollection"
    assert session_status(server, session) == "CANCELED"
    until(lambda: len(effect_facts(server, session)) == 2)
    assert effect_facts(server, session)[1] == ("cancel", "50.00", "approved", "0.00")
    assert types_of(server, collection, after=4) == ["COLLECTION_UPDATED", "SESSION_CANCELED"]


def test_a_challenge_that_still_fits_stays(server: RunningServer) -> None:
    """A session in REQUIRES_MORE for exactly what is outstanding then stays."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "challenge", amount="50.00")["id"]
    authorize(server, session)
    update(server, collection, amount="50.00")
    assert session_status(server, session) == "REQUIRES_MORE"


@pytest.mark.parametrize(("token", "status"), [(None, "PENDING"), ("decline", "ERROR")])
def test_open_sessions_stay_when_the_amount_is_lowered(
    server: RunningServer, token: str | None, status: str
) -> None:
    """A session in PENDING or ERROR with too much stays, and answers AMOUNT_TOO_LARGE until it is updated."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, token)["id"]
    if token is not None:
        authorize(server, session)
    update(server, collection, amount="40.00")
    assert session_status(server, session) == status
    with unmoved(server, collection):
        answer = authorize(server, session, data={"token": "approve"})
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "40.00")
    server.change("updatePaymentSession", {"id": session, "amount": "40.00"})
    assert authorize(server, session, data={"token": "approve"})["__typename"] == "Payment"


def test_lowering_to_what_is_authorized_covers(server: RunningServer) -> None:
    """With the amount lowered to what is authorized the collection is covered, and open sessions are canceled."""
    payment = paid(server, amount="60.00")
    collection = payment["paymentCollection"]["id"]
    session = open_session(server, collection)["id"]
    update(server, collection, amount="60.00")
    assert (status_of(server, collection), session_status(server, session)) == (
        "AUTHORIZED",
        "CANCELED",
    )


@pytest.mark.parametrize(
    ("token", "before", "after"),
    [
        ("approve", "AUTHORIZED", "PARTIALLY_AUTHORIZED"),
        ("auto_capture", "COMPLETED", "PARTIALLY_CAPTURED"),
    ],
)
def test_raising_the_amount(server: RunningServer, token: str, before: str, after: str) -> None:
    """A higher amount makes something outstanding again, and the status follows."""
    collection = paid(server, token)["paymentCollection"]["id"]
    assert status_of(server, collection) == before
    changed = update(server, collection, amount="100.01")
    assert (changed["status"], changed["outstandingAmount"]) == (after, "0.01")


@pytest.mark.parametrize(
    ("captured", "lowered", "status"),
    [("30.00", "60.00", "PARTIALLY_CAPTURED"), ("60.00", "60.00", "COMPLETED")],
)
def test_lowering_with_something_captured(
    server: RunningServer, captured: str, lowered: str, status: str
) -> None:
    """Lowering to what is authorized derives the status anew from what is captured."""
    payment = paid(server, amount="60.00")
    capture(server, payment["id"], amount=captured)
    assert update(server, payment["paymentCollection"]["id"], amount=lowered)["status"] == status


def test_a_released_part_may_be_lowered(server: RunningServer) -> None:
    """A released part is no longer authorized: the amount may be lowered to what is left."""
    payment = paid(server)
    collection = payment["paymentCollection"]["id"]
    capture(server, payment["id"], amount="60.00", isFinal=True)
    with unmoved(server, collection):
        assert_rejected(
            update(server, collection, amount="59.99"),
            "AMOUNT_TOO_SMALL",
            minimum="60.00",
            path=["amount"],
        )
    assert update(server, collection, amount="60.00")["status"] == "COMPLETED"


def test_a_canceled_collection_is_not_changed(server: RunningServer) -> None:
    """Changing a canceled collection is INVALID_STATE."""
    collection = open_collection(server)["id"]
    cancel(server, collection)
    with unmoved(server, collection):
        assert_rejected(update(server, collection, amount="50.00"), "INVALID_STATE")


@pytest.mark.parametrize("name", ["updatePaymentCollection", "cancelPaymentCollection"])
def test_an_unknown_collection(server: RunningServer, name: str) -> None:
    """An id that no collection has is NOT_FOUND."""
    assert_rejected(server.change(name, {"id": MISSING}), "NOT_FOUND", path=["id"])


def test_canceling_a_new_collection(server: RunningServer) -> None:
    """It is CANCELED at once, with one event."""
    collection = open_collection(server)["id"]
    assert cancel(server, collection)["status"] == "CANCELED"
    expected = [("COLLECTION_CANCELED", None, "CANCELED", None, None)]
    assert events_of(server, collection, after=1) == expected


def test_canceling_a_canceled_collection(server: RunningServer) -> None:
    """A canceled collection answers with itself, and nothing happens."""
    collection = open_collection(server)["id"]
    cancel(server, collection)
    with unmoved(server, collection):
        assert cancel(server, collection)["status"] == "CANCELED"


def test_canceling_closes_open_sessions(server: RunningServer) -> None:
    """Sessions in PENDING, ERROR and REQUIRES_MORE become CANCELED, the last at the gateway too."""
    collection = open_collection(server)["id"]
    sessions = [open_session(server, collection, t)["id"] for t in (None, "decline", "challenge")]
    authorize(server, sessions[1])
    authorize(server, sessions[2])
    cancel(server, collection)
    assert [session_status(server, id) for id in sessions] == ["CANCELED"] * 3
    assert types_of(server, collection)[-4:] == ["COLLECTION_CANCELED"] + ["SESSION_CANCELED"] * 3
    until(lambda: len(effect_facts(server, sessions[2])) == 2)
    assert effect_facts(server, sessions[2])[1] == ("cancel", "100.00", "approved", "0.00")


def test_canceling_gives_payments_back(server: RunningServer) -> None:
    """Each authorized payment is canceled at the gateway with the reason REQUESTED; the sums are zero."""
    payment = paid(server)
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    assert cancel(server, collection)["status"] == "CANCELED"
    found = payment_of(server, payment["id"])
    assert (found["status"], found["cancellationReason"]) == ("CANCELED", "REQUESTED")
    assert sums_of(server, collection) == ("0.00", "0.00", "0.00", "100.00")
    assert effect_facts(server, session)[1:] == [("cancel", "100.00", "approved", "100.00")]
    assert events_of(server, collection, after=4) == [
        ("COLLECTION_CANCELED", None, "CANCELED", None, None),
        ("PAYMENT_CANCEL_PENDING", "100.00", "CANCELED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CANCELED", "100.00", "CANCELED", "CANCELED", "CANCELED"),
    ]


def test_canceling_gives_every_payment_back(server: RunningServer) -> None:
    """Several payments are all canceled."""
    collection = open_collection(server)["id"]
    sessions = [open_session(server, collection, amount="50.00")["id"] for _ in range(2)]
    payments = [authorize(server, id)["id"] for id in sessions]
    cancel(server, collection)
    assert [payment_of(server, id)["status"] for id in payments] == ["CANCELED", "CANCELED"]


@pytest.mark.parametrize("amount", ["100.00", "0.01"])
def test_canceling_with_something_captured(server: RunningServer, amount: str) -> None:
    """Canceling is refused once anything is captured."""
    payment = paid(server)
    capture(server, payment["id"], amount=amount)
    collection = payment["paymentCollection"]["id"]
    with unmoved(server, collection):
        assert_rejected(cancel(server, collection), "INVALID_STATE")


def test_canceling_with_all_refunded(server: RunningServer) -> None:
    """Canceling is refused once anything was captured, also after all of it is refunded."""
    payment = paid(server, "auto_capture")
    refund(server, payment["id"])
    collection = payment["paymentCollection"]["id"]
    with unmoved(server, collection):
        assert_rejected(cancel(server, collection), "INVALID_STATE")


def test_canceling_while_a_capture_is_pending(server: RunningServer) -> None:
    """Canceling is IN_PROGRESS while a capture is pending; declined, it goes through."""
    payment = paid(server, "approve,capture=pending")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    pending = capture(server, payment["id"], amount="10.00")["capture"]["id"]
    with unmoved(server, collection):
        answer = cancel(server, collection)
    assert_rejected(answer, "IN_PROGRESS")
    assert answer["retryable"] is True
    settle(server, session, "fail", pending)
    until_event(server, collection, "PAYMENT_CAPTURE_FAILED")
    assert cancel(server, collection)["status"] == "CANCELED"


def test_canceling_with_an_attempt_in_flight(server: RunningServer) -> None:
    """A session with an attempt in flight stays PENDING_AUTHORIZATION in a canceled collection."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "pending")["id"]
    authorize(server, session)
    assert cancel(server, collection)["status"] == "CANCELED"
    assert session_status(server, session) == "PENDING_AUTHORIZATION"
    assert types_of(server, collection, after=3) == ["COLLECTION_CANCELED"]
    assert effect_facts(server, session) == [("authorize", "100.00", "pending", "0.00")]


def test_canceled_and_then_declined(server: RunningServer) -> None:
    """Declined after the collection was canceled, the session is CANCELED with SESSION_CANCELED."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "pending")["id"]
    authorize(server, session)
    cancel(server, collection)
    settle(server, session, "fail")
    until_event(server, collection, "SESSION_CANCELED")
    assert session_status(server, session) == "CANCELED"
    assert events_of(server, collection, after=4) == [
        ("SESSION_CANCELED", None, "CANCELED", "CANCELED", None)
    ]


def test_canceled_and_then_authorized(server: RunningServer) -> None:
    """Authorized after the collection was canceled, it is given back as SURPLUS."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "pending")["id"]
    authorize(server, session)
    cancel(server, collection)
    settle(server, session, "approve")
    found = until_event(server, collection, "PAYMENT_CANCELED")
    payment = payment_of(server, found["payments"][0]["id"])
    assert (payment["status"], payment["cancellationReason"]) == ("CANCELED", "SURPLUS")
    assert (found["status"], session_status(server, session)) == ("CANCELED", "CANCELED")
    assert sums_of(server, collection) == ("0.00", "0.00", "0.00", "100.00")
    assert types_of(server, collection, after=4) == ["AUTHORIZATION_RETURNED", "PAYMENT_CANCELED"]
    assert effect_facts(server, session)[1:] == [("cancel", "100.00", "approved", "100.00")]


@pytest.mark.parametrize("told", ["lost_reply", "slow:0.2"])
def test_canceling_is_finished_at_a_poor_gateway(server: RunningServer, told: str) -> None:
    """A cancellation that the gateway answers late or not at all is finished later, with one effect."""
    payment = paid(server, f"approve,cancel={told}")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    assert cancel(server, collection)["status"] == "CANCELED"
    if told == "lost_reply":
        recover(server, session)
    until_event(server, collection, "PAYMENT_CANCELED")
    assert payment_of(server, payment["id"])["status"] == "CANCELED"
    assert effect_facts(server, session)[1:] == [("cancel", "100.00", "approved", "100.00")]


def test_canceling_with_a_gateway_that_takes_its_time(server: RunningServer) -> None:
    """The decision is final while the gateway's cancellation is pending, which shows on the payment."""
    payment = paid(server, "approve,cancel=pending")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    assert cancel(server, collection)["status"] == "CANCELED"
    found = payment_of(server, payment["id"])
    assert (found["status"], found["isCancellationPending"]) == ("AUTHORIZED", True)
    settle(server, session, "approve", "cancel")
    until_event(server, collection, "PAYMENT_CANCELED")
    assert payment_of(server, payment["id"])["status"] == "CANCELED"


def test_canceling_with_a_gateway_that_is_not_reached(server: RunningServer) -> None:
    """The decision is final, and the cancellation stays pending instead of failing."""
    payment = paid(server, "approve,cancel=unavailable")
    collection = payment["paymentCollection"]["id"]
    assert cancel(server, collection)["status"] == "CANCELED"
    found = payment_of(server, payment["id"])
    assert (found["isCancellationPending"], found["capturableAmount"]) == (True, "0.00")
    assert "PAYMENT_CANCEL_FAILED" not in types_of(server, collection)


def test_canceling_joins_a_pending_cancellation(server: RunningServer) -> None:
    """The cancellation of a payment that is pending already is requested only once."""
    payment = paid(server, "approve,cancel=pending")
    collection, session = payment["paymentCollection"]["id"], payment["paymentSession"]["id"]
    server.change("cancelPayment", {"paymentId": payment["id"]})
    assert cancel(server, collection)["status"] == "CANCELED"
    assert [effect[0] for effect in effect_facts(server, session)] == ["authorize", "cancel"]


def test_sessions_of_a_canceled_collection_stay_readable(server: RunningServer) -> None:
    """Nothing is deleted: sessions and payments are still there."""
    payment = paid(server)
    collection = payment["paymentCollection"]["id"]
    cancel(server, collection)
    found = collection_of(server, collection)
    assert (len(found["paymentSessions"]), len(found["payments"])) == (1, 1)


def test_a_payment_whose_cancellation_is_declined_takes_no_money(server: RunningServer) -> None:
    """Canceling a collection is final: what its gateway would not give back can't be captured either."""
    payment = pay(server, token="approve,cancel=decline")
    collection = payment["paymentCollection"]["id"]
    assert server.change("cancelPaymentCollection", {"id": collection})["status"] == "CANCELED"
    refused = capture(server, payment["id"])
    assert (refused["__typename"], refused["code"]) == (
        "CaptureFailed",
        "INVALID_STATE",
    )
    assert refused["affectedPayment"]["capturableAmount"] == "0.00"
