"""A payment session."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities
from payments.model.callers import Caller
from payments.model.money import Money
from schema.actions import RequiredAction
from schema.context import Info
from schema.enums import PaymentSessionStatus
from schema.failures import AuthorizationFailed
from schema.node import Node
from schema.provider import PaymentProvider
from schema.scalars import JSON, CurrencyCode, DateTime, Decimal, optional_instant

if TYPE_CHECKING:
    from schema.collection import PaymentCollection
    from schema.payment import Payment


@strawberry.type(description="One amount to be authorized by one provider.")
class PaymentSession(Node):
    record: strawberry.Private[entities.PaymentSession]
    status: PaymentSessionStatus
    amount: Decimal
    currency_code: CurrencyCode
    data: JSON = strawberry.field(
        description=("What the provider gave the customer's browser. No secret of the server's.")
    )
    metadata: JSON = strawberry.field(description="Empty for a browser.")
    return_url: str | None
    authorized_at: DateTime | None
    expires_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    def provider(self, info: Info) -> PaymentProvider:
        """Return the provider."""
        return info.context.provider(self.record.provider_id)

    @strawberry.field(
        description=(
            "What comes next; null unless status is REQUIRES_MORE or PENDING_AUTHORIZATION."
        )
    )
    async def required_action(self, info: Info) -> RequiredAction | None:
        """Return the next action."""
        return await info.context.required_action(self.record)

    @strawberry.field(description="Why the newest attempt failed; null unless status is ERROR.")
    async def failure(self, info: Info) -> AuthorizationFailed | None:
        """Return why the newest attempt failed."""
        return await info.context.attempt_failure(self.record)

    @strawberry.field
    async def payment(
        self, info: Info
    ) -> Annotated["Payment", strawberry.lazy("schema.payment")] | None:
        """Return the payment that it made."""
        return await info.context.payment_of(self.record.id)

    @strawberry.field
    async def payment_collection(
        self, info: Info
    ) -> Annotated["PaymentCollection", strawberry.lazy("schema.collection")]:
        """Return the collection."""
        return await info.context.collection(self.record.collection_id)

    @classmethod
    def of(cls, record: entities.PaymentSession, caller: Caller) -> "PaymentSession":
        """Return a session as a caller sees it."""
        return cls(
            id=strawberry.ID(record.id),
            record=record,
            status=record.status,
            amount=Decimal(Money(record.amount_minor, record.currency)),
            currency_code=CurrencyCode(record.currency),
            data=JSON(record.client_data),
            metadata=JSON({} if caller.is_browser else record.metadata),
            return_url=record.return_url,
            authorized_at=optional_instant(record.authorized_at),
            expires_at=optional_instant(record.expires_at),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )
