"""What a test looks at: sums, statuses, events and the gateway's ledger, each as a plain value to compare."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.running import Json, RunningServer
from tests.support.shop import collection_of

Event = tuple[str, str | None, str, str | None, str | None]
"""Type, amount, and the collection's, the session's and the payment's status right after it."""


def status_of(server: RunningServer, collection_id: str) -> str:
    """Read a collection's status."""
    return str(collection_of(server, collection_id)["status"])


def sums_of(server: RunningServer, collection_id: str) -> tuple[str, str, str, str]:
    """Read what of a collection is authorized, captured, refunded and outstanding."""
    found = collection_of(server, collection_id)
    names = ("authorizedAmount", "capturedAmount", "refundedAmount", "outstandingAmount")
    authorized, captured, refunded, outstanding = (str(found[name]) for name in names)
    return authorized, captured, refunded, outstanding


def session_of(server: RunningServer, id: str) -> Json:
    """Read a session."""
    return server.run("front_end/07_show_payment_session", id=id)


def session_status(server: RunningServer, id: str) -> str:
    """Read a session's status."""
    return str(session_of(server, id)["status"])


def payment_of(server: RunningServer, id: str) -> Json:
    """Read a payment with its captures and refunds."""
    return server.run("back_end/06_show_payment", id=id)


def amounts_of(server: RunningServer, payment_id: str) -> tuple[str, str, str, str, str, str]:
    """Read a payment's status and what is captured, refunded, released, capturable and refundable of it."""
    found = payment_of(server, payment_id)
    return (
        found["status"],
        found["capturedAmount"],
        found["refundedAmount"],
        found["releasedAmount"],
        found["capturableAmount"],
        found["refundableAmount"],
    )


def events_of(server: RunningServer, collection_id: str, *, after: int = 0) -> list[Event]:
    """List a collection's events, oldest first, behind the first so many."""
    nodes = [edge["node"] for edge in collection_of(server, collection_id)["events"]["edges"]]
    return [
        (
            node["type"],
            node["amount"],
            node["collectionStatus"],
            node["sessionStatus"],
            node["paymentStatus"],
        )
        for node in nodes[after:]
    ]


def types_of(server: RunningServer, collection_id: str, *, after: int = 0) -> list[str]:
    """List the types of a collection's events, oldest first, behind the first so many."""
    return [event[0] for event in events_of(server, collection_id, after=after)]


def entries(server: RunningServer, session_id: str) -> list[Json]:
    """List what the gateway did for a session, oldest first; how often it was asked left out."""
    found = [entry for entry in server.ledger() if entry["session"] == session_id]
    return [{name: entry[name] for name in entry if name != "asked"} for entry in found]


def effects(server: RunningServer, session_id: str) -> list[tuple[str, str, str, str]]:
    """List kind, amount, result and what moved of what the gateway did for a session, oldest first."""
    return [
        (entry["kind"], entry["amount"], entry["result"], entry["moved"])
        for entry in entries(server, session_id)
    ]


def asked_times(server: RunningServer, session_id: str, kind: str) -> list[int]:
    """List how often the gateway was asked with each key for a kind of effect on a session."""
    return [
        entry["asked"]
        for entry in server.ledger()
        if (entry["session"], entry["kind"]) == (session_id, kind)
    ]


def asked_keys(server: RunningServer, collection_id: str, kind: str) -> list[str]:
    """List the keys with which the provider was asked for a kind, each time it was, from the server's log."""
    return [
        line["operation_id"]
        for line in server.log_lines()
        if (line.get("step"), line.get("collection_id"), line.get("kind"))
        == ("ask", collection_id, kind)
    ]


@contextmanager
def unmoved(server: RunningServer, collection_id: str) -> Iterator[None]:
    """Hold that nothing moves in the block: no status, no sum, no event, nothing at the gateway."""
    before = _standing(server, collection_id)
    yield
    assert _standing(server, collection_id) == before


def _standing(server: RunningServer, collection_id: str) -> Json:
    collection = collection_of(server, collection_id)
    sessions = [session["id"] for session in collection["paymentSessions"]]
    payments = [payment_of(server, payment["id"]) for payment in collection["payments"]]
    return collection, payments, [entries(server, id) for id in sessions]


def settle(
    server: RunningServer, session_id: str, result: str, movement: str | None = None
) -> None:
    """Let the gateway settle what it left pending, and report it."""
    body = {"result": result} if movement is None else {"result": result, "movement": movement}
    response = server.client.post(f"/sandbox/reports/{session_id}", json=body)
    assert response.is_success, response.text


def answer_challenge(server: RunningServer, session_id: str, result: str) -> None:
    """Answer a session's challenge as the customer does."""
    response = server.client.post(f"/sandbox/challenges/{session_id}", json={"result": result})
    assert response.is_success, response.text
