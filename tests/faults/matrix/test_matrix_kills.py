"""A server killed at each point of its flow: the same call after its new start has its one right end."""

from collections.abc import Mapping
from concurrent.futures import Future

import httpx2
import pytest

from tests.faults.kinds import (
    ASKED,
    KINDS,
    Prepared,
    assert_no_effect,
    assert_one_effect,
    called,
    ended,
    is_final,
    operation_of,
    operations_of,
    prepared,
    settled,
    status_of,
)
from tests.faults.reporting import told_of
from tests.support.callers.calling import running
from tests.support.forms import in_short
from tests.support.gateways.between import Fault, name_of
from tests.support.gateways.sites import Site
from tests.support.stores.records import assert_books_agree, end_leases, everything
from tests.support.waiting import PATIENCE_SECONDS, until


def killed_at(site: Site, one: Prepared, point: str) -> None:
    """Call it on a server that kills itself at a point; nobody is answered, and the server is down."""
    site.server.fail_at(point)
    with running(site.server, one.call) as (call,):
        assert site.server.process is not None
        site.server.process.wait(PATIENCE_SECONDS)
        assert_not_answered(call)
    end_leases(site.server)


def assert_not_answered(call: "Future[httpx2.Response]") -> None:
    """Assert that a call broke off."""
    assert isinstance(call.exception(), httpx2.TransportError)


def one_effect_by_key(site: Site, one: Prepared, *, asks: int) -> None:
    """Assert that the same call has its one right end, after so many asks with one key, and that the records agree."""
    ended(site.server, one)
    if one.kind != "create":
        assert [status for _, status in operations_of(site.server, one)] == ["SUCCEEDED"]
        assert site.between.asks_of(operation_of(site.server, one)) == asks
    assert_one_effect(site.server, one)
    assert_books_agree(site.server)


@pytest.mark.parametrize("kind", in_short(KINDS, "create", "capture"))
@pytest.mark.parametrize("point", in_short(["before prepare", "during prepare"], "during prepare"))
def test_f01_killed_before_the_commit(killed_site: Site, kind: str, point: str) -> None:
    """Nothing exists, here or at the gateway; the same key then succeeds as new."""
    server = killed_site.server
    one = prepared(server, kind)
    before = everything(server)
    killed_at(killed_site, one, point)
    assert everything(server) == before
    server.start()
    if kind != "create":
        assert_no_effect(server, one)
    assert is_final(one, called(server, one))
    one_effect_by_key(killed_site, one, asks=1)


@pytest.mark.parametrize("kind", in_short(ASKED, "authorize"))
@pytest.mark.parametrize("point", in_short(["after prepare", "before ask"], "after prepare"))
def test_f02_killed_behind_the_intent(killed_site: Site, kind: str, point: str) -> None:
    """Recovery finds the intent, without a call, and requests it with its key for the first time."""
    server = killed_site.server
    one = prepared(server, kind)
    killed_at(killed_site, one, point)
    assert (status_of(server, one), killed_site.between.asks_of(operation_of(server, one))) == (
        "ASKING",
        0,
    )
    server.start()
    settled(server, one)
    one_effect_by_key(killed_site, one, asks=1)


@pytest.fixture(scope="module", params=[Fault.HOLD_BEFORE, Fault.HOLD_AFTER], ids=name_of)
def killed(request: pytest.FixtureRequest, killed_site: Site) -> Mapping[str, Prepared]:
    """Kill a server with an ask of every kind on the wire, before their effects or after them, and start it again."""
    server, between = killed_site.server, killed_site.between
    ones = {kind: prepared(server, kind) for kind in ASKED}
    for one in ones.values():
        between.next(request.param, session_id=one.session_id)
    with running(server, *(one.call for one in ones.values())) as calls:
        until(lambda: between.waiting == len(ASKED))
        server.kill()
        for call in calls:
            assert_not_answered(call)
    between.let_go()
    end_leases(server)
    server.start()
    return ones


@pytest.mark.parametrize("kind", ASKED)
def test_f03_killed_during_the_ask(
    killed_site: Site, killed: Mapping[str, Prepared], kind: str
) -> None:
    """With the ask on the wire, before or after its effect, recovery asks with the same key: one effect."""
    one = killed[kind]
    settled(killed_site.server, one)
    assert told_of(killed_site.server, one) == ["RECONCILIATION"]
    one_effect_by_key(killed_site, one, asks=2)


@pytest.mark.parametrize("kind", in_short(ASKED, "refund"))
@pytest.mark.parametrize(
    "point", in_short(["after ask", "before record", "during record"], "during record")
)
def test_f04_killed_before_the_outcome_is_committed(
    killed_site: Site, kind: str, point: str
) -> None:
    """An outcome that was not committed is requested again with the same key and recorded once."""
    server = killed_site.server
    one = prepared(server, kind)
    killed_at(killed_site, one, point)
    assert status_of(server, one) == "ASKING"
    server.start()
    assert_one_effect(server, one)
    settled(server, one)
    one_effect_by_key(killed_site, one, asks=2)


@pytest.mark.parametrize("kind", in_short(KINDS, "create", "refund", "cancel"))
def test_f05_killed_before_the_answer(killed_site: Site, kind: str) -> None:
    """The same call gives the stored result, and the gateway is not asked again."""
    server = killed_site.server
    one = prepared(server, kind)
    killed_at(killed_site, one, "after prepare" if kind == "create" else "after record")
    kept = everything(server)
    server.start()
    assert is_final(one, called(server, one))
    assert everything(server) == kept
    one_effect_by_key(killed_site, one, asks=1)
