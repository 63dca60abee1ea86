"""The steps of the flow as a shop takes them, for tests about something else."""

import secrets
from collections.abc import Mapping

from tests.support.program.running import Json, RunningServer, document


def new_key() -> str:
    """Return a new idempotency key."""
    return secrets.token_hex(8)


def open_collection(
    server: RunningServer, amount: str = "100.00", currency: str = "USD", **more: Json
) -> Json:
    """Open a collection."""
    made = server.change(
        "createPaymentCollection", {"amount": amount, "currencyCode": currency, **more}
    )
    assert made["__typename"] == "PaymentCollection", made
    return made


def open_holder(server: RunningServer, *, provider: str = "sandbox", **more: Json) -> Json:
    """Create a customer at a provider."""
    values = {"providerId": provider, "customerReference": f"customer-{new_key()}", **more}
    made = server.change("createAccountHolder", values)
    assert made["__typename"] == "AccountHolder", made
    return made


def save_method(server: RunningServer, holder_id: str, data: Json = None, **more: Json) -> Json:
    """Save a payment method for a holder, whatever the outcome."""
    given = {} if data is None else {"data": data}
    return server.change("savePaymentMethod", {"accountHolderId": holder_id, **given, **more})


def try_to_open(server: RunningServer) -> tuple[int, str]:
    """Try to open a collection; return the status and the code or the type of the answer."""
    values = {"amount": "1.00", "currencyCode": "USD", "idempotencyKey": new_key()}
    response = server.post(document("complete/createPaymentCollection"), {"input": values})
    answer = response.json()
    if "errors" in answer:
        return response.status_code, answer["errors"][0]["extensions"]["code"]
    return response.status_code, answer["data"]["createPaymentCollection"]["__typename"]


def open_session(
    server: RunningServer,
    collection_id: str,
    token: str | None = None,
    *,
    provider: str = "sandbox",
    **more: Json,
) -> Json:
    """Open a session, at the sandbox with a token where one is given."""
    data = {} if token is None else {"data": {"token": token}}
    made = server.change(
        "createPaymentSession",
        {"paymentCollectionId": collection_id, "providerId": provider, **data, **more},
    )
    assert made["__typename"] == "PaymentSession", made
    return made


def open_with_session(
    server: RunningServer, token: str | None = None, **more: Json
) -> tuple[str, str]:
    """Open a collection of 100.00 with a session, and return their ids."""
    collection = open_collection(server)
    session = open_session(server, collection["id"], token, **more)
    return collection["id"], session["id"]


def authorize(server: RunningServer, session_id: str, **more: Json) -> Json:
    """Authorize a session, whatever the outcome."""
    return server.change("authorizePaymentSession", {"id": session_id, **more})


def pay(
    server: RunningServer,
    amount: str = "100.00",
    token: str | None = None,
    *,
    currency: str = "USD",
    provider: str = "sandbox",
) -> Json:
    """Open a collection and authorize all of it; return the payment."""
    collection = open_collection(server, amount, currency)
    session = open_session(server, collection["id"], token, provider=provider)
    payment = authorize(server, session["id"])
    assert payment["__typename"] == "Payment", payment
    return payment


def capture(server: RunningServer, payment_id: str, **more: Json) -> Json:
    """Capture a payment, with a fresh key where none is given."""
    return server.change(
        "capturePayment", {"paymentId": payment_id, "idempotencyKey": new_key(), **more}
    )


def refund(server: RunningServer, payment_id: str, **more: Json) -> Json:
    """Refund a payment, with a fresh key where none is given."""
    return server.change(
        "refundPayment", {"paymentId": payment_id, "idempotencyKey": new_key(), **more}
    )


def cancel_payment(server: RunningServer, id: str) -> Json:
    """Cancel a payment, whatever the outcome."""
    return server.change("cancelPayment", {"paymentId": id})


def collection_of(server: RunningServer, id: str) -> Json:
    """Return a collection with its sessions, payments, captures, refunds and events."""
    return server.run("back_end/02_show_payment_collection", id=id)


def unsettled(server: RunningServer, session_id: str) -> list[Json]:
    """Return a session's unsettled operations, oldest first, past the pages of other tests' operations."""
    found: list[Json] = []
    after = None
    while True:
        page = server.run("back_end/16_list_unsettled_operations", first=100, after=after)
        nodes = [edge["node"] for edge in page["edges"]]
        found += [node for node in nodes if node["paymentSession"]["id"] == session_id]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def settle_by_hand(server: RunningServer, operation_id: str, outcome: str, **more: Json) -> Json:
    """Resolve an operation by an operator's decision, with a fresh key where none is given."""
    values = {"evidence": "The gateway's statement, line 14", "idempotencyKey": new_key(), **more}
    return server.change("settleOperation", {"id": operation_id, "outcome": outcome, **values})


def event_types(collection: Mapping[str, Json]) -> list[str]:
    """Return the types of a collection's events, oldest first."""
    return [edge["node"]["type"] for edge in collection["events"]["edges"]]
