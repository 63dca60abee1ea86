"""Waits for an event in the log, and calls that run beside a test."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.support.callers.calling import is_busy, is_open, result_of
from tests.support.flow.looking import prepared_times
from tests.support.flow.shop import authorize, collection_of, open_collection, open_session
from tests.support.gateways.between import Fault
from tests.support.gateways.sites import Site
from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import PATIENCE_SECONDS, until


def until_event(server: RunningServer, collection_id: str, type: str, *, times: int = 1) -> Json:
    """Wait until a collection's log has a number of events of a type, and return the collection as it is then."""

    def has_it() -> bool:
        edges = collection_of(server, collection_id)["events"]["edges"]
        return [edge["node"]["type"] for edge in edges].count(type) >= times

    until(has_it)
    # The fields of one answer are read one after the other: its payments may be older than its events.
    return collection_of(server, collection_id)


def recover(server: RunningServer, session_id: str) -> None:
    """Let recovery ask again at once about a session's unknown operation, as soon as there is one."""
    make_due = (
        "UPDATE operations SET due_at = 1 WHERE status = 'UNKNOWN' AND session_id = ? RETURNING id"
    )
    until(lambda: server.rows(make_due, session_id))
    # Recovery runs at once when something else becomes unknown, whose own hour is yet to come.
    other = open_session(server, open_collection(server)["id"], "lost_reply")["id"]
    assert authorize(server, other)["action"]["kind"] == "WAIT"


@contextmanager
def beside(call: Callable[[], Json]) -> Iterator["Future[Json]"]:
    """Run a call beside the test; it ends with the block."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(call)


@contextmanager
def held(
    site: Site, session_id: str, call: Callable[[], Json], *, kind: str = "authorize"
) -> Iterator["Future[Json]"]:
    """Run a call whose request of a kind waits at the gateway until the block is over."""
    site.between.next(Fault.HOLD_BEFORE, kind=kind, session_id=session_id)
    with beside(call) as answer:
        try:
            assert site.between.held.wait(PATIENCE_SECONDS), "The gateway was not asked."
            yield answer
        finally:
            site.between.let_go()


@contextmanager
def joined(
    server: RunningServer, collection_id: str, call: Callable[[], Json]
) -> Iterator["Future[Json]"]:
    """Run a call that has joined another one under way, and waits for that one's outcome."""
    prepared = prepared_times(server, collection_id)
    with beside(call) as answer:
        until(lambda: prepared_times(server, collection_id) > prepared)
        assert not answer.done()
        yield answer


def at_once(calls: Sequence[Callable[[], Json]]) -> list[Json]:
    """Run calls at the same time, each in its own thread; return their answers in the calls' order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def patiently(server: RunningServer, field_name: str, input: Json, **how: Json) -> Json:
    """Send a mutation until its answer is final, as clients do.

    On a slow machine the last of many that race for one row is told to send again, or that the outcome is still open.
    The call has a key, or may be repeated.
    """

    def attempt() -> Json:
        response = server.post(document(f"complete/{field_name}"), {"input": input}, **how)
        return None if is_busy(response) or is_open(answer := result_of(response)) else answer

    return until(attempt)
