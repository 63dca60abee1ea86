"""A dispute, as the store keeps it."""

from dataclasses import dataclass

from payments.ids import CollectionId, DisputeId, PaymentId, ProviderId
from payments.instants import Instant
from payments.statuses import DisputeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A customer's objection to a payment, which their bank or the provider decides."""

    id: DisputeId
    collection_id: CollectionId
    payment_id: PaymentId
    provider_id: ProviderId
    reference: str
    """The provider's own name of it."""
    status: DisputeStatus
    reason: str
    """The provider's documented word, such as fraudulent."""
    currency: str
    amount_minor: int
    takes_money: bool
    """The provider holds its amount, or has given it to the customer; a mere inquiry takes nothing."""
    blocks_refunds: bool
    """The provider refunds nothing of the payment because of it."""
    respond_before: Instant | None = None
    created_at: Instant
    updated_at: Instant
