"""Two collections with everything that belongs to one, for what a browser may see of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.flow.shop import (
    authorize,
    capture,
    open_collection,
    open_holder,
    open_session,
    refund,
)
from tests.support.program.running import RunningServer


@dataclass(frozen=True)
class Shop:
    """A browser's own collection, and a stranger's, each with a payment in every state of a movement."""

    secret: str
    own: Mapping[str, str]
    stranger: Mapping[str, str]


def full_collection(server: RunningServer) -> tuple[str, dict[str, str]]:
    """Open a collection with everything that belongs to one; return its client secret, and ids by their type."""
    holder = open_holder(server, email="ada@example.com", name="Ada", metadata={"internal": "gold"})
    method = server.change("savePaymentMethod", {"accountHolderId": holder["id"]})
    collection = open_collection(
        server,
        reference="order 7",
        regionId="eu",
        metadata={"internal": "margin 40 %"},
        allowsSplitPayment=True,
        accountHolderIds=[holder["id"]],
    )
    session = open_session(
        server, collection["id"], amount="40.00", metadata={"internal": "session"}
    )
    payment = authorize(server, session["id"])
    captured = capture(server, payment["id"], amount="30.00", metadata={"internal": "capture"})
    refunded = refund(
        server, payment["id"], amount="5.00", note="angry customer", metadata={"internal": "refund"}
    )
    unpaid = open_session(server, collection["id"], amount="60.00")
    events = server.run("back_end/02_show_payment_collection", id=collection["id"])["events"]
    event_id = server.rows(
        "SELECT id FROM payment_events WHERE collection_id = ? LIMIT 1", collection["id"]
    )[0][0]
    return collection["clientSecret"], {
        "PaymentCollection": collection["id"],
        "PaymentSession": session["id"],
        "Payment": payment["id"],
        "Capture": captured["captures"][0]["id"],
        "Refund": refunded["refunds"][0]["id"],
        "PaymentEvent": event_id,
        "AccountHolder": holder["id"],
        "PaymentMethod": method["id"],
        "unpaid": unpaid["id"],
        "cursor": events["edges"][0]["cursor"],
    }
