"""Outcomes that are unknown at first: they keep their reservation and end by evidence."""

from functools import partial

from tests.support.flow.shop import (
    authorize,
    collection_of,
    event_types,
    open_collection,
    open_session,
    open_with_session,
)
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import assert_books_agree, effects, operation_in
from tests.support.waiting import until


def sources(collection: Json, type: str) -> list[str]:
    """Return who brought the events of a type."""
    nodes = [edge["node"] for edge in collection["events"]["edges"]]
    return [node["source"] for node in nodes if node["type"] == type]


def test_an_unknown_authorization_keeps_its_reservation(reported_server: RunningServer) -> None:
    """While an outcome is unknown, another session that would cover the collection has no room."""
    collection = open_collection(reported_server)
    first, second = (
        open_session(reported_server, collection["id"], token)
        for token in ("lost_reply", "approve")
    )
    assert authorize(reported_server, first["id"])["__typename"] == "RequiresMoreAction"
    refused = authorize(reported_server, second["id"])
    assert (refused["code"], refused["maximumAmount"]) == ("AMOUNT_TOO_LARGE", "0.00")
    assert effects(reported_server, second["id"]) == []


def test_events_of_an_unknown_outcome(server: RunningServer) -> None:
    """An unknown outcome writes no event of its own: pending, then what the evidence says."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], "lost_reply")
    authorize(server, session["id"])
    until(lambda: operation_in(server, "SUCCEEDED", "authorize", session["id"]))
    assert event_types(collection_of(server, collection["id"])) == [
        "COLLECTION_CREATED",
        "SESSION_CREATED",
        "SESSION_PENDING",
        "SESSION_AUTHORIZED",
    ]


def test_what_is_recovered_is_no_fault(server: RunningServer) -> None:
    """Recovery's own log tells of no failure where it has settled an outcome."""
    before = len(server.log_lines())
    # When the second one is settled, all that the first one's recovery writes is written.
    for session_id in (
        open_with_session(server, "lost_reply")[1],
        open_with_session(server, "lost_reply")[1],
    ):
        authorize(server, session_id)
        until(partial(operation_in, server, "SUCCEEDED", "authorize", session_id))
    assert "not recovered" not in [line["event"] for line in server.log_lines()[before:]]


def test_the_books_agree_after_all_of_this(server: RunningServer) -> None:
    """Once all is settled, every sum here is the gateway's."""
    assert_books_agree(server)
