"""A provider of another package, which receives a request for everything, openings and changes included."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKED
from tests.support.callers.log import types_of
from tests.support.flow.looking import (
    amounts_of,
    events_of,
    payment_of,
    session_of,
    session_status,
    sums_of,
)
from tests.support.flow.meanwhile import recover, until_event
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    new_key,
    open_collection,
    refund,
)
from tests.support.program.files import whole_lines
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.waiting import until

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server beside which the package is installed; what is unknown there stays so until `recover`."""
    settings = {**NO_RECOVERY, "PYTHONPATH": str(PACKAGE)}
    running = RunningServer(tmp_path_factory.mktemp("package"), settings).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


def create(server: RunningServer, collection_id: str, provider: str, **more: Json) -> Json:
    """Open a session at a terminal, whatever comes of it."""
    values = {"paymentCollectionId": collection_id, "providerId": provider, **more}
    return server.change("createPaymentSession", values)


def open_at_terminal(server: RunningServer, provider: str = "terminal", **words: list[str]) -> Json:
    """Open a collection and a session at a terminal that answers with these words."""
    made = create(server, open_collection(server)["id"], provider, data=words)
    assert made["__typename"] == "PaymentSession", made
    return made


def collection_id_of(server: RunningServer, session_id: str) -> str:
    """Return a session's collection."""
    return str(session_of(server, session_id)["paymentCollection"]["id"])


def journal(server: RunningServer) -> list[Json]:
    """Read every ask of every terminal, oldest first."""
    return [json.loads(line) for line in whole_lines(server.folder / "terminal.jsonl")]


def asked(server: RunningServer, session_id: str, kind: str) -> list[tuple[str, str]]:
    """Return the key and the answer of each request of a kind to a terminal, oldest first."""
    return [
        (line["key"], line["word"])
        for line in journal(server)
        if (line["session"], line["kind"]) == (session_id, kind)
    ]


def assert_rejected_with(answer: Json, code: str) -> None:
    """Assert that an answer is RequestRejected with this code."""
    assert (answer["__typename"], answer["code"]) == ("RequestRejected", code)


def not_authorized(answer: Json, code: str) -> None:
    """Assert that an answer is AuthorizationFailed with this code."""
    assert (answer["__typename"], answer["code"]) == ("AuthorizationFailed", code)


def test_another_package_s_provider_is_offered(server: RunningServer) -> None:
    """A provider in the entry point group is listed after ours, with its own name and currencies."""
    collection = open_collection(server)
    listed = server.run("front_end/01_show_checkout", id=collection["id"])["paymentProviders"]
    by_id = {provider["id"]: provider for provider in listed}
    assert list(by_id) == ["system", "sandbox", "once", "refusing", "silent", "terminal"]
    assert by_id["terminal"]["name"] == "Terminal"
    assert sorted(by_id["terminal"]["supportedCurrencies"]) == ["EUR", "USD"]


def test_a_provider_takes_its_currencies_alone(server: RunningServer) -> None:
    """A collection in a currency that the provider does not take is not offered it and opens no session there."""
    collection = open_collection(server, currency="JPY", amount="100")
    listed = server.run("front_end/01_show_checkout", id=collection["id"])["paymentProviders"]
    assert [provider["id"] for provider in listed] == ["system", "sandbox"]
    answer = create(server, collection["id"], "terminal")
    assert_rejected_with(answer, "PROVIDER_DISABLED")
    assert answer["message"] == "This provider is not for JPY."


def test_an_opening_that_happened(server: RunningServer) -> None:
    """A session is written as PENDING_AUTHORIZATION before the gateway is asked, and PENDING once it has agreed."""
    session = open_at_terminal(server)
    assert (session["status"], session["requiredAction"]) == ("PENDING", None)
    collection_id = collection_id_of(server, session["id"])
    events = collection_of(server, collection_id)["events"]["edges"]
    assert [(edge["node"]["type"], edge["node"]["sessionStatus"]) for edge in events] == [
        ("COLLECTION_CREATED", None),
        ("SESSION_CREATED", "PENDING_AUTHORIZATION"),
        ("SESSION_UPDATED", "PENDING"),
    ]
    assert authorize(server, session["id"])["__typename"] == "Payment"


