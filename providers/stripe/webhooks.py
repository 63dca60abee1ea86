"""Stripe's reports: verified on the raw bytes, and read as the id of the intent that changed."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import orjson
import stripe

from payments.model.ids import OperationId
from payments.model.outcomes import Report, Unknown
from payments.ports.provider import ReportRefused
from providers.headers import only

TOLERANCE_SECONDS = 300
"""A signature's age, and how far it may be ahead of this clock."""

HEADER = "stripe-signature"

UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)

ID_CHARACTERS = 255

THIN = "v2.core.event"
"""The type of an event without its object. Source: https://docs.stripe.com/api/v2/core/events/object."""

TAKEN = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.requires_action",
        "payment_intent.processing",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "payment_intent.partially_funded",
        "charge.captured",
        "charge.expired",
        "charge.refunded",
        "charge.refund.updated",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "setup_intent.succeeded",
        "setup_intent.setup_failed",
    }
)
"""Events about an intent or a saving of ours; others are accepted and ignored."""

OBJECTS = ("payment_intent", "setup_intent")
"""The objects that are read back; other events name their intent."""


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> None:
    """Verify a report's signature with any of the secrets; raises ReportRefused."""
    if not secrets:
        raise ReportRefused("TILLGRAPH_STRIPE_WEBHOOK_SECRETS is not set: nothing can be verified.")
    header = only(headers, HEADER)
    signed_at = _signed_at(header)
    if not any(_is_signed(secret, header, body) for secret in secrets):
        raise ReportRefused("The signature is not Stripe's, or too old.")
    if signed_at > time.time() + TOLERANCE_SECONDS:
        raise ReportRefused("The signature is from the future.")


def _is_signed(secret: str, header: str, body: bytes) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, TypeError, ValueError):
        # The SDK raises a TypeError if a signature is not ASCII and a decoding error if a body is not UTF-8.
        return False
    return True


def _signed_at(header: str) -> int:
    """Return the one time of a signature; of several, each reader could pick another one. Raises ReportRefused."""
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(times) != 1 or UNIX_SECONDS.fullmatch(times[0]) is None:
        raise ReportRefused("A report carries Stripe-Signature: t=SECONDS,v1=HEX, with one t.")
    return int(times[0])


def read(body: bytes, *, is_live: bool) -> Report | None:
    """Return a verified report; None where it is about nothing of ours. Raises ReportRefused."""
    try:
        event = orjson.loads(body)
    except ValueError:
        raise ReportRefused("A report is JSON.") from None
    if isinstance(event, dict) and event.get("object") == THIN:
        raise ReportRefused(
            "This is a thin event: let Stripe send snapshots, as docs/stripe.md says."
        )
    if not isinstance(event, dict) or event.get("object") != "event":
        raise ReportRefused("A report is one event.")
    id, type_ = event.get("id"), event.get("type")
    if not _is_name(id) or not _is_name(type_):
        raise ReportRefused("An event has an id and a type.")
    if event.get("livemode") is not is_live:
        raise ReportRefused(
            "The event is of the other mode: live and test have secrets of their own."
        )
    if event.get("account") is not None:
        raise ReportRefused("The event is of another account.")
    reference = reference_of(event)
    if reference is None:
        return None
    return Report(id, OperationId(reference), Unknown(), reference=reference)


def reference_of(event: Mapping[str, Any]) -> str | None:
    """Return the id of the intent or saving that an event is about; None where there is none. Raises ReportRefused."""
    if event["type"] not in TAKEN:
        return None
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise ReportRefused("An event has an object.")
    is_intent = found.get("object") in OBJECTS
    reference = found.get("id" if is_intent else "payment_intent")
    if reference is None:
        return None
    if not _is_name(reference):
        raise ReportRefused("An intent has an id.")
    return str(reference)


def _is_name(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and 0 < len(value) <= ID_CHARACTERS
    )
