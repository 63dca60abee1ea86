"""The log that a stream is held against, and changes that fill it."""

from tests.support.running import Json, RunningServer, document

WATCH = document("front_end/06_watch_payment_collection")
FOLLOW = document("back_end/12_follow_payment_events")


def cursors_of(server: RunningServer, collection_id: str) -> list[str]:
    """Read the cursors of a collection's whole log, oldest first."""
    return [edge["cursor"] for edge in _pages(server, collection_id)]


def types_of(server: RunningServer, collection_id: str) -> list[str]:
    """Read the types of a collection's whole log, oldest first."""
    return [edge["node"]["type"] for edge in _pages(server, collection_id)]


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
    """Read the cursors of the whole log behind one, oldest first."""
    found: list[str] = []
    while True:
        page = server.run("back_end/11_list_payment_events", first=100, after=after)
        found += [edge["cursor"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def touch(server: RunningServer, collection_id: str, reference: str) -> None:
    """Change a collection: one event."""
    changed = server.change(
        "updatePaymentCollection", {"id": collection_id, "reference": reference}
    )
    assert changed["__typename"] == "PaymentCollection", changed