def test_an_opening_that_needs_the_browser(server: RunningServer) -> None:
    """A provider that needs the browser first opens its session as REQUIRES_MORE with ConfirmWithSdk."""
    session = open_at_terminal(server, open=["browser"])
    assert session["status"] == "REQUIRES_MORE"
    action = session["requiredAction"]
    assert action["__typename"] == "ConfirmWithSdk"
    assert (action["clientSecret"], action["publishableKey"]) == (
        "terminal-secret",
        "terminal-key",
    )
    assert types_of(server, collection_id_of(server, session["id"])) == [
        "COLLECTION_CREATED",
        "SESSION_CREATED",
        "SESSION_REQUIRES_MORE",
    ]


def test_a_call_without_data_asks_how_the_browser_stands(server: RunningServer) -> None:
    """While the browser has done nothing, authorizing without data starts nothing and names the same action."""
    session = open_at_terminal(server, open=["browser"], look=["browser"])
    collection_id = collection_id_of(server, session["id"])
    before = types_of(server, collection_id)
    for _ in range(2):
        answer = authorize(server, session["id"])
        assert answer["__typename"] == "RequiresMoreAction"
        assert answer["action"]["__typename"] == "ConfirmWithSdk"
    assert asked(server, session["id"], "authorize") == []
    assert types_of(server, collection_id) == before
    # With data it starts the attempt.
    assert authorize(server, session["id"], data={"card": "new"})["__typename"] == "Payment"
    assert len(asked(server, session["id"], "authorize")) == 1


def test_a_call_without_data_finds_what_the_browser_did(server: RunningServer) -> None:
    """If the customer has paid in the browser, authorizing without data makes one payment and requests nothing."""
    session = open_at_terminal(server, open=["browser"], look=["authorized"])
    key = new_key()
    payment = authorize(server, session["id"], idempotencyKey=key)
    assert (payment["__typename"], payment["amount"]) == ("Payment", "100.00")
    assert authorize(server, session["id"], idempotencyKey=key)["id"] == payment["id"]
    assert authorize(server, session["id"])["id"] == payment["id"]
    assert asked(server, session["id"], "authorize") == []


def test_a_call_without_data_finds_that_the_browser_failed(server: RunningServer) -> None:
    """If the browser's attempt was declined, the session is ERROR and can be authorized again."""
    session = open_at_terminal(server, open=["browser"], look=["declined"])
    answer = authorize(server, session["id"])
    not_authorized(answer, "DECLINED")
    assert session_status(server, session["id"]) == "ERROR"
    assert authorize(server, session["id"], data={"card": "new"})["__typename"] == "Payment"


def test_an_opening_without_an_answer(server: RunningServer) -> None:
    """An unknown opening keeps its session, refuses all that builds on it, and is asked again with the same key."""
    collection = open_collection(server)
    key = new_key()
    more = {"data": {"open": ["unknown", "opened"]}, "idempotencyKey": key}
    session = create(server, collection["id"], "terminal", **more)
    assert (session["__typename"], session["status"]) == (
        "PaymentSession",
        "PENDING_AUTHORIZATION",
    )
    assert session["requiredAction"]["__typename"] == "AwaitProvider"
    not_authorized(authorize(server, session["id"]), "IN_PROGRESS")
    assert_rejected_with(
        server.change("cancelPaymentSession", {"id": session["id"]}), "IN_PROGRESS"
    )
    update = {"id": session["id"], "amount": "50.00"}
    assert_rejected_with(server.change("updatePaymentSession", update), "IN_PROGRESS")
    assert create(server, collection["id"], "terminal", **more)["id"] == session["id"]

    recover(server, session["id"])
    found = until_event(server, collection["id"], "SESSION_UPDATED")
    assert found["authorizedAmount"] == "0.00"
    assert session_status(server, session["id"]) == "PENDING"
    answers = asked(server, session["id"], "open")
    assert [word for _, word in answers] == ["unknown", "opened"]
    assert len({key for key, _ in answers}) == 1
    assert authorize(server, session["id"])["__typename"] == "Payment"


def test_an_opening_reserves_nothing(server: RunningServer) -> None:
    """While one session is being opened, another one may be authorized for all of the collection."""
    collection = open_collection(server)
    words = {"open": ["unknown", "opened"]}
    first = create(server, collection["id"], "terminal", data=words)
    second = create(server, collection["id"], "system")
    assert authorize(server, second["id"])["__typename"] == "Payment"
    # Opened at last, it finds nothing left to pay for, and is closed at its gateway too.
    recover(server, first["id"])
    until(lambda: session_status(server, first["id"]) == "CANCELED")
    until(lambda: asked(server, first["id"], "cancel"))


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("declined", "DECLINED"),
        ("not_reached", "PROVIDER_UNAVAILABLE"),
    ],
)
def test_an_opening_that_did_not_happen(server: RunningServer, word: str, code: str) -> None:
    """Refused or never reached: the session is CANCELED, and the same key opens another one."""
    collection = open_collection(server)
    key = new_key()
    more = {"data": {"open": [word]}, "idempotencyKey": key}
    assert_rejected_with(create(server, collection["id"], "terminal", **more), code)
    found = collection_of(server, collection["id"])
    assert [session["status"] for session in found["paymentSessions"]] == ["CANCELED"]
    assert types_of(server, collection["id"])[1:] == ["SESSION_CREATED", "SESSION_CANCELED"]
    other = {"data": {"open": ["opened"]}, "idempotencyKey": key}
    assert create(server, collection["id"], "terminal", **other)["status"] == "PENDING"


def test_sessions_with_one_refused(server: RunningServer) -> None:
    """If one of several sessions is refused, all are canceled, and one that was opened also at its gateway."""
    collection = open_collection(server)
    answer = server.change(
        "createPaymentSessions",
        {"paymentCollectionId": collection["id"], "providerIds": ["terminal", "refusing"]},
    )
    assert_rejected_with(answer, "DECLINED")
    sessions = collection_of(server, collection["id"])["paymentSessions"]
    assert [session["status"] for session in sessions] == ["CANCELED", "CANCELED"]
    by_provider = {session["provider"]["id"]: session["id"] for session in sessions}
    until(lambda: asked(server, by_provider["terminal"], "cancel"))
    begun = "SELECT kind FROM operations WHERE session_id = ?"
    assert server.rows(begun, by_provider["refusing"]) == [("open",)]


def test_sessions_with_one_refused_and_one_unknown(server: RunningServer) -> None:
    """A session whose opening is unknown is kept as it is, whatever became of the others."""
    collection = open_collection(server)
    ids = ["silent", "refusing"]
    answer = server.change(
        "createPaymentSessions", {"paymentCollectionId": collection["id"], "providerIds": ids}
    )
    assert_rejected_with(answer, "DECLINED")
    sessions = collection_of(server, collection["id"])["paymentSessions"]
    statuses = {session["provider"]["id"]: session["status"] for session in sessions}
    assert statuses == {"refusing": "CANCELED", "silent": "PENDING_AUTHORIZATION"}
    (silent,) = [session["id"] for session in sessions if session["provider"]["id"] == "silent"]
    recover(server, silent)
    until(lambda: session_status(server, silent) == "PENDING")


def test_a_change_that_happened(server: RunningServer) -> None:
    """A change is in effect once the gateway has agreed to it, with the new amount."""
    session = open_at_terminal(server)
    answer = server.change("updatePaymentSession", {"id": session["id"], "amount": "40.00"})
    assert (answer["status"], answer["amount"]) == ("PENDING", "40.00")
    assert [word for _, word in asked(server, session["id"], "update")] == ["done"]


def test_a_change_without_an_answer(server: RunningServer) -> None:
    """Unknown: IN_PROGRESS and retryable; the old values stay and nothing is authorized until the evidence is there."""
    session = open_at_terminal(server, update=["unknown", "done"])
    answer = server.change("updatePaymentSession", {"id": session["id"], "amount": "40.00"})
    assert_rejected_with(answer, "IN_PROGRESS")
    assert answer["retryable"] is True
    not_authorized(authorize(server, session["id"]), "IN_PROGRESS")
    assert session_of(server, session["id"])["amount"] == "100.00"
    recover(server, session["id"])
    until(lambda: session_of(server, session["id"])["amount"] == "40.00")
    assert len({key for key, _ in asked(server, session["id"], "update")}) == 1
    assert authorize(server, session["id"])["amount"] == "40.00"


@pytest.mark.parametrize(
    ("word", "code"), [("declined", "DECLINED"), ("not_reached", "PROVIDER_UNAVAILABLE")]
)
def test_a_change_that_did_not_happen(server: RunningServer, word: str, code: str) -> None:
    """Refused or never reached, the old values stay and the session stays open."""
    session = open_at_terminal(server, update=[word])
    assert_rejected_with(
        server.change("updatePaymentSession", {"id": session["id"], "amount": "40.00"}), code
    )
    found = session_of(server, session["id"])
    assert (found["status"], found["amount"]) == ("PENDING", "100.00")
    assert authorize(server, session["id"])["amount"] == "100.00"


def test_what_a_change_asks_for(server: RunningServer) -> None:
    """The gateway is asked with the new data and the new return address alone."""
    session = open_at_terminal(server, note=["old"])
    values = {
        "id": session["id"],
        "amount": "60.00",
        "data": {"note": ["new"]},
        "returnUrl": "http://localhost:5173/new",
        "metadata": {"cart": "1"},
    }
    assert server.change("updatePaymentSession", values)["__typename"] == "PaymentSession"
    (line,) = [
        line
        for line in journal(server)
        if (line["session"], line["kind"]) == (session["id"], "update")
    ]
    assert line["data"] == {"note": ["new"]}
    assert line["return_url"] == "http://localhost:5173/new"
    assert line["amount"] == "60.00"


def test_a_declined_change_leaves_its_session_and_its_key_alone(server: RunningServer) -> None:
    """The key that opened the session answers with it, and a change of nothing is not refused for the last one."""
    collection = open_collection(server)
    more = {"data": {"update": ["declined"]}, "idempotencyKey": new_key()}
    session = create(server, collection["id"], "terminal", **more)
    update = {"id": session["id"], "amount": "40.00"}
    assert_rejected_with(server.change("updatePaymentSession", update), "DECLINED")
    same = server.change("updatePaymentSession", {"id": session["id"]})
    assert (same["__typename"], same["status"]) == ("PaymentSession", "PENDING")
    again = create(server, collection["id"], "terminal", **more)
    assert (again["id"], again["status"]) == (session["id"], "PENDING")


def test_a_change_in_flight_is_in_the_log(server: RunningServer) -> None:
    """While a change has no outcome its session is PENDING_AUTHORIZATION, in the log and in the collection's status."""
    session = open_at_terminal(server, authorize=["declined"], update=["unknown", "declined"])
    collection_id = collection_id_of(server, session["id"])
    not_authorized(authorize(server, session["id"]), "DECLINED")
    assert collection_of(server, collection_id)["status"] == "FAILED"
    update = {"id": session["id"], "amount": "40.00"}
    assert_rejected_with(server.change("updatePaymentSession", update), "IN_PROGRESS")
    assert collection_of(server, collection_id)["status"] == "AWAITING"
    recover(server, session["id"])
    until(lambda: session_status(server, session["id"]) == "ERROR")
    events = collection_of(server, collection_id)["events"]["edges"]
    assert [(e["node"]["type"], e["node"]["sessionStatus"]) for e in events][-2:] == [
        ("SESSION_UPDATED", "PENDING_AUTHORIZATION"),
        ("SESSION_UPDATED", "ERROR"),
    ]
    assert collection_of(server, collection_id)["status"] == "FAILED"


@pytest.mark.parametrize("ending", ["canceled", "covered"])
def test_a_change_that_fails_when_all_is_over(server: RunningServer, ending: str) -> None:
    """If a change fails after the collection was canceled or covered, its session is canceled."""
    session = open_at_terminal(server, update=["unknown", "declined"])
    collection_id = collection_id_of(server, session["id"])
    update = {"id": session["id"], "metadata": {"cart": "1"}}
    assert_rejected_with(server.change("updatePaymentSession", update), "IN_PROGRESS")
    if ending == "canceled":
        server.change("cancelPaymentCollection", {"id": collection_id})
    else:
        other = create(server, collection_id, "system")
        assert authorize(server, other["id"])["__typename"] == "Payment"
    recover(server, session["id"])
    until(lambda: session_status(server, session["id"]) == "CANCELED")
    not_authorized(authorize(server, session["id"]), "INVALID_STATE")
    assert asked(server, session["id"], "authorize") == []


def test_a_key_whose_later_attempt_was_not_reached_either(server: RunningServer) -> None:
    """A key after PROVIDER_UNAVAILABLE asks again, also where a newer attempt was not reached."""
    session = open_at_terminal(server, authorize=["not_reached"] * 3 + ["done"])
    first, second = new_key(), new_key()
    for key in (first, second):
        answer = authorize(server, session["id"], idempotencyKey=key)
        not_authorized(answer, "PROVIDER_UNAVAILABLE")
        assert answer["retryable"] is True
    assert authorize(server, session["id"], idempotencyKey=first)["__typename"] == "Payment"


def test_a_cancellation_of_less_than_was_asked(server: RunningServer) -> None:
    """A gateway that gives back a part releases a part: the payment is not canceled, and goes to an operator."""
    session = open_at_terminal(server, cancel=["done:4000"])
    payment = authorize(server, session["id"])
    found = server.change("cancelPayment", {"paymentId": payment["id"]})
    assert (found["status"], found["releasedAmount"]) == ("AUTHORIZED", "40.00")
    assert (found["canceledAt"], found["cancellationReason"]) == (None, None)
    types = types_of(server, collection_id_of(server, session["id"]))
    assert types[-2:] == ["PAYMENT_RELEASED", "PAYMENT_MISMATCHED"]


def test_a_collection_with_a_mismatched_payment_is_canceled(server: RunningServer) -> None:
    """A payment that waits for an operator does not keep its collection open, and is not asked to move."""
    session = open_at_terminal(server, authorize=["done:9000"])
    payment = authorize(server, session["id"])
    collection_id = collection_id_of(server, session["id"])
    answer = server.change("cancelPaymentCollection", {"id": collection_id})
    assert (answer["__typename"], answer["status"]) == ("PaymentCollection", "CANCELED")
    assert asked(server, session["id"], "cancel") == []
    answer = capture(server, payment["id"])
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "INVALID_STATE")


@pytest.mark.parametrize("word", ["raises", "other_kind"])
def test_a_provider_that_breaks_its_word(server: RunningServer, word: str) -> None:
    """An exception or an outcome of another kind proves nothing: it is unknown, and settled by asking again."""
    session = open_at_terminal(server, authorize=[word, "done"])
    answer = authorize(server, session["id"])
    assert answer["__typename"] == "RequiresMoreAction"
    assert answer["action"]["__typename"] == "AwaitProvider"
    recover(server, session["id"])
    until_event(server, collection_id_of(server, session["id"]), "SESSION_AUTHORIZED")
    assert len({key for key, _ in asked(server, session["id"], "authorize")}) == 1
    assert b"sk_terminal_secret" not in server.log_path.read_bytes()


def test_f16_another_amount_than_was_asked(server: RunningServer) -> None:
    """An authorization of another amount is recorded as it is, and takes no movement until an operator has looked."""
    session = open_at_terminal(server, authorize=["done:9000"])
    payment = authorize(server, session["id"])
    assert (payment["__typename"], payment["amount"]) == ("Payment", "90.00")
    assert payment["capturableAmount"] == "0.00"
    types = types_of(server, collection_id_of(server, session["id"]))
    assert types[-1] == "PAYMENT_MISMATCHED"
    answer = capture(server, payment["id"])
    assert (answer["__typename"], answer["code"]) == ("CaptureFailed", "INVALID_STATE")
    assert asked(server, session["id"], "capture") == []


