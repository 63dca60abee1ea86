"""Operations that are not settled yet: listed, requested again, and settled by an operator with evidence."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.faults.conftest import QUICKEST_RECOVERY, checked
from tests.faults.reporting import begin, settle_and_wait
from tests.support.flow.looking import answer_challenge, payment_of
from tests.support.flow.shop import (
    authorize,
    capture,
    collection_of,
    event_types,
    new_key,
    open_collection,
    open_session,
    pay,
    refund,
    settle_by_hand,
    unsettled,
)
from tests.support.forms import in_short
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.stores.records import effects, everything, lapse
from tests.support.waiting import until

Found = TypeVar("Found")

EVIDENCE = "The gateway's statement, line 14"


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server whose recovery does not come within a test."""
    with checked(RunningServer(tmp_path_factory.mktemp("still"), NO_RECOVERY)) as running:
        yield running


def ask_again(server: RunningServer, id: str) -> Json:
    """Ask for an operation again."""
    return server.change("askAgain", {"id": id})


def test_an_unknown_outcome_is_listed_with_its_next_step(still: RunningServer) -> None:
    """A capture whose reply was lost is there with its kind, amount, asks, payment, and when recovery asks again."""
    payment = pay(still, token="approve,capture=lost_reply")
    assert unsettled(still, payment["paymentSession"]["id"]) == []
    pending = capture(still, payment["id"], amount="60.00")
    assert pending["__typename"] == "CapturePending"
    (one,) = unsettled(still, payment["paymentSession"]["id"])
    assert (one["id"], one["kind"], one["amount"], one["attempts"]) == (
        pending["capture"]["id"],
        "capture",
        "60.00",
        1,
    )
    assert one["since"] < one["nextAttemptAt"]
    assert one["payment"]["id"] == payment["id"]


def test_asked_again_a_lost_reply_is_settled(still: RunningServer) -> None:
    """Requested again at once with the same key, the operation is settled, with one effect for two requests."""
    payment = pay(still, token="approve,capture=lost_reply")
    session_id = payment["paymentSession"]["id"]
    pending = capture(still, payment["id"], amount="60.00")
    answer = ask_again(still, pending["capture"]["id"])
    assert answer["__typename"] == "Settled"
    assert answer["paymentSession"]["id"] == session_id
    assert payment_of(still, payment["id"])["capturedAmount"] == "60.00"
    assert unsettled(still, session_id) == []
    (effect,) = effects(still, session_id, "capture")
    assert (effect["moved"], effect["asked"]) == ("60.00", 2)


def test_asked_again_what_is_pending_stays_so(still: RunningServer) -> None:
    """The gateway is still at it: the answer is the operation, with one ask more."""
    payment = pay(still, token="approve,refund=pending")
    capture(still, payment["id"])
    pending = refund(still, payment["id"], amount="30.00")
    answer = ask_again(still, pending["refund"]["id"])
    assert (answer["__typename"], answer["kind"], answer["attempts"]) == (
        "UnsettledOperation",
        "refund",
        2,
    )
    (one,) = unsettled(still, payment["paymentSession"]["id"])
    assert one["id"] == pending["refund"]["id"]


def test_asked_again_what_is_settled_answers_so(still: RunningServer) -> None:
    """The outcome is known: it is the answer, and nothing is asked."""
    payment = pay(still)
    captured = capture(still, payment["id"])
    answer = ask_again(still, captured["captures"][0]["id"])
    assert (answer["__typename"], answer["payment"]["id"]) == ("Settled", payment["id"])
    (effect,) = effects(still, payment["paymentSession"]["id"], "capture")
    assert effect["asked"] == 1


