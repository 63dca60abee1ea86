"""Operations that recovery is working on or has left to an operator."""

import strawberry

from payments.model import entities
from payments.model.money import Money
from schema.context import Info
from schema.pages import PageInfo
from schema.payment import Payment
from schema.scalars import DateTime, Decimal, optional_instant
from schema.session import PaymentSession


@strawberry.type(
    description=(
        "Something asked of a provider whose outcome is not known, and which recovery is working on or has given to"
        " a person."
    )
)
class UnsettledOperation:
    record: strawberry.Private[entities.Operation]
    id: strawberry.ID
    kind: str = strawberry.field(description="open, update, authorize, capture, refund, cancel")
    amount: Decimal | None
    since: DateTime
    attempts: int
    next_attempt_at: DateTime | None = strawberry.field(
        description="Null: recovery has ended; a person has to look."
    )
    decline_code: str | None = strawberry.field(
        description="The provider's reason, where it refused what was decided and has to happen."
    )

    @strawberry.field
    async def payment_session(self, info: Info) -> PaymentSession:
        """Return the session."""
        return await info.context.session(self.record.session_id)

    @strawberry.field
    async def payment(self, info: Info) -> Payment | None:
        """Return the payment that it moves."""
        id = self.record.payment_id
        return None if id is None else await info.context.payment(id)

    @classmethod
    def of(cls, record: entities.Operation) -> "UnsettledOperation":
        """Return an operation without an outcome as the API shows it."""
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            kind=record.kind.value,
            amount=Decimal(Money(record.amount_minor, record.currency)),
            since=DateTime(record.created_at),
            attempts=record.asked_times,
            next_attempt_at=optional_instant(record.due_at),
            decline_code=record.decline_code,
        )


@strawberry.type
class UnsettledOperationEdge:
    cursor: str
    node: UnsettledOperation


@strawberry.type
class UnsettledOperationConnection:
    edges: list[UnsettledOperationEdge]
    page_info: PageInfo
