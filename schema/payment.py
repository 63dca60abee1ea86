"""A payment with its captures and refunds."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities, instants
from payments.model.callers import Caller
from payments.model.ids import PaymentId, RefundReasonId
from payments.model.money import Money
from schema.context import Info
from schema.enums import (
    MOVEMENT_STATUSES,
    CancellationReason,
    EventSource,
    MovementStatus,
    PaymentStatus,
)
from schema.failures import MovementFailed
from schema.node import Node
from schema.provider import PaymentMethodDetails, PaymentProvider
from schema.scalars import JSON, CurrencyCode, DateTime, Decimal, optional_instant

if TYPE_CHECKING:
    from schema.collection import PaymentCollection
    from schema.dispute import Dispute
    from schema.pages import PaymentEventConnection
    from schema.refund_reason import RefundReason
    from schema.session import PaymentSession


@strawberry.type(description="An authorized amount of money.")
class Payment(Node):
    record: strawberry.Private[entities.Payment]
    status: PaymentStatus
    amount: Decimal
    currency_code: CurrencyCode
    captured_amount: Decimal
    refunded_amount: Decimal
    released_amount: Decimal = strawberry.field(description="Given back without being captured.")
    capturable_amount: Decimal = strawberry.field(
        description=("What can still be captured; captures in flight are already taken off.")
    )
    refundable_amount: Decimal = strawberry.field(
        description=(
            "What can still be refunded; refunds in flight and what disputes have taken are already"
            " taken off. Zero while the provider refunds nothing because of a dispute."
        )
    )
    disputed_amount: Decimal | None = strawberry.field(
        description=(
            "What disputes have taken: the amounts of those that are open or lost. One that was won,"
            " prevented or closed, and an inquiry before a dispute, take nothing. A dispute in"
            " another currency than the payment's is not counted; see `disputes`. Null for a browser."
        )
    )
    paid_with: PaymentMethodDetails | None = strawberry.field(
        description="What it was paid with, where the provider says so."
    )
    data: JSON = strawberry.field(
        description=("The provider's record. Only for the secret key; empty otherwise.")
    )
    metadata: JSON = strawberry.field(description="Empty for a browser.")
    capture_before: DateTime | None = strawberry.field(description="The authorization lapses then.")
    is_cancellation_pending: bool = strawberry.field(
        description=(
            "Asked of the provider, outcome not known yet; nothing can be captured meanwhile."
        )
    )
    cancellation_reason: CancellationReason | None
    captured_at: DateTime | None = strawberry.field(description="When nothing was left to capture.")
    canceled_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    def provider(self, info: Info) -> PaymentProvider:
        """Return the provider."""
        return info.context.provider(self.record.provider_id)

    @strawberry.field(description="Oldest first, at most 1,000.")
    async def captures(self, info: Info) -> list["Capture"]:
        """Return the captures."""
        return await info.context.captures_of(self.record.id)

    @strawberry.field(description="Oldest first, at most 1,000.")
    async def refunds(self, info: Info) -> list["Refund"]:
        """Return the refunds."""
        return await info.context.refunds_of(self.record.id)

    @strawberry.field(description="Oldest first. Empty for a browser.")
    async def disputes(
        self, info: Info
    ) -> list[Annotated["Dispute", strawberry.lazy("schema.dispute")]]:
        """Return the disputes, for back ends alone."""
        return (
            [] if info.context.caller.is_browser else await info.context.disputes_of(self.record.id)
        )

    @strawberry.field(
        description=(
            "Its history, oldest first: its own part of the collection's log, from its authorization"
            " on. `after` takes the cursor of any event of the collection."
        )
    )
    async def events(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> Annotated["PaymentEventConnection", strawberry.lazy("schema.pages")]:
        """Return a page of the payment's history."""
        return await info.context.events_of_payment(self.record, first, after)

    @strawberry.field
    async def payment_session(
        self, info: Info
    ) -> Annotated["PaymentSession", strawberry.lazy("schema.session")]:
        """Return the session that made it."""
        return await info.context.session(self.record.session_id)

    @strawberry.field
    async def payment_collection(
        self, info: Info
    ) -> Annotated["PaymentCollection", strawberry.lazy("schema.collection")]:
        """Return the collection."""
        return await info.context.collection(self.record.collection_id)

    @classmethod
    def of(cls, record: entities.Payment, caller: Caller) -> "Payment":
        """Return a payment as a caller sees it."""
        capturable_minor = record.capturable_minor(instants.now())
        return cls(
            id=strawberry.ID(record.id),
            record=record,
            status=record.status,
            amount=Decimal(record.money(record.amount_minor)),
            currency_code=CurrencyCode(record.currency),
            captured_amount=Decimal(record.money(record.captured_minor)),
            refunded_amount=Decimal(record.money(record.refunded_minor)),
            released_amount=Decimal(record.money(record.released_minor)),
            capturable_amount=Decimal(record.money(capturable_minor)),
            refundable_amount=Decimal(record.money(record.refundable_minor)),
            disputed_amount=(
                None if caller.is_browser else Decimal(record.money(record.disputed_minor))
            ),
            paid_with=PaymentMethodDetails.of(record.paid_with),
            data=JSON({} if caller.is_browser else record.provider_record),
            metadata=JSON({} if caller.is_browser else record.metadata),
            capture_before=optional_instant(record.capture_before),
            is_cancellation_pending=record.cancellation_id is not None,
            cancellation_reason=record.cancellation_reason,
            captured_at=optional_instant(record.captured_at),
            canceled_at=optional_instant(record.canceled_at),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )


@strawberry.type
class Capture(Node):
    payment_id: strawberry.Private[PaymentId]
    amount: Decimal
    currency_code: CurrencyCode
    status: MovementStatus
    failure: MovementFailed | None
    created_by: str | None = strawberry.field(
        description="Who asked for it, in the caller's words."
    )
    source: EventSource = strawberry.field(
        description="PROVIDER: made in the provider's own dashboard."
    )
    metadata: JSON
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    async def payment(self, info: Info) -> "Payment":
        """Return the payment."""
        return await info.context.payment(self.payment_id)

    @classmethod
    def of(cls, record: entities.Operation, caller: Caller) -> "Capture":
        """Return a capture as a caller sees it."""
        assert record.payment_id is not None
        return cls(
            id=strawberry.ID(record.id),
            payment_id=record.payment_id,
            amount=Decimal(Money(record.counted_minor, record.currency)),
            currency_code=CurrencyCode(record.currency),
            status=MOVEMENT_STATUSES[record.status],
            failure=MovementFailed.of(record),
            created_by=record.created_by,
            source=record.source,
            metadata=JSON({} if caller.is_browser else record.metadata),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )


@strawberry.type
class Refund(Node):
    payment_id: strawberry.Private[PaymentId]
    reason_id: strawberry.Private[RefundReasonId | None]
    amount: Decimal
    currency_code: CurrencyCode
    status: MovementStatus
    failure: MovementFailed | None
    note: str | None = strawberry.field(description="Null for a browser.")
    created_by: str | None
    source: EventSource
    metadata: JSON
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    async def payment(self, info: Info) -> "Payment":
        """Return the payment."""
        return await info.context.payment(self.payment_id)

    @strawberry.field
    async def reason(
        self, info: Info
    ) -> Annotated["RefundReason", strawberry.lazy("schema.refund_reason")] | None:
        """Return the reason for it."""
        return None if self.reason_id is None else await info.context.reason(self.reason_id)

    @classmethod
    def of(cls, record: entities.Operation, caller: Caller) -> "Refund":
        """Return a refund as a caller sees it."""
        assert record.payment_id is not None
        return cls(
            id=strawberry.ID(record.id),
            payment_id=record.payment_id,
            reason_id=record.refund_reason_id,
            amount=Decimal(Money(record.counted_minor, record.currency)),
            currency_code=CurrencyCode(record.currency),
            status=MOVEMENT_STATUSES[record.status],
            failure=MovementFailed.of(record),
            note=None if caller.is_browser else record.note,
            created_by=record.created_by,
            source=record.source,
            metadata=JSON({} if caller.is_browser else record.metadata),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )
