"""Authorizing: each thing a gateway can say, joining, and trying again."""

import pytest

from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    answer_challenge,
    asked_keys,
    asked_times,
    effect_facts,
    events_of,
    session_of,
    session_status,
    settle,
    sums_of,
    unmoved,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import authorize, new_key, open_session, open_with_session
from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

COVERED = ("100.00", "0.00", "0.00", "0.00")
NOTHING = ("0.00", "0.00", "0.00", "100.00")


def failed(
    answer: Json, code: str, *, decline: str | None = None, maximum: str | None = None
) -> None:
    """Assert that an answer is AuthorizationFailed with exactly these values."""
    names = ("__typename", "code", "declineCode", "maximumAmount")
    found = tuple(answer[name] for name in names)
    assert found == ("AuthorizationFailed", code, decline, maximum)


@pytest.mark.parametrize("token", [None, "approve", "slow:0.1"])
def test_an_approval(server: RunningServer, token: str | None) -> None:
    """It makes a payment of the session's amount; the log says that it was requested and that it came."""
    collection, session = open_with_session(server, token)
    payment = authorize(server, session)
    assert (payment["__typename"], payment["status"]) == ("Payment", "AUTHORIZED")
    assert (payment["amount"], payment["capturableAmount"]) == ("100.00", "100.00")
    assert sums_of(server, collection) == COVERED
    assert events_of(server, collection, after=2) == [
        ("SESSION_PENDING", "100.00", "AWAITING", "PENDING_AUTHORIZATION", None),
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]
    assert effect_facts(server, session) == [("authorize", "100.00", "approved", "100.00")]


def test_a_system_approval(server: RunningServer) -> None:
    """The system provider decides in the one transaction: nothing was pending, and one event says so."""
    collection, session = open_with_session(server, provider="system")
    assert authorize(server, session)["status"] == "AUTHORIZED"
    assert events_of(server, collection, after=2) == [
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]
    assert sums_of(server, collection) == COVERED


def test_a_capture_at_once(server: RunningServer) -> None:
    """An authorization that the gateway captures at once completes the collection, with a capture to see."""
    collection, session = open_with_session(server, "auto_capture")
    payment = authorize(server, session)
    assert (payment["status"], payment["capturedAmount"]) == ("CAPTURED", "100.00")
    found = [(one["amount"], one["status"]) for one in payment["captures"]]
    assert found == [("100.00", "SUCCEEDED")]
    assert events_of(server, collection, after=3) == [
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_CAPTURED", "100.00", "COMPLETED", "CAPTURED", "CAPTURED"),
    ]
    assert sums_of(server, collection) == ("100.00", "100.00", "0.00", "0.00")


@pytest.mark.parametrize(
    ("token", "decline"),
    [
        ("decline", "card_declined"),
        ("decline:insufficient_funds", "insufficient_funds"),
        ("decline:expired_card", "expired_card"),
    ],
)
def test_a_decline(server: RunningServer, token: str, decline: str) -> None:
    """It says DECLINED with the provider's code; the session is ERROR and the collection FAILED."""
    collection, session = open_with_session(server, token)
    answer = authorize(server, session)
    failed(answer, "DECLINED", decline=decline)
    assert (answer["retryable"], answer["failedSession"]["status"]) == (False, "ERROR")
    assert events_of(server, collection, after=3) == [
        ("SESSION_FAILED", None, "FAILED", "ERROR", None),
    ]
    assert sums_of(server, collection) == NOTHING
    assert effect_facts(server, session) == [("authorize", "100.00", "declined", "0.00")]


def test_a_failed_session_says_why(server: RunningServer) -> None:
    """A session in ERROR shows its newest attempt's failure."""
    _, session = open_with_session(server, "decline:insufficient_funds")
    authorize(server, session)
    failure = session_of(server, session)["failure"]
    assert (failure["code"], failure["declineCode"]) == ("DECLINED", "insufficient_funds")


def test_a_gateway_that_is_not_reached(server: RunningServer) -> None:
    """It is PROVIDER_UNAVAILABLE, retryable; the session is ERROR and the gateway did nothing."""
    collection, session = open_with_session(server, "unavailable")
    answer = authorize(server, session)
    failed(answer, "PROVIDER_UNAVAILABLE")
    assert (answer["retryable"], answer["failedSession"]["status"]) == (True, "ERROR")
    assert types_of(server, collection, after=2) == ["SESSION_PENDING", "SESSION_FAILED"]
    assert (sums_of(server, collection), effect_facts(server, session)) == (NOTHING, [])


def test_a_challenge(server: RunningServer) -> None:
    """It is RequiresMoreAction with an address of this server, and reserves nothing."""
    collection, session = open_with_session(server, "challenge")
    answer = authorize(server, session)
    action = answer["action"]
    assert (answer["__typename"], action["__typename"]) == ("RequiresMoreAction", "RedirectToUrl")
    assert f"/sandbox/challenges/{session}?" in action["url"]
    assert answer["paymentSession"]["status"] == "REQUIRES_MORE"
    assert events_of(server, collection, after=3) == [
        ("SESSION_REQUIRES_MORE", None, "AWAITING", "REQUIRES_MORE", None),
    ]
    assert open_session(server, collection)["amount"] == "100.00"


