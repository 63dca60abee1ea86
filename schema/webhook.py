"""Webhook endpoints and deliveries."""

from typing import Annotated

import strawberry

from payments.model.ids import EndpointId, EventId
from schema.context import Info
from schema.enums import PaymentEventType, WebhookDeliveryStatus, WebhookFailure
from schema.event import PaymentEvent
from schema.node import Node
from schema.pages import PageInfo
from schema.scalars import DateTime, optional_instant
from webhooks import model


@strawberry.type(
    description=(
        "An address of a back end's that is told of events. Each collection's events come in order, at least"
        " once, signed by the Standard Webhooks scheme. Only for the secret key."
    )
)
class WebhookEndpoint(Node):
    url: str
    event_types: list[PaymentEventType] | None = strawberry.field(description="Null: all.")
    description: str | None
    is_enabled: bool = strawberry.field(
        description=(
            "While disabled nothing is sent there; recoverWebhookEndpoint sends what it missed. An endpoint that"
            " answers 410 is disabled."
        )
    )
    secret: str = strawberry.field(
        description="Proves to the receiver who sends: whsec_ and base64."
    )
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field(
        description="Newest first, as the events happened; 30 days from their end on."
    )
    async def deliveries(
        self,
        info: Info,
        status: WebhookDeliveryStatus | None = strawberry.UNSET,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
    ) -> Annotated["WebhookDeliveryConnection", strawberry.lazy("schema.webhook")]:
        """Return a page of its deliveries."""
        return await info.context.deliveries_of(EndpointId(self.id), status, first, after)

    @classmethod
    def of(cls, record: model.WebhookEndpoint) -> "WebhookEndpoint":
        """Return an endpoint as the API shows it."""
        return cls(
            id=strawberry.ID(record.id),
            url=record.url,
            event_types=None if record.event_types is None else list(record.event_types),
            description=record.description,
            is_enabled=record.is_enabled,
            secret=record.secret,
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )


@strawberry.type(description="One time that an event was sent.")
class WebhookAttempt:
    at: DateTime
    duration_milliseconds: int
    response_status: int | None = strawberry.field(description="Null: no answer came.")
    failure: WebhookFailure | None = strawberry.field(description="Null: it was taken.")


@strawberry.type(description="One event on its way to one endpoint.")
class WebhookDelivery(Node):
    record: strawberry.Private[model.WebhookDelivery]
    status: WebhookDeliveryStatus
    attempts: list[WebhookAttempt] = strawberry.field(description="Oldest first, the newest 20.")
    next_attempt_at: DateTime | None = strawberry.field(
        description=(
            "Null where it has ended, and where it has not been tried yet: it goes out as soon as the events"
            " before it in its collection are through."
        )
    )
    ended_at: DateTime | None = strawberry.field(
        description="When it was taken, or given up after three days."
    )
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    async def endpoint(self, info: Info) -> WebhookEndpoint:
        """Return the endpoint."""
        return await info.context.endpoint(self.record.endpoint_id)

    @strawberry.field
    async def event(self, info: Info) -> PaymentEvent:
        """Return the event."""
        return await info.context.event(EventId(self.record.event_id))

    @classmethod
    def of(cls, record: model.WebhookDelivery) -> "WebhookDelivery":
        """Return a delivery as the API shows it."""
        return cls(
            id=strawberry.ID(record.id),
            record=record,
            status=record.status,
            attempts=[
                WebhookAttempt(
                    at=DateTime(one.at),
                    duration_milliseconds=one.duration_milliseconds,
                    response_status=one.response_status,
                    failure=one.failure,
                )
                for one in record.attempts
            ],
            next_attempt_at=optional_instant(record.next_attempt_at),
            ended_at=optional_instant(record.ended_at),
            created_at=DateTime(record.created_at),
            updated_at=DateTime(record.updated_at),
        )


@strawberry.type
class WebhookDeliveryEdge:
    cursor: str
    node: WebhookDelivery


@strawberry.type
class WebhookDeliveryConnection:
    edges: list[WebhookDeliveryEdge]
    page_info: PageInfo
