"""A collection with all that belongs to one, and the page that shows it."""

from tests.support.flow.shop import (
    authorize,
    capture,
    open_collection,
    open_holder,
    open_session,
    refund,
)
from tests.support.program.running import RunningServer

PAGE = """query ($first: Int!) { paymentCollections(first: $first) { totalCount edges { node {
  id status amount clientSecret paymentProviders { id } accountHolders { id paymentMethods { id } }
  paymentSessions { id status requiredAction { __typename } failure { code } payment { id } }
  payments { id paymentSession { id } captures { id payment { id } } refunds { id reason { code } }
    disputes { id } paymentCollection { id }
    events(first: 3) { edges { node { type capture { id } } } } }
  events(first: 5) { edges { node { type paymentSession { id } capture { id } refund { id } } } }
} } } }"""


def make_everything(server: RunningServer) -> None:
    """Open a collection whose three sessions are paid, declined and challenged, with a holder and a saved method."""
    holder = open_holder(server)
    server.change("savePaymentMethod", {"accountHolderId": holder["id"]})
    collection = open_collection(server, accountHolderIds=[holder["id"]])
    for token in ("approve", "decline", "challenge"):
        session = open_session(server, collection["id"], token, amount="30.00")
        payment = authorize(server, session["id"])
        if payment["__typename"] == "Payment":
            capture(server, payment["id"], amount="20.00")
            refund(server, payment["id"], amount="5.00")