def test_f17_a_challenge_that_nobody_answered(server: RunningServer) -> None:
    """A further call asks how it stands, answers with the same action, and nothing is moved or logged."""
    collection, session = open_with_session(server, "challenge")
    first = authorize(server, session)
    with unmoved(server, collection):
        second = authorize(server, session)
    assert (second["__typename"], second["action"]) == ("RequiresMoreAction", first["action"])


def test_a_challenge_that_was_approved(server: RunningServer) -> None:
    """Coming back, the call answers with the payment of the one authorization."""
    collection, session = open_with_session(server, "challenge")
    authorize(server, session)
    answer_challenge(server, session, "approve")
    assert authorize(server, session)["__typename"] == "Payment"
    assert events_of(server, collection, after=4) == [
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]
    assert effect_facts(server, session) == [("authorize", "100.00", "approved", "100.00")]


def test_a_challenge_that_was_failed(server: RunningServer) -> None:
    """Coming back, the call answers ACTION_FAILED and the session is ERROR."""
    collection, session = open_with_session(server, "challenge")
    authorize(server, session)
    answer_challenge(server, session, "fail")
    failed(authorize(server, session), "ACTION_FAILED")
    assert session_status(server, session) == "ERROR"
    assert events_of(server, collection, after=4) == [
        ("SESSION_FAILED", None, "FAILED", "ERROR", None),
    ]
    assert sums_of(server, collection) == NOTHING


def test_a_challenge_comes_back_whatever_its_data(server: RunningServer) -> None:
    """A call with data goes on with the attempt that was made; the data starts no other."""
    _, session = open_with_session(server, "challenge")
    authorize(server, session)
    answer_challenge(server, session, "approve")
    assert authorize(server, session, data={"token": "decline"})["__typename"] == "Payment"
    assert effect_facts(server, session) == [("authorize", "100.00", "approved", "100.00")]


def test_a_challenge_is_answered_once(server: RunningServer) -> None:
    """An answered challenge takes no second answer, and the first stands."""
    _, session = open_with_session(server, "challenge")
    authorize(server, session)
    answer_challenge(server, session, "approve")
    response = server.client.post(f"/sandbox/challenges/{session}", json={"result": "fail"})
    assert response.status_code == 409
    assert authorize(server, session)["__typename"] == "Payment"


def test_a_pending_authorization(server: RunningServer) -> None:
    """It is RequiresMoreAction with AwaitProvider; the session is PENDING_AUTHORIZATION."""
    collection, session = open_with_session(server, "pending")
    answer = authorize(server, session)
    assert answer["__typename"] == "RequiresMoreAction"
    assert (answer["action"]["__typename"], answer["action"]["kind"]) == ("AwaitProvider", "WAIT")
    assert answer["paymentSession"]["status"] == "PENDING_AUTHORIZATION"
    assert types_of(server, collection, after=2) == ["SESSION_PENDING"]
    assert sums_of(server, collection) == NOTHING
    assert effect_facts(server, session) == [("authorize", "100.00", "pending", "0.00")]


def test_a_pending_authorization_that_is_approved(server: RunningServer) -> None:
    """The gateway's report makes the payment."""
    collection, session = open_with_session(server, "pending")
    authorize(server, session)
    settle(server, session, "approve")
    until_event(server, collection, "SESSION_AUTHORIZED")
    assert sums_of(server, collection) == COVERED
    assert events_of(server, collection, after=3) == [
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]
    assert authorize(server, session)["__typename"] == "Payment"


def test_a_pending_authorization_that_is_declined(server: RunningServer) -> None:
    """The gateway's report fails the session, and what was in flight is free again."""
    collection, session = open_with_session(server, "pending")
    authorize(server, session)
    settle(server, session, "fail")
    until_event(server, collection, "SESSION_FAILED")
    assert (session_status(server, session), sums_of(server, collection)) == ("ERROR", NOTHING)
    assert open_session(server, collection)["amount"] == "100.00"


def test_a_lost_reply(server: RunningServer) -> None:
    """It is AwaitProvider until recovery finds the one effect by the same key."""
    collection, session = open_with_session(server, "lost_reply")
    answer = authorize(server, session)
    assert (answer["__typename"], answer["action"]["kind"]) == ("RequiresMoreAction", "WAIT")
    recover(server, session)
    until_event(server, collection, "SESSION_AUTHORIZED")
    assert sums_of(server, collection) == COVERED
    assert effect_facts(server, session) == [("authorize", "100.00", "approved", "100.00")]
    assert asked_times(server, session, "authorize") == [2]


def test_the_authorization_s_token_wins(server: RunningServer) -> None:
    """A token given to the authorization stands over the session's."""
    _, session = open_with_session(server, "decline")
    assert authorize(server, session, data={"token": "approve"})["__typename"] == "Payment"


