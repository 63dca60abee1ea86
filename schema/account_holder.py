"""Customers at their providers, and their saved payment methods."""

import strawberry

from payments.model import account_holders
from payments.model.callers import Caller
from payments.model.ids import HolderId, ProviderId
from schema.context import Info
from schema.node import Node
from schema.provider import PaymentMethodDetails, PaymentProvider
from schema.scalars import JSON, DateTime


@strawberry.type(
    description=("A payment method kept at the provider; no card number ever reaches this server.")
)
class PaymentMethod(Node):
    provider_id: strawberry.Private[ProviderId]
    details: PaymentMethodDetails
    created_at: DateTime

    @strawberry.field
    def provider(self, info: Info) -> PaymentProvider:
        """Return the provider."""
        return info.context.provider(self.provider_id)

    @classmethod
    def of(cls, record: account_holders.PaymentMethod) -> "PaymentMethod":
        """Return a payment method as the API shows it."""
        return cls(
            id=strawberry.ID(record.id),
            provider_id=record.provider_id,
            details=PaymentMethodDetails.shown(record.details),
            created_at=DateTime(record.created_at),
        )


@strawberry.type(
    description="A customer as one provider knows them; saved payment methods hang off it."
)
class AccountHolder(Node):
    holder_id: strawberry.Private[HolderId]
    provider_id: strawberry.Private[ProviderId]
    customer_reference: str = strawberry.field(
        description=(
            "The caller's name for the customer; one holder for each customer and provider."
        )
    )
    external_id: str = strawberry.field(description="The provider's own name of the customer.")
    email: str | None
    name: str | None
    metadata: JSON = strawberry.field(description="Empty for a browser.")
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    def provider(self, info: Info) -> PaymentProvider:
        """Return the provider."""
        return info.context.provider(self.provider_id)

    @strawberry.field(description="Oldest first.")
    async def payment_methods(self, info: Info) -> list[PaymentMethod]:
        """Return the customer's saved payment methods."""
        return await info.context.methods_of(self.holder_id)

    @classmethod
    def of(cls, record: account_holders.AccountHolder, caller: Caller) -> "AccountHolder":
        """Return an account holder that exists at its provider as a caller sees it."""
        assert record.reference is not None
        return cls(
            id=strawberry.ID(record.id),
            holder_id=record.id,
            provider_id=record.provider_id,
            customer_reference=record.customer_reference,
            external_id=record.reference,
            email=record.email,
            name=record.name,
            metadata=JSON({} if caller.is_browser else record.metadata),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )
