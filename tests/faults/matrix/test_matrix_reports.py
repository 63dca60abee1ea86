"""The gateway's reports of every kind: again and again, early, late, out of order, lost, and across a kill."""

import itertools
import random
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from payments.model.failures import FailureCode
from tests.faults.kinds import (
    ASKED,
    Prepared,
    assert_one_effect,
    called,
    is_final,
    operation_of,
    prepared,
    settled,
    status_of,
)
from tests.faults.reporting import (
    facts_of,
    post,
    post_at_once,
    report_of,
    settle_at,
    signed,
    told_of,
)
from tests.support.callers.calling import OPEN, result_of, running
from tests.support.flow.shop import collection_of, new_key, pay
from tests.support.forms import in_short
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site, site
from tests.support.program.running import NO_RECOVERY, Json
from tests.support.stores.records import assert_books_agree, everything
from tests.support.waiting import PATIENCE_SECONDS, until


def pending(site: Site, kind: str) -> Prepared:
    """Call for what the gateway leaves pending."""
    one = prepared(site.server, kind, "pending")
    assert called(site.server, one)["__typename"] == OPEN[kind]
    assert status_of(site.server, one) == "PROCESSING"
    return one


def settled_unheard(site: Site, kind: str) -> tuple[Prepared, Json]:
    """Let the gateway approve what it left pending, without the server's knowledge; return its facts."""
    one = pending(site, kind)
    settle_at(site, one)
    return one, facts_of(site, one)


@pytest.mark.parametrize("kind", ASKED)
def test_f18_a_report_ten_times_at_once(deaf_site: Site, kind: str) -> None:
    """One report ten times, and ten reports of one outcome, all at once: each is 2xx, and one is applied."""
    one, facts = settled_unheard(deaf_site, kind)
    bodies = [report_of(facts)] * 10 + [report_of(facts) for _ in range(10)]
    statuses = post_at_once(deaf_site.server, [signed(body) for body in bodies])
    assert statuses == [204] * 20
    assert told_of(deaf_site.server, one) == ["WEBHOOK"]
    stored = deaf_site.server.rows(
        "SELECT count(*) FROM provider_reports WHERE operation_id = ? AND applied_at IS NOT NULL",
        facts["key"],
    )
    assert stored == [(11,)]
    assert is_final(one, called(deaf_site.server, one))
    assert_one_effect(deaf_site.server, one)
    before = everything(deaf_site.server)
    assert post(deaf_site.server, *signed(bodies[0])) == 204
    assert everything(deaf_site.server) == before, "once more, later"


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f19_a_report_that_it_is_pending_behind_its_success(deaf_site: Site, kind: str) -> None:
    """A report of an earlier state does not undo an outcome that is known already."""
    one = pending(deaf_site, kind)
    before = report_of(facts_of(deaf_site, one))
    settle_at(deaf_site, one)
    after = report_of(facts_of(deaf_site, one))
    assert [post(deaf_site.server, *signed(body)) for body in (after, before)] == [204, 204]
    assert told_of(deaf_site.server, one) == ["WEBHOOK"]
    assert is_final(one, called(deaf_site.server, one))


def five_reports(site: Site) -> tuple[Json, list[bytes]]:
    """Let a payment have two captures and a refund in flight that the gateway has settled.

    Gives the payment and five reports: of these three, and of the authorization and the first capture, known already.
    """
    server = site.server
    payment = pay(server, token="approve,capture=pending,refund=pending")
    session_id = payment["paymentSession"]["id"]

    def move(name: str, amount: str) -> Json:
        values = {"paymentId": payment["id"], "amount": amount, "idempotencyKey": new_key()}
        one = Prepared(name.removesuffix("Payment"), (name, values), session_id)
        assert called(server, one)["__typename"] == OPEN[one.kind]
        settle_at(site, one)
        return facts_of(site, one)

    first = move("capturePayment", "40.00")
    assert post(server, *signed(report_of(first))) == 204
    authorization = facts_of(site, Prepared("authorize", ("", {}), session_id))
    open_ones = [
        move("capturePayment", "30.00"),
        move("capturePayment", "20.00"),
        move("refundPayment", "10.00"),
    ]
    return payment, [report_of(facts) for facts in (authorization, first, *open_ones)]


def in_order(site: Site, order: Sequence[int]) -> None:
    """Bring five reports in an order: the sums at the end are the same in each."""
    payment, reports = five_reports(site)
    assert [post(site.server, *signed(reports[number])) for number in order] == [204] * 5
    found = site.server.run("back_end/06_show_payment", id=payment["id"])
    sums = (found["capturedAmount"], found["refundedAmount"], found["capturableAmount"])
    assert sums == ("90.00", "10.00", "10.00"), order
    collection = collection_of(site.server, payment["paymentCollection"]["id"])
    types = [edge["node"]["type"] for edge in collection["events"]["edges"]]
    assert types.count("PAYMENT_CAPTURED") == 3
    assert types.count("PAYMENT_REFUNDED") == 1


@pytest.mark.once
def test_f19_reports_in_any_order(deaf_site: Site, seed: int, is_long: bool) -> None:
    """In each order (all 120 in the long form) five reports count once each, and the sums are the same."""
    orders = list(itertools.permutations(range(5)))
    random.Random(seed).shuffle(orders)  # noqa: S311 - a test that can be repeated
    for order in orders if is_long else orders[:6]:
        in_order(deaf_site, order)
    assert_books_agree(deaf_site.server)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f20_a_report_before_the_answer(deaf_site: Site, kind: str) -> None:
    """A report that overtakes the gateway's answer wins, and the answer changes nothing more."""
    server, between = deaf_site.server, deaf_site.between
    one = prepared(server, kind)
    between.next(Fault.HOLD_AFTER, kind=kind)
    with running(server, one.call) as (call,):
        assert between.held.wait(PATIENCE_SECONDS)
        assert post(server, *signed(report_of(facts_of(deaf_site, one)))) == 204
        assert status_of(server, one) == "SUCCEEDED"
        between.let_go()
        assert is_final(one, result_of(call.result()))
    assert told_of(server, one) == ["WEBHOOK"]
    assert_one_effect(server, one)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f21_a_report_that_was_there_before_its_operation(deaf_site: Site, kind: str) -> None:
    """A report that was stored without being applied to its operation is applied when recovery looks."""
    server = deaf_site.server
    one, facts = settled_unheard(deaf_site, kind)
    server.rows(
        "INSERT INTO provider_reports (provider_id, event_id, operation_id, body, received_at)"
        " VALUES ('sandbox', ?, ?, ?, ?)",
        f"evt_{new_key()}",
        facts["key"],
        report_of(facts),
        time.time_ns() // 1_000,
    )
    # A report that matches nothing makes recovery look at all that wait.
    stranger = report_of({**facts, "key": f"capt_{new_key()}"})
    assert post(server, *signed(stranger)) == 204
    settled(server, one)
    assert told_of(server, one) == ["WEBHOOK"]
    assert_one_effect(server, one)


@pytest.mark.once
@pytest.mark.parametrize("kind", ASKED)
def test_f23_a_report_that_never_comes(deaf_site: Site, kind: str) -> None:
    """Without its report an outcome is found by recovery's next step, with the same key and one effect."""
    server = deaf_site.server
    one, facts = settled_unheard(deaf_site, kind)
    assert status_of(server, one) == "PROCESSING"
    server.rows("UPDATE operations SET due_at = 0 WHERE id = ?", facts["key"])
    # Something that is left open anywhere makes recovery look, whose interval is an hour here.
    other = pending(deaf_site, "authorize")
    settled(server, one)
    assert told_of(server, one) == ["RECONCILIATION"]
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)
    settle_at(deaf_site, other)
    assert post(server, *signed(report_of(facts_of(deaf_site, other)))) == 204


def test_f48_a_cancellation_that_came_too_late(deaf_site: Site) -> None:
    """A gateway that cannot cancel what has expired says that nothing is held any more: it is given back."""
    server = deaf_site.server
    one = pending(deaf_site, "cancel")
    expired: Mapping[str, Json] = {
        "status": "declined",
        "failure": FailureCode.EXPIRED.value,
        "moved_minor": 0,
    }
    assert post(server, *signed(report_of(facts_of(deaf_site, one), **expired))) == 204
    assert status_of(server, one) == "SUCCEEDED"
    answer = called(server, one)
    assert (answer["status"], answer["releasedAmount"]) == ("CANCELED", "100.00")
    settle_at(deaf_site, one)


@pytest.mark.parametrize("kind", ASKED)
def test_f26_a_failure_behind_a_success(deaf_site: Site, kind: str) -> None:
    """A report of failure after a success that stands is stored and changes no outcome."""
    server = deaf_site.server
    one = prepared(server, kind)
    assert is_final(one, called(server, one))
    session = "SELECT collection_id FROM payment_sessions WHERE id = ?"
    ((collection_id,),) = server.rows(session, one.session_id)
    before = collection_of(server, collection_id)
    failed: Mapping[str, Json] = {
        "status": "declined",
        "failure": FailureCode.DECLINED.value,
        "moved_minor": 0,
    }
    body = report_of(facts_of(deaf_site, one), **failed)
    assert post(server, *signed(body)) == 204
    assert collection_of(server, collection_id) == before
    stored = "SELECT count(*) FROM provider_reports WHERE operation_id = ?"
    assert server.rows(stored, operation_of(server, one)) == [(1,)]


@pytest.fixture(scope="module")
def dying_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server is a test build without recovery: what settles there came by a report."""
    folder = tmp_path_factory.mktemp("dying")
    with site(folder, settings=NO_RECOVERY) as made:
        yield made


@pytest.mark.parametrize("kind", in_short(ASKED, "capture"))
@pytest.mark.parametrize(
    "point", in_short(["before report", "during report", "after report"], "during report")
)
def test_f25_killed_while_a_report_is_taken(dying_site: Site, kind: str, point: str) -> None:
    """Before or after the commit, the gateway brings it again after the new start, and it counts once."""
    server = dying_site.server
    one = pending(dying_site, kind)
    server.fail_at(point)
    settle_at(dying_site, one)
    assert server.process is not None
    server.process.wait(PATIENCE_SECONDS)
    assert status_of(server, one) == ("SUCCEEDED" if point == "after report" else "PROCESSING")
    server.start()
    settled(server, one)
    again = "SELECT count(*) FROM provider_reports WHERE operation_id = ?"
    until(lambda: server.rows(again, operation_of(server, one)) == [(1,)])
    assert told_of(server, one) == ["WEBHOOK"]
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)
