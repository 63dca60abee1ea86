"""The log that a stream is compared with, and changes that fill it."""

from payments.model.ids import EVENT, new_id
from tests.support.program.running import Json, RunningServer, document

WATCH = document("front_end/06_watch_payment_collection")
FOLLOW = document("back_end/12_follow_payment_events")


def cursors_of(server: RunningServer, collection_id: str) -> list[str]:
    """Return the cursors of a collection's whole log, oldest first."""
    return [edge["cursor"] for edge in _pages(server, collection_id)]


def types_of(server: RunningServer, collection_id: str, *, after: int = 0) -> list[str]:
    """Return the types of a collection's whole log, oldest first, without the first ones."""
    return [edge["node"]["type"] for edge in _pages(server, collection_id)[after:]]


COLLECTION_LOG = """query ($id: ID!, $after: String) {
  paymentCollection(id: $id) {
    events(first: 100, after: $after) {
      edges { cursor node { type } } pageInfo { hasNextPage endCursor }
    }
  }
}"""


def _pages(server: RunningServer, collection_id: str) -> list[Json]:
    edges: list[Json] = []
    after = None
    while True:
        values = {"id": collection_id, "after": after}
        page = server.execute(COLLECTION_LOG, values)["paymentCollection"]["events"]
        edges += page["edges"]
        if not page["pageInfo"]["hasNextPage"]:
            return edges
        after = page["pageInfo"]["endCursor"]


def everything_after(server: RunningServer, after: str | None) -> list[str]:
    """Return the cursors of the whole log after one, oldest first."""
    found: list[str] = []
    while True:
        page = server.run("back_end/11_list_payment_events", first=100, after=after)
        found += [edge["cursor"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def up_to(server: RunningServer, last: str) -> list[str]:
    """Return the cursors of the whole log once it ends with one; the database's own work may delay that."""
    found = everything_after(server, None)
    return found if found[-1:] == [last] else []


def touch(server: RunningServer, collection_id: str, reference: str) -> None:
    """Change a collection, which makes one event."""
    changed = server.change(
        "updatePaymentCollection", {"id": collection_id, "reference": reference}
    )
    assert changed["__typename"] == "PaymentCollection", changed


def lay(server: RunningServer, collection_id: str, count: int = 1) -> None:
    """Insert events of a collection by SQL, where a server would have written them: nobody is notified."""
    ((sequence,),) = server.rows(
        "SELECT sequence FROM payment_collections WHERE id = ?", collection_id
    )
    ((position,),) = server.rows("SELECT max(position) FROM payment_events")
    written = ", ".join(
        f"({position + number}, '{new_id(EVENT)}', '{collection_id}', {sequence + number},"
        " 'COLLECTION_UPDATED', 'API', 0, 'USD', 'NOT_PAID')"
        for number in range(1, count + 1)
    )
    server.rows(
        "INSERT INTO payment_events (position, id, collection_id, sequence, type, source, occurred_at,"  # noqa: S608
        f" currency, collection_status) VALUES {written}"
    )
    server.rows(
        "UPDATE payment_collections SET sequence = sequence + ? WHERE id = ?", count, collection_id
    )
