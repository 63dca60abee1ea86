"""Stripe's disputes as the domain's, on the payment whose charge the customer disputes."""

from typing import Final

import stripe
import structlog

from payments.model.ids import ProviderId, SessionId
from payments.model.instants import SECOND, Instant
from payments.model.outcomes import DisputeFound
from payments.model.statuses import DisputeStatus
from providers.stripe.amounts import from_stripe
from providers.stripe.intents import PROVIDER_KEY, SESSION_KEY, metadata_of

log = structlog.get_logger("stripe")

APPEALS: Final = frozenset({"appeal_needs_response", "appeal_under_review"})
"""The status of a lost dispute."""

INQUIRIES: Final = "warning_"
"""The prefix of an inquiry's statuses: nothing was withdrawn, and the payment can still be refunded.

Source: https://docs.stripe.com/disputes/how-disputes-work.
"""

OVER: Final = frozenset({DisputeStatus.WON, DisputeStatus.CLOSED})

STATUSES: Final = {
    "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "warning_under_review": DisputeStatus.UNDER_REVIEW,
    "warning_closed": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "appeal_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "appeal_under_review": DisputeStatus.UNDER_REVIEW,
    "prevented": DisputeStatus.CLOSED,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""Source: https://docs.stripe.com/api/disputes/object#dispute_object-status."""


def is_disputed(intent: stripe.PaymentIntent) -> bool:
    """Return whether an intent's charge was ever disputed."""
    return isinstance(intent.latest_charge, stripe.Charge) and intent.latest_charge.disputed


def dispute_of(intent: stripe.PaymentIntent, dispute: stripe.Dispute) -> DisputeFound:
    """Return an intent's dispute as the domain's; an unknown status counts as under review.

    Raises ValueError for an unknown currency.
    """
    if dispute.status not in STATUSES:
        log.warning("unknown status", of="dispute", status=dispute.status, dispute=dispute.id)
    status = STATUSES.get(dispute.status, DisputeStatus.UNDER_REVIEW)
    takes_money = status not in OVER and not dispute.status.startswith(INQUIRIES)
    metadata = metadata_of(intent)
    due_by = dispute.evidence_details.due_by
    return DisputeFound(
        dispute.id,
        SessionId(metadata[SESSION_KEY]),
        status,
        dispute.reason,
        from_stripe(dispute.amount, dispute.currency),
        takes_money,
        takes_money and not dispute.is_charge_refundable,
        None if due_by is None else Instant(due_by * SECOND),
        ProviderId(metadata.get(PROVIDER_KEY, "stripe")),
        is_appeal=dispute.status in APPEALS,
    )