def test_a_larger_authorization_is_given_back(server: RunningServer) -> None:
    """An authorization above what is outstanding is a surplus and given back, even if only by one cent."""
    session = open_at_terminal(server, authorize=["done:10001"])
    answer = authorize(server, session["id"])
    not_authorized(answer, "AMOUNT_TOO_LARGE")
    assert answer["maximumAmount"] == "100.00"
    collection_id = collection_id_of(server, session["id"])
    until_event(server, collection_id, "PAYMENT_CANCELED")
    assert types_of(server, collection_id)[-2:] == ["AUTHORIZATION_RETURNED", "PAYMENT_CANCELED"]
    assert collection_of(server, collection_id)["authorizedAmount"] == "0.00"


@pytest.mark.parametrize(("moved", "captured"), [("11000", "110.00"), ("5000", "50.00")])
def test_f16_a_capture_of_another_amount(server: RunningServer, moved: str, captured: str) -> None:
    """A gateway's captured amount is recorded, even above the authorization; the payment takes no further movement."""
    session = open_at_terminal(server, capture=[f"done:{moved}"])
    payment = authorize(server, session["id"])
    answer = capture(server, payment["id"])
    assert answer["__typename"] == "Payment"
    status, is_captured, refunded, released, capturable, refundable = amounts_of(
        server, payment["id"]
    )
    assert (is_captured, refunded, released) == (captured, "0.00", "0.00")
    assert (capturable, refundable) == ("0.00", "0.00")
    collection = collection_of(server, collection_id_of(server, session["id"]))
    assert collection["capturedAmount"] == captured
    answer = refund(server, payment["id"], amount="1.00")
    assert (answer["__typename"], answer["code"]) == ("RefundFailed", "INVALID_STATE")
    assert status == ("CAPTURED" if moved == "11000" else "PARTIALLY_CAPTURED")


@pytest.mark.parametrize("word", ["done", "captured"])
def test_f16_an_authorization_in_another_currency(server: RunningServer, word: str) -> None:
    """Nothing of the collection's currency is authorized: a payment of nothing, which takes no movement."""
    session = open_at_terminal(server, authorize=[f"{word}:10000 JPY"])
    payment = authorize(server, session["id"])
    assert (payment["__typename"], payment["amount"], payment["currencyCode"]) == (
        "Payment",
        "0.00",
        "USD",
    )
    nothing = ("AUTHORIZED", "0.00", "0.00", "0.00", "0.00", "0.00")
    assert amounts_of(server, payment["id"]) == nothing
    collection_id = collection_id_of(server, session["id"])
    assert sums_of(server, collection_id) == ("0.00", "0.00", "0.00", "100.00")
    assert events_of(server, collection_id)[-2:] == [
        ("SESSION_AUTHORIZED", "0.00", "AWAITING", "AUTHORIZED", "AUTHORIZED"),
        ("PAYMENT_MISMATCHED", "0.00", "AWAITING", "AUTHORIZED", "AUTHORIZED"),
    ]
    for refusal in (
        capture(server, payment["id"]),
        refund(server, payment["id"], amount="1.00"),
        server.change("cancelPayment", {"paymentId": payment["id"]}),
    ):
        assert refusal["code"] == "INVALID_STATE"
    assert asked(server, session["id"], "capture") == asked(server, session["id"], "cancel") == []
    assert amounts_of(server, payment["id"]) == nothing
    assert mismatch_of(server, payment["id"]) == ("authorize", "100.00 USD", "10000 JPY")
    # The collection can still be paid for.
    other = create(server, collection_id, "terminal")
    assert authorize(server, other["id"])["amount"] == "100.00"
    assert sums_of(server, collection_id) == ("100.00", "0.00", "0.00", "0.00")


