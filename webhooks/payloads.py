"""The payload of a webhook: an event of the log in the API's own words, signed by the Standard Webhooks scheme.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

from payments.model.entities import Event
from payments.model.instants import SECOND, Instant
from payments.model.money import Money
from schema.cursors import event_cursor


def payload(event: Event) -> str:
    """Return the payload of an event: the same at each attempt, as an event never changes."""
    amount = None if event.amount_minor is None else str(Money(event.amount_minor, event.currency))
    data = {
        "id": event.id,
        "cursor": event_cursor(event.id),
        "sequence": event.sequence,
        "source": event.source,
        "amount": amount,
        "currencyCode": event.currency,
        "failureCode": event.failure_code,
        "declineCode": event.decline_code,
        "collectionStatus": event.collection_status,
        "sessionStatus": event.session_status,
        "paymentStatus": event.payment_status,
        "paymentCollectionId": event.collection_id,
        "paymentSessionId": event.session_id,
        "paymentId": event.payment_id,
        "captureId": event.capture_id,
        "refundId": event.refund_id,
        "disputeId": event.dispute_id,
    }
    told = {"type": event.type, "timestamp": _text(event.occurred_at), "data": data}
    return orjson.dumps(told).decode()


def signed_headers(
    event: Event, body: str, secrets: Sequence[str], now: Instant
) -> Mapping[str, str]:
    """Return the headers that prove the sender and the time of a body: one signature for each secret."""
    sent_at = datetime.fromtimestamp(now // SECOND, UTC)
    signatures = [Webhook(secret).sign(event.id, sent_at, body) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": "Tillgraph",
        "webhook-id": event.id,
        "webhook-timestamp": str(now // SECOND),
        "webhook-signature": " ".join(signatures),
    }


def _text(instant: Instant) -> str:
    """Return an instant as the API writes it."""
    at = datetime.fromtimestamp(instant // SECOND, UTC).replace(microsecond=instant % SECOND)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
