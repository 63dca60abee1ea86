"""Observations of a test: sums, statuses, events and the gateway's ledger, each as a plain value to compare."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import orjson
from sqlalchemy import Table

from db.tables import payments as tables
from tests.support.flow.shop import collection_of
from tests.support.program.files import whole_lines
from tests.support.program.running import Json, RunningServer
from tests.support.stores import databases

Event = tuple[str, str | None, str, str | None, str | None]
"""Type, amount, and the collection's, the session's and the payment's status right after it."""


def status_of(server: RunningServer, collection_id: str) -> str:
    """Return a collection's status."""
    return str(collection_of(server, collection_id)["status"])


def sums_of(server: RunningServer, collection_id: str) -> tuple[str, str, str, str]:
    """Return a collection's authorized, captured, refunded and outstanding amounts."""
    found = collection_of(server, collection_id)
    names = ("authorizedAmount", "capturedAmount", "refundedAmount", "outstandingAmount")
    authorized, captured, refunded, outstanding = (str(found[name]) for name in names)
    return authorized, captured, refunded, outstanding


def session_of(server: RunningServer, id: str) -> Json:
    """Return a session."""
    return server.run("front_end/07_show_payment_session", id=id)


def session_status(server: RunningServer, id: str) -> str:
    """Return a session's status."""
    return str(session_of(server, id)["status"])


def payment_of(server: RunningServer, id: str) -> Json:
    """Return a payment with its captures and refunds."""
    return server.run("back_end/06_show_payment", id=id)


def amounts_of(server: RunningServer, payment_id: str) -> tuple[str, str, str, str, str, str]:
    """Return a payment's status and its captured, refunded, released, capturable and refundable amounts."""
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
    """Return a collection's events, oldest first, without the first ones."""
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


def entries(server: RunningServer, session_id: str) -> list[Json]:
    """Return the gateway's effects on a session, oldest first, without how often each was requested."""
    return [
        {name: entry[name] for name in entry if name != "asked"}
        for entry in server.ledger(session_id)
    ]


def effect_facts(server: RunningServer, session_id: str) -> list[tuple[str, str, str, str]]:
    """Return kind, amount, result and moved amount of the gateway's effects on a session, oldest first."""
    return [
        (entry["kind"], entry["amount"], entry["result"], entry["moved"])
        for entry in entries(server, session_id)
    ]


def asked_times(server: RunningServer, session_id: str, kind: str) -> list[int]:
    """Return how often the gateway was asked with each key for a kind of effect on a session."""
    return [entry["asked"] for entry in server.ledger(session_id) if entry["kind"] == kind]


def steps_of(server: RunningServer, collection_id: str, step: str) -> list[Json]:
    """Return a server's log lines about one step of the flow with a collection, oldest first."""
    # Hundreds of kilobytes by now: only what is about this is worth reading.
    lines = whole_lines(server.log_path)
    about = [line for line in lines if collection_id.encode() in line]
    return [line for line in map(orjson.loads, about) if line.get("step") == step]


def prepared_times(server: RunningServer, collection_id: str) -> int:
    """Return how many calls prepared something in a collection, or found it prepared and waited for its outcome."""
    return len(steps_of(server, collection_id, "prepare"))


def asked_keys(server: RunningServer, collection_id: str, kind: str) -> list[str]:
    """Return the key of each request of a kind to the provider, from the server's log."""
    steps = steps_of(server, collection_id, "ask")
    return [step["operation_id"] for step in steps if step["kind"] == kind]


OF_RECOVERY = {"status", "asked_times", "unanswered_times", "holder", "due_at", "updated_at"}
"""Columns of an operation that change whenever recovery asks again about a pending one."""


def _all_of(table: Table, key: str, order: str) -> str:
    is_operation = table is tables.operations
    names = [one.name for one in table.columns if not (is_operation and one.name in OF_RECOVERY)]
    return f"SELECT {', '.join(names)} FROM {table.name} WHERE {key} = ? ORDER BY {order}"  # noqa: S608


WRITTEN = [
    _all_of(tables.payment_collections, "id", "id"),
    _all_of(tables.payment_sessions, "collection_id", "id"),
    _all_of(tables.payments, "collection_id", "id"),
    _all_of(tables.operations, "collection_id", "id"),
    _all_of(tables.payment_events, "collection_id", "sequence"),
]
"""Reads all that the database holds of a collection, one statement for each table."""


@contextmanager
def unmoved(server: RunningServer, collection_id: str) -> Iterator[None]:
    """Assert that nothing moves during the block: no row of the collection, and nothing at the gateway."""
    before = _standing(server, collection_id)
    yield
    assert _standing(server, collection_id) == before


def _standing(server: RunningServer, collection_id: str) -> Json:
    written = databases.rows_of_each(server.database, WRITTEN, collection_id)
    sessions = sorted(str(session[0]) for session in written[1])
    return written, [entries(server, id) for id in sessions]


def settle(
    server: RunningServer, session_id: str, result: str, movement: str | None = None
) -> None:
    """Let the gateway end what it left pending, and report it."""
    response = ask_to_settle(server, session_id, result, movement)
    assert response.is_success, response.text


def ask_to_settle(
    server: RunningServer, session_id: str, result: str, movement: str | None = None
) -> httpx2.Response:
    """Let the gateway end what it left pending; return its page's answer, whether its report was accepted or not."""
    body = {"result": result} if movement is None else {"result": result, "movement": movement}
    headers = {} if server.credential is None else {"authorization": f"Bearer {server.credential}"}
    return server.client.post(f"/sandbox/reports/{session_id}", json=body, headers=headers)


def answer_challenge(server: RunningServer, session_id: str, result: str) -> None:
    """Answer a session's challenge as the customer does."""
    answer_page(server, f"/sandbox/challenges/{session_id}", result)


def answer_page(server: RunningServer, url: str, result: str) -> None:
    """Answer a challenge's page as a program does."""
    response = server.client.post(url, json={"result": result})
    assert response.status_code == 200, response.text


def payment_ids(payment: Json) -> tuple[str, str, str]:
    """Return the ids of a payment, its session and its collection."""
    return payment["id"], payment["paymentSession"]["id"], payment["paymentCollection"]["id"]
