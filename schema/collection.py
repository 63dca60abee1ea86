"""A payment collection."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities
from payments.model.callers import Caller
from schema.context import Info
from schema.enums import PaymentCollectionStatus
from schema.node import Node
from schema.provider import PaymentProvider
from schema.scalars import JSON, CurrencyCode, DateTime, Decimal, optional_instant

if TYPE_CHECKING:
    from schema.account_holder import AccountHolder
    from schema.pages import PaymentEventConnection
    from schema.payment import Payment
    from schema.session import PaymentSession


@strawberry.type(
    description=("Everything about paying for one resource: a cart, an order, an invoice.")
)
class PaymentCollection(Node):
    record: strawberry.Private[entities.PaymentCollection]
    status: PaymentCollectionStatus
    currency_code: CurrencyCode
    amount: Decimal = strawberry.field(description="What is to be paid.")
    authorized_amount: Decimal = strawberry.field(
        description=(
            "Over all payments that are neither CANCELED nor SURPLUS: amount less "
            "releasedAmount. A SURPLUS payment counts in none of the sums."
        )
    )
    captured_amount: Decimal
    refunded_amount: Decimal
    outstanding_amount: Decimal = strawberry.field(
        description=("What no payment covers yet: amount less authorizedAmount, never below zero.")
    )
    reference: str | None = strawberry.field(
        description=("The caller's name for the resource that is paid for, such as a cart's id.")
    )
    region_id: str | None
    allows_split_payment: bool = strawberry.field(
        description=("Whether a browser may open a session for less than what is outstanding.")
    )
    metadata: JSON = strawberry.field(description="Empty for a browser.")
    completed_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field(description=("Every provider that this caller can open a session with now."))
    async def payment_providers(self, info: Info) -> list[PaymentProvider]:
        """Return the providers that this caller can use."""
        return await info.context.usable_providers(self.record)

    @strawberry.field(description="The customers whose saved methods may pay for this.")
    async def account_holders(
        self, info: Info
    ) -> list[Annotated["AccountHolder", strawberry.lazy("schema.account_holder")]]:
        """Return the account holders."""
        return await info.context.holders(self.record.account_holder_ids)

    @strawberry.field(description="Oldest first, at most 100.")
    async def payment_sessions(
        self, info: Info
    ) -> list[Annotated["PaymentSession", strawberry.lazy("schema.session")]]:
        """Return the sessions."""
        return await info.context.sessions_of(self.record.id)

    @strawberry.field(description="Oldest first.")
    async def payments(
        self, info: Info
    ) -> list[Annotated["Payment", strawberry.lazy("schema.payment")]]:
        """Return the payments."""
        return await info.context.payments_of(self.record.id)

    @strawberry.field
    async def events(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Annotated["PaymentEventConnection", strawberry.lazy("schema.pages")]:
        """Return a page of the collection's own log."""
        return await info.context.events_of(self.record.id, first, after)

    @strawberry.field(
        description=(
            "Lets a browser act on this collection alone, until it ends. Only for the "
            "secret key; null otherwise."
        )
    )
    def client_secret(self, info: Info) -> str | None:
        """Return the client secret."""
        return info.context.client_secret(self.record)

    @classmethod
    def of(cls, record: entities.PaymentCollection, caller: Caller) -> "PaymentCollection":
        """Return a collection as a caller sees it."""
        return cls(
            id=strawberry.ID(record.id),
            record=record,
            status=record.status,
            currency_code=CurrencyCode(record.currency),
            amount=Decimal(record.money(record.amount_minor)),
            authorized_amount=Decimal(record.money(record.authorized_minor)),
            captured_amount=Decimal(record.money(record.captured_minor)),
            refunded_amount=Decimal(record.money(record.refunded_minor)),
            outstanding_amount=Decimal(record.money(record.outstanding_minor)),
            reference=record.reference,
            region_id=record.region_id,
            allows_split_payment=record.allows_split_payment,
            metadata=JSON({} if caller.is_browser else record.metadata),
            completed_at=optional_instant(record.completed_at),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )
