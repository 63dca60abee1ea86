"""Opening, changing and closing sessions."""

import pytest

from db.tables.payments import payment_sessions
from tests.rules.copies import copy_row
from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    answer_challenge,
    effect_facts,
    events_of,
    session_of,
    session_status,
    status_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover
from tests.support.flow.refusals import assert_rejected
from tests.support.flow.shop import authorize, collection_of, new_key, open_collection, open_session
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until


def create(server: RunningServer, collection_id: str, **more: Json) -> Json:
    """Ask for a sandbox session, whatever comes of it."""
    values = {"paymentCollectionId": collection_id, "providerId": "sandbox", **more}
    return server.change("createPaymentSession", values)


def update(server: RunningServer, session_id: str, **more: Json) -> Json:
    """Change a session, whatever comes of it."""
    return server.change("updatePaymentSession", {"id": session_id, **more})


def cancel(server: RunningServer, session_id: str) -> Json:
    """Close a session, whatever comes of it."""
    return server.change("cancelPaymentSession", {"id": session_id})


@pytest.mark.parametrize("provider", ["system", "sandbox"])
def test_an_opened_session_is_pending(server: RunningServer, provider: str) -> None:
    """A provider with nothing to open gives a PENDING session for all that is outstanding, with one event."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], provider=provider)
    assert (session["status"], session["amount"]) == ("PENDING", "100.00")
    assert (session["requiredAction"], session["failure"], session["payment"]) == (None, None, None)
    assert events_of(server, collection["id"]) == [
        ("COLLECTION_CREATED", "100.00", "NOT_PAID", None, None),
        ("SESSION_CREATED", "100.00", "AWAITING", "PENDING", None),
    ]
    assert effect_facts(server, session["id"]) == []


def test_an_absent_amount_is_what_is_outstanding(server: RunningServer) -> None:
    """If a part is authorized already, a session without an amount is for the rest."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"], amount="30.00")["id"])
    assert open_session(server, collection["id"])["amount"] == "70.00"


def test_opening_reserves_nothing(server: RunningServer) -> None:
    """Two open sessions may each be for all that is outstanding."""
    collection = open_collection(server)
    sessions = [open_session(server, collection["id"], amount="100.00") for _ in range(2)]
    assert [session["status"] for session in sessions] == ["PENDING", "PENDING"]


def test_a_session_above_the_collection(server: RunningServer) -> None:
    """A session for a cent more than the collection is refused with the collection's amount as the maximum."""
    collection = open_collection(server)
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"], amount="100.01")
    assert_rejected(answer, "AMOUNT_TOO_LARGE", maximum="100.00", path=["amount"])


def test_a_session_above_what_is_authorized_and_in_flight(server: RunningServer) -> None:
    """Opening is measured against the amount less what is authorized and what is in flight."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"], amount="30.00")["id"])
    authorize(server, open_session(server, collection["id"], "pending", amount="50.00")["id"])
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"], amount="20.01")
    assert_rejected(answer, "AMOUNT_TOO_LARGE", maximum="20.00", path=["amount"])
    assert create(server, collection["id"], amount="20.00")["__typename"] == "PaymentSession"


@pytest.mark.once
def test_a_session_for_nothing(server: RunningServer) -> None:
    """Zero is refused, and never read as all."""
    collection = open_collection(server)
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"], amount="0")
    assert_rejected(answer, "INVALID_INPUT", path=["amount"])


def test_another_currency(server: RunningServer) -> None:
    """A session in another currency than its collection's is CURRENCY_MISMATCH."""
    collection = open_collection(server)
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"], currencyCode="EUR")
    assert_rejected(answer, "CURRENCY_MISMATCH", path=["currencyCode"])


def test_the_collection_s_currency_may_be_named(server: RunningServer) -> None:
    """The collection's own currency, in lower case too, opens a session."""
    collection = open_collection(server)
    assert create(server, collection["id"], currencyCode="usd")["currencyCode"] == "USD"


def test_an_unknown_provider(server: RunningServer) -> None:
    """A provider that does not exist is PROVIDER_DISABLED."""
    collection = open_collection(server)
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"], providerId="nobody")
    assert_rejected(answer, "PROVIDER_DISABLED", path=["providerId"])


def test_nothing_outstanding(server: RunningServer) -> None:
    """With the collection covered in full, opening a session is INVALID_STATE."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"])["id"])
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"])
    assert_rejected(answer, "INVALID_STATE")


def test_everything_in_flight_is_still_outstanding(server: RunningServer) -> None:
    """With all in flight something is outstanding: a session is refused for its amount, with maximum zero."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"], "pending")["id"])
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"])
    assert_rejected(answer, "AMOUNT_TOO_LARGE", maximum="0.00", path=["amount"])


def test_a_canceled_collection_opens_no_session(server: RunningServer) -> None:
    """Opening a session on a canceled collection is INVALID_STATE."""
    collection = open_collection(server)
    server.change("cancelPaymentCollection", {"id": collection["id"]})
    with unmoved(server, collection["id"]):
        answer = create(server, collection["id"])
    assert_rejected(answer, "INVALID_STATE")


def test_100_sessions(server: RunningServer) -> None:
    """A collection has at most 100 sessions, canceled ones included; the next is INVALID_STATE."""
    collection = open_collection(server)["id"]
    cancel(server, open_session(server, collection)["id"])
    copy_row(server, payment_sessions, open_session(server, collection)["id"], 97)
    assert open_session(server, collection)["status"] == "PENDING"
    with unmoved(server, collection):
        answer = create(server, collection)
    assert_rejected(answer, "INVALID_STATE")
    assert len(collection_of(server, collection)["paymentSessions"]) == 100


def test_two_sessions_where_one_is_left(server: RunningServer) -> None:
    """If two sessions together would exceed the limit of 100, neither is opened."""
    collection = open_collection(server)["id"]
    copy_row(server, payment_sessions, open_session(server, collection)["id"], 98)
    assert_rejected(
        server.change("createPaymentSessions", {"paymentCollectionId": collection}), "INVALID_STATE"
    )
    assert len(collection_of(server, collection)["paymentSessions"]) == 99


def test_sessions_for_which_there_is_no_room(server: RunningServer) -> None:
    """With something in flight there is no room for all that is outstanding; no input field is at fault."""
    collection = open_collection(server)["id"]
    authorize(server, open_session(server, collection, "pending", amount="30.00")["id"])
    with unmoved(server, collection):
        answer = server.change("createPaymentSessions", {"paymentCollectionId": collection})
    assert_rejected(answer, "AMOUNT_TOO_LARGE", maximum="70.00")


def test_sessions_with_each_provider(server: RunningServer) -> None:
    """One call opens a session with each provider named, for all that is outstanding, with an event each."""
    collection = open_collection(server)
    values = {"paymentCollectionId": collection["id"], "providerIds": ["sandbox", "system"]}
    created = server.change("createPaymentSessions", values)
    assert created["__typename"] == "PaymentSessionsCreated"
    found = [(one["provider"]["id"], one["amount"]) for one in created["paymentSessions"]]
    assert found == [("sandbox", "100.00"), ("system", "100.00")]
    assert types_of(server, collection["id"], after=1) == ["SESSION_CREATED", "SESSION_CREATED"]


def test_sessions_with_every_provider(server: RunningServer) -> None:
    """Without providers named, each that the caller can use gets a session."""
    collection = open_collection(server)
    created = server.change("createPaymentSessions", {"paymentCollectionId": collection["id"]})
    found = {one["provider"]["id"] for one in created["paymentSessions"]}
    assert found == {"sandbox", "system"}


def test_all_sessions_or_none(server: RunningServer) -> None:
    """If one named provider is refused, no session is opened."""
    collection = open_collection(server)
    values = {"paymentCollectionId": collection["id"], "providerIds": ["sandbox", "nobody"]}
    with unmoved(server, collection["id"]):
        answer = server.change("createPaymentSessions", values)
    assert_rejected(answer, "PROVIDER_DISABLED", path=["providerIds"])


def test_sessions_with_nothing_outstanding(server: RunningServer) -> None:
    """With nothing outstanding, opening several is INVALID_STATE as well."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"])["id"])
    with unmoved(server, collection["id"]):
        answer = server.change("createPaymentSessions", {"paymentCollectionId": collection["id"]})
    assert_rejected(answer, "INVALID_STATE")


def test_a_pending_session_is_changed(server: RunningServer) -> None:
    """A changed amount stands at once, with SESSION_UPDATED."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    assert update(server, session["id"], amount="40.00")["amount"] == "40.00"
    expected = [("SESSION_UPDATED", "40.00", "AWAITING", "PENDING", None)]
    assert events_of(server, collection["id"], after=2) == expected


def test_a_failed_session_is_changed_and_stays_failed(server: RunningServer) -> None:
    """A session in ERROR may be changed; its newest attempt still failed."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "decline")
    authorize(server, session["id"])
    changed = update(server, session["id"], data={"token": "approve"})
    assert (changed["__typename"], changed["status"]) == ("PaymentSession", "ERROR")
    assert authorize(server, session["id"])["__typename"] == "Payment"


def test_a_change_above_what_is_free(server: RunningServer) -> None:
    """A change is measured like an opening, and the old amount stays."""
    collection = open_collection(server)
    authorize(server, open_session(server, collection["id"], amount="30.00")["id"])
    session = open_session(server, collection["id"], amount="70.00")
    with unmoved(server, collection["id"]):
        answer = update(server, session["id"], amount="70.01")
    assert_rejected(answer, "AMOUNT_TOO_LARGE", maximum="70.00", path=["amount"])


@pytest.mark.once
@pytest.mark.parametrize("amount", ["0", None])
def test_a_change_to_nothing(server: RunningServer, amount: str | None) -> None:
    """Zero is refused in a change, too, and an amount may not be emptied."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    with unmoved(server, collection["id"]):
        answer = update(server, session["id"], amount=amount)
    assert_rejected(answer, "INVALID_INPUT", path=["amount"])


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("challenge", "REQUIRES_MORE", "INVALID_STATE"),
        ("approve", "AUTHORIZED", "INVALID_STATE"),
        ("auto_capture", "CAPTURED", "INVALID_STATE"),
        ("pending", "PENDING_AUTHORIZATION", "IN_PROGRESS"),
    ],
)
def test_what_can_not_be_changed(server: RunningServer, token: str, status: str, code: str) -> None:
    """A session is changed only while PENDING or ERROR, or before any attempt."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token, amount="50.00")
    authorize(server, session["id"])
    with unmoved(server, collection["id"]):
        answer = update(server, session["id"], amount="40.00")
    assert_rejected(answer, code)
    assert session_status(server, session["id"]) == status


def test_a_canceled_session_is_not_changed(server: RunningServer) -> None:
    """Changing a canceled session is INVALID_STATE."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    cancel(server, session["id"])
    with unmoved(server, collection["id"]):
        answer = update(server, session["id"], amount="40.00")
    assert_rejected(answer, "INVALID_STATE")


@pytest.mark.parametrize("token", [None, "decline"])
def test_closing_what_the_gateway_does_not_hold(server: RunningServer, token: str | None) -> None:
    """A PENDING or ERROR session is CANCELED at once, with SESSION_CANCELED, and the gateway gets no request."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token)
    if token is not None:
        authorize(server, session["id"])
    before = effect_facts(server, session["id"])
    assert cancel(server, session["id"])["status"] == "CANCELED"
    found = events_of(server, collection["id"])[-1]
    assert found == ("SESSION_CANCELED", None, "NOT_PAID", "CANCELED", None)
    assert effect_facts(server, session["id"]) == before


def test_closing_a_closed_session(server: RunningServer) -> None:
    """Closing a canceled session answers with itself, and nothing happens."""
    collection = open_collection(server)
    session = open_session(server, collection["id"])
    cancel(server, session["id"])
    with unmoved(server, collection["id"]):
        assert cancel(server, session["id"])["status"] == "CANCELED"


def test_closing_while_an_attempt_has_no_outcome(server: RunningServer) -> None:
    """A session whose attempt has no outcome can't be closed: IN_PROGRESS, retryable."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "pending")
    authorize(server, session["id"])
    with unmoved(server, collection["id"]):
        answer = cancel(server, session["id"])
    assert_rejected(answer, "IN_PROGRESS")
    assert answer["retryable"] is True


@pytest.mark.parametrize("token", ["approve", "auto_capture"])
def test_closing_an_authorized_session(server: RunningServer, token: str) -> None:
    """A session with a payment can't be closed: INVALID_STATE."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token)
    authorize(server, session["id"])
    with unmoved(server, collection["id"]):
        answer = cancel(server, session["id"])
    assert_rejected(answer, "INVALID_STATE")


def test_closing_what_the_customer_approved_already(server: RunningServer) -> None:
    """A session is closed at the gateway by recovery, and an approval that nobody saw is given back there."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, "challenge")["id"]
    authorize(server, session)
    answer_challenge(server, session, "approve")
    assert cancel(server, session)["status"] == "CANCELED"
    until(lambda: len(effect_facts(server, session)) == 2)
    assert effect_facts(server, session) == [
        ("authorize", "100.00", "approved", "100.00"),
        ("cancel", "100.00", "approved", "100.00"),
    ]
    assert types_of(server, collection)[-1] == "SESSION_CANCELED"


@pytest.mark.parametrize("told", ["lost_reply", "slow:0.2"])
def test_closing_at_a_poor_gateway(server: RunningServer, told: str) -> None:
    """Closing is decided here at once, and recovery finishes it with one effect at the gateway."""
    collection = open_collection(server)["id"]
    session = open_session(server, collection, f"challenge,cancel={told}")["id"]
    authorize(server, session)
    assert cancel(server, session)["status"] == "CANCELED"
    if told == "lost_reply":
        recover(server, session)
    closing = "SELECT status FROM operations WHERE session_id = ? AND kind = 'cancel'"
    until(lambda: server.rows(closing, session) == [("SUCCEEDED",)])
    assert effect_facts(server, session)[1] == ("cancel", "100.00", "approved", "0.00")


def test_a_closed_session_stays_readable(server: RunningServer) -> None:
    """A closed session is still there, as CANCELED, without anything to do."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "challenge")
    authorize(server, session["id"])
    cancel(server, session["id"])
    found = session_of(server, session["id"])
    assert (found["status"], found["requiredAction"], found["failure"]) == ("CANCELED", None, None)


def test_a_collection_goes_on_after_its_session_is_closed(server: RunningServer) -> None:
    """After the only session is closed, the collection is NOT_PAID and opens another."""
    collection = open_collection(server)
    cancel(server, open_session(server, collection["id"])["id"])
    assert status_of(server, collection["id"]) == "NOT_PAID"
    payment = authorize(
        server, open_session(server, collection["id"])["id"], idempotencyKey=new_key()
    )
    assert payment["__typename"] == "Payment"