@pytest.mark.once
@pytest.mark.parametrize("id", ["none", "capt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "capt_", "pay_\x00"])
def test_an_operation_that_is_not_there(still: RunningServer, id: str) -> None:
    """NOT_FOUND with the path, for asking again and for settling, and nothing is written."""
    before = everything(still)
    for answer in (ask_again(still, id), settle_by_hand(still, id, "SUCCEEDED")):
        assert (answer["__typename"], answer["code"], answer["path"]) == (
            "RequestRejected",
            "NOT_FOUND",
            ["id"],
        )
    assert everything(still) == before


SETTLED = {
    "authorize": ("pending", "SESSION_AUTHORIZED", "SESSION_FAILED"),
    "capture": ("approve,capture=pending", "PAYMENT_CAPTURED", "PAYMENT_CAPTURE_FAILED"),
    "refund": ("approve,refund=pending", "PAYMENT_REFUNDED", "PAYMENT_REFUND_FAILED"),
    "cancel": ("approve,cancel=pending", "PAYMENT_CANCELED", "PAYMENT_CANCEL_FAILED"),
}


def left_pending(server: RunningServer, kind: str) -> Json:
    """Leave one operation of a kind pending, and return it as it is listed."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], SETTLED[kind][0])
    answer = authorize(server, session["id"])
    if kind == "capture":
        capture(server, answer["id"], amount="60.00")
    elif kind == "refund":
        capture(server, answer["id"])
        refund(server, answer["id"], amount="30.00")
    elif kind == "cancel":
        server.change("cancelPayment", {"paymentId": answer["id"]})
    (one,) = unsettled(server, session["id"])
    assert one["kind"] == kind
    return {**one, "collection": collection["id"]}


@pytest.mark.parametrize("kind", SETTLED)
@pytest.mark.parametrize("outcome", ["SUCCEEDED", "DECLINED"])
def test_a_person_settles(still: RunningServer, kind: str, outcome: str) -> None:
    """The operator's decision ends the operation; the event has source PERSON and the evidence, and nobody is asked."""
    left = left_pending(still, kind)
    asked = [one["asked"] for one in effects(still, left["paymentSession"]["id"])]
    answer = settle_by_hand(still, left["id"], outcome)
    assert answer["__typename"] == "Settled", answer
    _, succeeded, declined = SETTLED[kind]
    (event,) = still.rows(
        "SELECT type, source, evidence FROM payment_events WHERE collection_id = ?"
        " ORDER BY sequence DESC LIMIT 1",
        left["collection"],
    )
    wanted = succeeded if outcome == "SUCCEEDED" else declined
    assert event == (wanted, "PERSON", EVIDENCE)
    assert unsettled(still, left["paymentSession"]["id"]) == []
    assert [one["asked"] for one in effects(still, left["paymentSession"]["id"])] == asked


def test_the_evidence_is_in_the_log(still: RunningServer) -> None:
    """Back ends read it on the event; a browser reads null."""
    left = left_pending(still, "capture")
    settle_by_hand(still, left["id"], "SUCCEEDED", evidence="ticket 4711")
    query = (
        "query ($id: ID!) { paymentCollection(id: $id) {"
        " clientSecret events(first: 50) { edges { node { type evidence } } } } }"
    )
    found = still.execute(query, {"id": left["collection"]})["paymentCollection"]
    assert found["events"]["edges"][-1]["node"] == {
        "type": "PAYMENT_CAPTURED",
        "evidence": "ticket 4711",
    }
    secret = found["clientSecret"]
    seen = still.execute(query, {"id": left["collection"]}, bearer=secret)["paymentCollection"]
    assert seen["events"]["edges"][-1]["node"]["evidence"] is None


def test_the_key_of_a_person_s_word(still: RunningServer) -> None:
    """The same key answers the same; with another outcome it is refused; another key finds the outcome known."""
    left = left_pending(still, "refund")
    key = new_key()
    first = settle_by_hand(still, left["id"], "SUCCEEDED", idempotencyKey=key)
    before = everything(still)
    assert settle_by_hand(still, left["id"], "SUCCEEDED", idempotencyKey=key) == first
    reused = settle_by_hand(still, left["id"], "DECLINED", idempotencyKey=key)
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    late = settle_by_hand(still, left["id"], "DECLINED")
    assert (late["code"], late["path"]) == ("INVALID_STATE", ["id"])
    assert everything(still) == before


@pytest.mark.once
@pytest.mark.parametrize("evidence", ["", "   ", "x" * 501, "line\n14"])
def test_a_word_without_evidence_settles_nothing(still: RunningServer, evidence: str) -> None:
    """INVALID_INPUT with the path evidence, and the operation stays as it is."""
    left = left_pending(still, "capture")
    answer = settle_by_hand(still, left["id"], "SUCCEEDED", evidence=evidence)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["evidence"])
    (one,) = unsettled(still, left["paymentSession"]["id"])
    assert one["id"] == left["id"]


def test_a_report_against_a_person_s_word(still: RunningServer) -> None:
    """An operator's decision is final; the gateway's word that it happened marks the payment: it takes no movement."""
    left = left_pending(still, "capture")
    settle_by_hand(still, left["id"], "DECLINED")
    settle_and_wait(still, left["paymentSession"]["id"], "approve", left["id"])
    found = payment_of(still, left["payment"]["id"])
    assert (found["status"], found["capturedAmount"], found["capturableAmount"]) == (
        "AUTHORIZED",
        "0.00",
        "0.00",
    )
    assert event_types(collection_of(still, left["collection"]))[-1] == "PAYMENT_MISMATCHED"
    (line,) = [
        line
        for line in still.log_lines()
        if line["event"] == "payment mismatched" and line["operation_id"] == left["id"]
    ]
    assert line["differs"] == f"capture {left['id']} is {line['found']}, not declined"


@pytest.mark.once
def test_a_closing_settled_by_a_person_gives_nothing_back(
    make_server: Callable[..., RunningServer],
) -> None:
    """A session closed by an operator is authorized late: its payment is still the provider's to give back.

    The gateway was never reached, and lets the customer go on; nobody but recovery's next look learns of that.
    """
    server = make_server(**QUICKEST_RECOVERY).start()
    collection = open_collection(server)
    session = open_session(server, collection["id"], "challenge,cancel=unavailable")
    authorize(server, session["id"])
    server.change("cancelPaymentSession", {"id": session["id"]})
    (closing,) = until(lambda: unsettled(server, session["id"]))
    until(lambda: settle_by_hand(server, closing["id"], "SUCCEEDED")["__typename"] == "Settled")
    looks = _looks(server, session["id"])
    until_looked(server, session["id"], lambda: _looks(server, session["id"]) > looks)
    answer_challenge(server, session["id"], "approve")
    (late,) = until_looked(server, session["id"], lambda: unsettled(server, session["id"]))
    (payment,) = collection_of(server, collection["id"])["payments"]
    assert (payment["status"], payment["releasedAmount"]) == ("AUTHORIZED", "0.00")
    assert (late["kind"], late["payment"]["id"]) == ("cancel", payment["id"])
    settle_by_hand(server, late["id"], "SUCCEEDED")


def until_looked(server: RunningServer, session_id: str, found: Callable[[], Found]) -> Found:
    """Let recovery look at an authorization again and again, whatever its step, until something is found."""

    def look() -> Found:
        server.rows(
            "UPDATE operations SET due_at = 1"
            " WHERE session_id = ? AND kind = 'authorize' AND due_at IS NOT NULL AND holder IS NULL",
            session_id,
        )
        return found()

    return until(look)


def _looks(server: RunningServer, session_id: str) -> int:
    """Count how often recovery has looked whether the customer has done what was requested."""
    statement = (
        "SELECT unanswered_times FROM operations WHERE session_id = ? AND kind = 'authorize'"
    )
    ((looks,),) = server.rows(statement, session_id)
    return int(looks)


@pytest.mark.once
def test_what_was_moved_by_another_way_is_settled_as_declined(
    make_server: Callable[..., RunningServer],
) -> None:
    """Canceled in the gateway's dashboard while our own cancellation is unsettled: it is not given back twice."""
    server = make_server(**QUICKEST_RECOVERY).start()
    payment = pay(server, token="approve,expires=3600,cancel=unavailable")
    lapse(server, payment["id"])
    session_id = payment["paymentSession"]["id"]
    (left,) = until(lambda: unsettled(server, session_id))
    begin(server, session_id, "cancel")

    def refusal() -> Json:
        answer = settle_by_hand(server, left["id"], "SUCCEEDED")
        return None if answer.get("code") == "IN_PROGRESS" else answer

    refused = until(refusal)
    assert (refused["code"], refused["path"]) == ("INVALID_STATE", ["outcome"])
    until(lambda: settle_by_hand(server, left["id"], "DECLINED")["__typename"] == "Settled")
    found = payment_of(server, payment["id"])
    assert (found["status"], found["releasedAmount"]) == ("CANCELED", "100.00")


def test_the_list_is_read_in_pages(still: RunningServer) -> None:
    """Oldest first, each once, whatever the size of a page; a cursor of another list is refused."""
    wanted = [left_pending(still, kind)["id"] for kind in SETTLED]
    found: list[str] = []
    after = None
    while True:
        page = still.run("back_end/16_list_unsettled_operations", first=3, after=after)
        found += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found[-len(wanted) :] == wanted
    assert len(found) == len(set(found))
    events = still.run("back_end/11_list_payment_events", first=1)
    query = "query ($after: String) { unsettledOperations(after: $after) { edges { cursor } } }"
    for wrong in (events["edges"][0]["cursor"], "x", ""):
        assert still.post(query, {"after": wrong}).status_code == 422


@pytest.mark.once
@pytest.mark.parametrize("scale", in_short(["1000000", "40000"], "1000000"))
def test_recovery_ends_after_days_and_leaves_it_to_an_operator(
    make_server: Callable[..., RunningServer], scale: str
) -> None:
    """After its last step nobody asks any more: the list shows no next step, and asking again still works."""
    server = make_server(
        is_test_build=True, TILLGRAPH_TEST_TIME_SCALE=scale, **QUICKEST_RECOVERY
    ).start()
    payment = pay(server, token="approve,capture=pending")
    pending = capture(server, payment["id"], amount="60.00")
    session_id = payment["paymentSession"]["id"]
    (left,) = until(
        lambda: [one for one in unsettled(server, session_id) if one["nextAttemptAt"] is None]
    )
    assert (left["id"], left["attempts"]) == (pending["capture"]["id"], 10)
    again = ask_again(server, left["id"])
    assert (again["attempts"], again["nextAttemptAt"]) == (11, None)
    (still_left,) = unsettled(server, session_id)
    assert still_left["nextAttemptAt"] is None
    settle_by_hand(server, left["id"], "DECLINED")
    assert payment_of(server, payment["id"])["capturableAmount"] == "100.00"


def test_f17_a_customer_who_never_comes_back_has_paid(server: RunningServer) -> None:
    """An approved challenge is found by recovery, though nobody authorizes the session again."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "challenge")
    assert authorize(server, session["id"])["__typename"] == "RequiresMoreAction"
    answer_challenge(server, session["id"], "approve")
    until_looked(
        server,
        session["id"],
        lambda: collection_of(server, collection["id"])["status"] == "AUTHORIZED",
    )
    found = server.rows(
        "SELECT source FROM payment_events WHERE collection_id = ? AND type = 'SESSION_AUTHORIZED'",
        collection["id"],
    )
    assert found == [("RECONCILIATION",)]


@pytest.mark.once
def test_a_surplus_that_can_not_be_given_back_goes_to_an_operator(
    make_server: Callable[..., RunningServer],
) -> None:
    """A gateway's refusal of a required operation ends nothing: it is listed with the reason until an operator acts."""
    server = make_server().start()
    collection = open_collection(server)
    late = open_session(server, collection["id"], "challenge,cancel=decline:no_longer")
    authorize(server, late["id"])
    server.change("cancelPaymentCollection", {"id": collection["id"]})
    answer_challenge(server, late["id"], "approve")
    (left,) = until(lambda: unsettled(server, late["id"]))
    left = until(lambda: _without_next_step(server, late["id"]))
    assert (left["kind"], left["declineCode"]) == ("cancel", "no_longer")
    assert settle_by_hand(server, left["id"], "SUCCEEDED")["__typename"] == "Settled"
    assert unsettled(server, late["id"]) == []


def _without_next_step(server: RunningServer, session_id: str) -> Json:
    found = unsettled(server, session_id)
    return found[0] if found and found[0]["nextAttemptAt"] is None else None
