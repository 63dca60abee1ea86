"""The reason for a refund."""

import strawberry

from payments.model import entities
from schema.node import Node
from schema.scalars import DateTime


@strawberry.type(description="Why something is refunded, in the shop's own words.")
class RefundReason(Node):
    code: str = strawberry.field(
        description="Told to the provider with the refund; it never changes."
    )
    label: str
    description: str | None
    created_at: DateTime

    @classmethod
    def of(cls, record: entities.RefundReason) -> "RefundReason":
        """Return a refund reason as the API shows it."""
        return cls(
            id=strawberry.ID(record.id),
            code=record.code,
            label=record.label,
            description=record.description,
            created_at=DateTime(record.created_at),
        )