def mismatch_of(server: RunningServer, payment_id: str) -> tuple[str, str, str]:
    """Read what the log says of a payment's mismatch: the kind, what was requested and what was found."""
    (line,) = [
        line
        for line in server.log_lines()
        if line["event"] == "payment mismatched" and line["payment_id"] == payment_id
    ]
    assert line["level"] == "error"
    said = f"is {line['found']}, not {line['requested']}"
    assert line["differs"] == f"{line['kind']} {line['operation_id']} {said}"
    return line["kind"], line["requested"], line["found"]


def test_f16_a_late_authorization_in_another_currency(server: RunningServer) -> None:
    """For a canceled collection it is a surplus of nothing, which nobody here can give back."""
    session = open_at_terminal(server, authorize=["unknown", "done:10000 JPY"])
    assert authorize(server, session["id"])["action"]["__typename"] == "AwaitProvider"
    collection_id = collection_id_of(server, session["id"])
    canceled = server.change("cancelPaymentCollection", {"id": collection_id})
    assert canceled["status"] == "CANCELED"
    recover(server, session["id"])
    collection = until_event(server, collection_id, "PAYMENT_MISMATCHED")
    (payment,) = collection["payments"]
    assert (payment["amount"], collection["authorizedAmount"]) == ("0.00", "0.00")
    assert payment_of(server, payment["id"])["cancellationReason"] == "SURPLUS"
    assert session_status(server, session["id"]) == "CANCELED"
    assert mismatch_of(server, payment["id"]) == ("authorize", "100.00 USD", "10000 JPY")
    assert asked(server, session["id"], "cancel") == []


@pytest.mark.parametrize("kind", ["capture", "refund", "cancel"])
def test_f16_a_movement_in_another_currency(server: RunningServer, kind: str) -> None:
    """Nothing of the payment's currency was moved: it counts in no sum, and the payment is mismatched."""
    session = open_at_terminal(server, "terminal", **{kind: ["done:10000 JPY"]})
    payment = authorize(server, session["id"])
    if kind == "refund":
        assert capture(server, payment["id"])["capturedAmount"] == "100.00"
    if kind == "cancel":
        server.change("cancelPayment", {"paymentId": payment["id"]})
    else:
        (capture if kind == "capture" else refund)(server, payment["id"])
    captured = "100.00" if kind == "refund" else "0.00"
    status = "CAPTURED" if kind == "refund" else "AUTHORIZED"
    assert amounts_of(server, payment["id"]) == (status, captured, "0.00", "0.00", "0.00", "0.00")
    found = payment_of(server, payment["id"])
    moved = [(one["status"], one["amount"]) for one in found.get(f"{kind}s", [])]
    assert moved == ([] if kind == "cancel" else [("SUCCEEDED", "0.00")])
    collection_id = collection_id_of(server, session["id"])
    assert sums_of(server, collection_id) == ("100.00", captured, "0.00", "0.00")
    assert types_of(server, collection_id)[-1] == "PAYMENT_MISMATCHED"
    assert mismatch_of(server, payment["id"]) == (kind, "100.00 USD", "10000 JPY")


def test_f47_a_provider_that_captures_once(server: RunningServer) -> None:
    """If a capture releases the rest, it holds the whole remainder while it is pending, and the release is logged."""
    session = open_at_terminal(server, "once", capture=["unknown", "done"])
    payment = authorize(server, session["id"])
    answer = capture(server, payment["id"], amount="30.00")
    assert answer["__typename"] == "CapturePending"
    assert amounts_of(server, payment["id"])[4] == "0.00"
    second = capture(server, payment["id"], amount="10.00")
    assert (second["__typename"], second["code"]) == ("CaptureFailed", "IN_PROGRESS")
    collection_id = collection_id_of(server, session["id"])
    recover(server, session["id"])
    until_event(server, collection_id, "PAYMENT_RELEASED")
    assert amounts_of(server, payment["id"]) == (
        "CAPTURED",
        "30.00",
        "0.00",
        "70.00",
        "0.00",
        "30.00",
    )
    assert len({key for key, _ in asked(server, session["id"], "capture")}) == 1
