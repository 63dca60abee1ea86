"""A customer's dispute of a payment."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities
from payments.model.ids import PaymentId
from payments.model.money import Money
from schema.context import Info
from schema.enums import DisputeStatus
from schema.node import Node
from schema.scalars import CurrencyCode, DateTime, Decimal, optional_instant

if TYPE_CHECKING:
    from schema.payment import Payment


@strawberry.type(
    description=(
        "A customer's objection to a payment, which their bank or the provider decides. It counts in no sum."
    )
)
class Dispute(Node):
    payment_id: strawberry.Private[PaymentId]
    status: DisputeStatus
    amount: Decimal
    currency_code: CurrencyCode
    reason: str = strawberry.field(
        description="The provider's documented word, such as fraudulent."
    )
    external_id: str = strawberry.field(description="The provider's own name of it.")
    respond_before: DateTime | None = strawberry.field(
        description="Until when the provider takes evidence, in its dashboard."
    )
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    async def payment(self, info: Info) -> Annotated["Payment", strawberry.lazy("schema.payment")]:
        """Return the payment."""
        return await info.context.payment(self.payment_id)

    @classmethod
    def of(cls, record: entities.Dispute) -> "Dispute":
        """Return a dispute as the API shows it."""
        return cls(
            id=strawberry.ID(record.id),
            payment_id=record.payment_id,
            status=record.status,
            amount=Decimal(Money(record.amount_minor, record.currency)),
            currency_code=CurrencyCode(record.currency),
            reason=record.reason,
            external_id=record.reference,
            respond_before=optional_instant(record.respond_before),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )
