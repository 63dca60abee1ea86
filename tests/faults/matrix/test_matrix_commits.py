"""Commits that fail: before the gateway is asked nothing happens, and after its answer nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.faults.kinds import (
    ASKED,
    KINDS,
    Prepared,
    assert_no_effect,
    assert_one_effect,
    called,
    collection_of,
    is_final,
    operation_of,
    prepared,
    settled,
)
from tests.faults.matrix.commits import commits_refused
from tests.support.callers.calling import OPEN, result_of, running
from tests.support.flow.looking import prepared_times
from tests.support.gateways.sites import Site
from tests.support.program.running import SQLITE, Json, document
from tests.support.stores.records import end_leases, everything
from tests.support.waiting import until

AT_ONCE = 5


@pytest.mark.parametrize("kind", KINDS)
def test_f06_the_intent_s_commit_fails(shared_site: Site, kind: str) -> None:
    """A commit that fails leaves nothing here and asks the gateway for nothing; the key succeeds later as new."""
    server, between = shared_site.server, shared_site.between
    one = prepared(server, kind)
    before, asked = everything(server), len(between.asks)
    table = "payment_collections" if kind == "create" else "operations"
    with commits_refused(server, table, "INSERT", "NEW.id IS NOT NULL"):
        name, values = one.call
        response = server.post(document(f"complete/{name}"), {"input": values})
        (error,) = response.json()["errors"]
    is_sqlite = server.database.startswith(SQLITE)
    # PostgreSQL says by a code that its disk is full; SQLite's trigger has no word but a constraint's.
    assert error["extensions"]["code"] == ("INTERNAL" if is_sqlite else "STORE_UNAVAILABLE")
    assert "disk" not in response.text
    assert (everything(server), len(between.asks)) == (before, asked)
    if kind != "create":
        assert_no_effect(server, one)
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """The requests made while no outcome could be committed."""

    site: Site
    answers: Mapping[str, tuple[Prepared, Json]]
    """The first answer for each kind."""


@pytest.fixture(scope="module")
def unrecorded(shared_site: Site) -> Unrecorded:
    """Ask for every kind while the commit of every outcome fails."""
    server = shared_site.server
    ones = [prepared(server, kind) for kind in ASKED]
    with commits_refused(server, "operations", "UPDATE", "NEW.status <> 'ASKING'"):
        answers = {one.kind: (one, called(server, one)) for one in ones}
    end_leases(server)
    return Unrecorded(shared_site, answers)


@pytest.mark.parametrize("kind", ASKED)
def test_f07_the_outcome_s_commit_fails(unrecorded: Unrecorded, kind: str) -> None:
    """It is shown as open, and recovery asks again with the same key and records it once."""
    server = unrecorded.site.server
    one, answer = unrecorded.answers[kind]
    assert answer["__typename"] == OPEN[kind]
    settled(server, one)
    assert unrecorded.site.between.asks_of(operation_of(server, one)) == 2
    assert is_final(one, called(server, one))
    assert_one_effect(server, one)


def test_f07_the_same_call_while_an_outcome_is_not_recorded(shared_site: Site) -> None:
    """The same key meanwhile asks nothing itself: it waits, and is answered with the one outcome."""
    server, between = shared_site.server, shared_site.between
    one = prepared(server, "capture")
    with commits_refused(server, "operations", "UPDATE", "NEW.status <> 'ASKING'"):
        assert called(server, one)["__typename"] == OPEN["capture"]
    collection_id = collection_of(server, one)
    before = prepared_times(server, collection_id)
    with running(server, *[one.call] * AT_ONCE) as calls:
        until(lambda: prepared_times(server, collection_id) == before + AT_ONCE)
        end_leases(server)
        answers = [result_of(call.result()) for call in calls]
    assert [is_final(one, answer) for answer in answers] == [True] * AT_ONCE
    assert between.asks_of(operation_of(server, one)) == 2
    assert_one_effect(server, one)
