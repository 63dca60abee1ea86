"""Events, and the updates that subscribers receive."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from payments.model import entities
from payments.model.ids import CollectionId
from payments.model.money import Money
from schema.context import Info
from schema.cursors import event_cursor
from schema.enums import (
    EventSource,
    FailureCode,
    PaymentCollectionStatus,
    PaymentEventType,
    PaymentSessionStatus,
    PaymentStatus,
)
from schema.node import Node
from schema.scalars import DateTime, Decimal

if TYPE_CHECKING:
    from schema.collection import PaymentCollection
    from schema.dispute import Dispute
    from schema.payment import Capture, Payment, Refund
    from schema.session import PaymentSession


@strawberry.type(
    description=(
        "One thing that happened, written in the transaction that made it happen, never changed."
    )
)
class PaymentEvent(Node):
    record: strawberry.Private[entities.Event]
    cursor: str = strawberry.field(
        description=(
            "Where this event stands; opaque. Every `after` over events takes it, wherever "
            "it was read: it goes on in the collection's own sequence and in the whole log "
            "alike."
        )
    )
    type: PaymentEventType
    source: EventSource
    occurred_at: DateTime
    amount: Decimal | None
    failure_code: FailureCode | None
    decline_code: str | None
    collection_status: PaymentCollectionStatus = strawberry.field(
        description="The statuses right after this event, not now."
    )
    session_status: PaymentSessionStatus | None
    payment_status: PaymentStatus | None

    @strawberry.field(
        description="What a person's word rests on, where a person settled it. Null for a browser."
    )
    def evidence(self, info: Info) -> str | None:
        """Return the evidence, for back ends alone."""
        return None if info.context.caller.is_browser else self.record.evidence

    @strawberry.field
    async def payment_collection(
        self, info: Info
    ) -> Annotated["PaymentCollection", strawberry.lazy("schema.collection")]:
        """Return the collection."""
        return await info.context.collection(self.record.collection_id)

    @strawberry.field
    async def payment_session(
        self, info: Info
    ) -> Annotated["PaymentSession", strawberry.lazy("schema.session")] | None:
        """Return the session that it is about."""
        id = self.record.session_id
        return None if id is None else await info.context.session(id)

    @strawberry.field
    async def payment(
        self, info: Info
    ) -> Annotated["Payment", strawberry.lazy("schema.payment")] | None:
        """Return the payment that it is about."""
        id = self.record.payment_id
        return None if id is None else await info.context.payment(id)

    @strawberry.field
    async def capture(
        self, info: Info
    ) -> Annotated["Capture", strawberry.lazy("schema.payment")] | None:
        """Return the capture that it is about."""
        id = self.record.capture_id
        return None if id is None else await info.context.capture(id)

    @strawberry.field
    async def refund(
        self, info: Info
    ) -> Annotated["Refund", strawberry.lazy("schema.payment")] | None:
        """Return the refund that it is about."""
        id = self.record.refund_id
        return None if id is None else await info.context.refund(id)

    @strawberry.field(description="Null for a browser.")
    async def dispute(
        self, info: Info
    ) -> Annotated["Dispute", strawberry.lazy("schema.dispute")] | None:
        """Return the dispute that it is about, for back ends alone."""
        id = self.record.dispute_id
        return (
            None if id is None or info.context.caller.is_browser else await info.context.dispute(id)
        )

    @classmethod
    def of(cls, record: entities.Event) -> "PaymentEvent":
        """Return an event as the API shows it."""
        amount_minor = record.amount_minor
        return cls(
            id=strawberry.ID(record.id),
            record=record,
            cursor=event_cursor(record.id),
            type=record.type,
            source=record.source,
            occurred_at=DateTime(record.occurred_at),
            amount=None if amount_minor is None else Decimal(Money(amount_minor, record.currency)),
            failure_code=record.failure_code,
            decline_code=record.decline_code,
            collection_status=record.collection_status,
            session_status=record.session_status,
            payment_status=record.payment_status,
        )


@strawberry.type
class PaymentCollectionUpdate:
    collection_id: strawberry.Private[CollectionId]
    cursor: str
    event: Annotated["PaymentEvent", strawberry.lazy("schema.event")] | None = strawberry.field(
        description=(
            "Null on the first update of a stream that was started without `after`: a "
            "snapshot of now."
        )
    )

    @strawberry.field
    async def payment_collection(
        self, info: Info
    ) -> Annotated["PaymentCollection", strawberry.lazy("schema.collection")]:
        """Return the collection as it is now."""
        return await info.context.collection(self.collection_id)
