"""A server killed at each point of its flow: the same call after its new start has its one right end."""

from collections.abc import Iterator
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
from tests.support.between import Fault, name_of
from tests.support.calling import running
from tests.support.forms import in_short
from tests.support.records import assert_books_agree, everything
from tests.support.sites import Site, site

DIES_SECONDS = 30.0

SETTLED_SECONDS = 30.0
"""From the new start to the outcome: a lease of five seconds, then recovery."""


@pytest.fixture(scope="module")
def killed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose server is a test build: it is killed and started again by each test."""
    with site(tmp_path_factory.mktemp("killed"), is_test_build=True) as made:
        yield made


def killed_at(site: Site, one: Prepared, point: str) -> None:
    """Call it on a server that kills itself at a point; nobody is answered, and the server is down."""
    site.server.fail_at(point)
    with running(site.server, one.call) as (call,):
        assert site.server.process is not None
        site.server.process.wait(timeout=DIES_SECONDS)
        assert_not_answered(call)


def assert_not_answered(call: "Future[httpx2.Response]") -> None:
    """Hold that a call broke off."""
    assert isinstance(call.exception(timeout=DIES_SECONDS), httpx2.TransportError)


def one_effect_by_key(site: Site, one: Prepared, *, asks: int) -> None:
    """Hold that the same call has its one right end, after so many asks with one key, and that the books agree."""
    ended(site.server, one, seconds=SETTLED_SECONDS)
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
    """The intent is found by recovery, without a call, and asked for with its key for the first time."""
    server = killed_site.server
    one = prepared(server, kind)
    killed_at(killed_site, one, point)
    assert (status_of(server, one), killed_site.between.asks_of(operation_of(server, one))) == (
        "ASKING",
        0,
    )
    server.start()
    assert_no_effect(server, one)
    settled(server, one, seconds=SETTLED_SECONDS)
    one_effect_by_key(killed_site, one, asks=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("fault", [Fault.HOLD_BEFORE, Fault.HOLD_AFTER], ids=name_of)
def test_f03_killed_during_the_ask(killed_site: Site, kind: str, fault: Fault) -> None:
    """With the ask on the wire, before or behind its effect, recovery asks with the same key: one effect."""
    server, between = killed_site.server, killed_site.between
    one = prepared(server, kind)
    between.next(fault, kind=kind)
    with running(server, one.call) as (call,):
        assert between.held.wait(DIES_SECONDS)
        server.kill()
        assert_not_answered(call)
    between.let_go()
    server.start()
    settled(server, one, seconds=SETTLED_SECONDS)
    one_effect_by_key(killed_site, one, asks=2)


@pytest.mark.parametrize("kind", in_short(ASKED, "refund"))
@pytest.mark.parametrize(
    "point", in_short(["after ask", "before record", "during record"], "during record")
)
def test_f04_killed_before_the_outcome_is_committed(
    killed_site: Site, kind: str, point: str
) -> None:
    """What the gateway did and said is asked again with the same key and recorded once."""
    server = killed_site.server
    one = prepared(server, kind)
    killed_at(killed_site, one, point)
    assert status_of(server, one) == "ASKING"
    server.start()
    assert_one_effect(server, one)
    settled(server, one, seconds=SETTLED_SECONDS)
    one_effect_by_key(killed_site, one, asks=2)


@pytest.mark.parametrize("kind", in_short(KINDS, "create", "cancel"))
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