def test_a_session_pays_once(server: RunningServer) -> None:
    """Authorizing again answers with the payment that is there, and nothing is asked."""
    collection, session = open_with_session(server)
    payment = authorize(server, session)
    with unmoved(server, collection):
        assert authorize(server, session, data={"token": "decline"})["id"] == payment["id"]
    assert asked_times(server, session, "authorize") == [1]


def test_joining_an_attempt_that_is_pending(server: RunningServer) -> None:
    """A call while an attempt is open gets its answer, whatever its data, and no other attempt is made."""
    collection, session = open_with_session(server, "pending")
    authorize(server, session)
    with unmoved(server, collection):
        joined = authorize(server, session, data={"token": "approve"}, idempotencyKey=new_key())
    assert (joined["__typename"], joined["action"]["kind"]) == ("RequiresMoreAction", "WAIT")
    assert len(effect_facts(server, session)) == 1


def test_after_a_failed_attempt_without_a_key(server: RunningServer) -> None:
    """A call without a key after a failed attempt is a new attempt with a key of its own at the gateway."""
    collection, session = open_with_session(server, "decline")
    authorize(server, session)
    assert authorize(server, session, data={"token": "approve"})["__typename"] == "Payment"
    assert effect_facts(server, session) == [
        ("authorize", "100.00", "declined", "0.00"),
        ("authorize", "100.00", "approved", "100.00"),
    ]
    assert len(set(asked_keys(server, collection, "authorize"))) == 2


def test_a_failed_attempt_again_is_pending_again(server: RunningServer) -> None:
    """A new attempt takes the session from ERROR to PENDING_AUTHORIZATION and on."""
    collection, session = open_with_session(server, "decline")
    authorize(server, session)
    authorize(server, session, data={"token": "approve"})
    assert events_of(server, collection, after=3) == [
        ("SESSION_FAILED", None, "FAILED", "ERROR", None),
        ("SESSION_PENDING", "100.00", "AWAITING", "PENDING_AUTHORIZATION", None),
        ("SESSION_AUTHORIZED", "100.00", "AUTHORIZED", "AUTHORIZED", "AUTHORIZED"),
    ]


def test_a_canceled_session_is_not_authorized(server: RunningServer) -> None:
    """Authorizing a canceled session is INVALID_STATE, and the gateway is not asked."""
    collection, session = open_with_session(server)
    server.change("cancelPaymentSession", {"id": session})
    with unmoved(server, collection):
        failed(authorize(server, session), "INVALID_STATE")


def test_an_unknown_session(server: RunningServer) -> None:
    """An id that no session has is NOT_FOUND without a session."""
    answer = authorize(server, "payses_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    failed(answer, "NOT_FOUND")
    assert (answer["failedSession"], answer["path"]) == (None, ["id"])


def test_in_flight_counts_when_authorizing(server: RunningServer) -> None:
    """An amount in flight in another session leaves that much less room, which maximumAmount states."""
    collection, first = open_with_session(server, "pending", amount="60.00")
    other = open_session(server, collection, amount="100.00")["id"]
    authorize(server, first)
    with unmoved(server, collection):
        failed(authorize(server, other), "AMOUNT_TOO_LARGE", maximum="40.00")
    assert session_status(server, other) == "PENDING"


def test_no_room_names_no_input_field(server: RunningServer) -> None:
    """An authorization has no amount among its input: AMOUNT_TOO_LARGE comes without a path."""
    collection, first = open_with_session(server, "pending")
    other = open_session(server, collection)["id"]
    authorize(server, first)
    answer = authorize(server, other)
    assert (answer["code"], answer["path"]) == ("AMOUNT_TOO_LARGE", None)


def test_authorized_and_in_flight_count_together(server: RunningServer) -> None:
    """Room is the amount less what is authorized and what is in flight; the room itself is taken."""
    collection, first = open_with_session(server, amount="30.00")
    second = open_session(server, collection, "pending", amount="50.00")["id"]
    large = open_session(server, collection, amount="20.01")["id"]
    small = open_session(server, collection, amount="20.00")["id"]
    authorize(server, first)
    authorize(server, second)
    failed(authorize(server, large), "AMOUNT_TOO_LARGE", maximum="20.00")
    assert authorize(server, small)["__typename"] == "Payment"


def test_a_disabled_provider_authorizes_nothing(server: RunningServer) -> None:
    """While a provider is disabled its sessions answer PROVIDER_DISABLED, and go on afterwards."""
    collection, session = open_with_session(server, provider="system")
    server.change("updatePaymentProvider", {"id": "system", "isEnabled": False})
    try:
        with unmoved(server, collection):
            failed(authorize(server, session), "PROVIDER_DISABLED")
    finally:
        server.change("updatePaymentProvider", {"id": "system", "isEnabled": True})
    assert authorize(server, session)["__typename"] == "Payment"


def test_a_report_that_comes_during_a_wait_is_seen(server: RunningServer) -> None:
    """A session that waits shows no action any more once the report has come."""
    _, session = open_with_session(server, "pending")
    authorize(server, session)
    assert session_of(server, session)["requiredAction"]["kind"] == "WAIT"
    settle(server, session, "approve")
    assert until(lambda: session_status(server, session) == "AUTHORIZED")
    assert session_of(server, session)["requiredAction"] is None
