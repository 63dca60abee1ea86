"""Webhooks as frozen values: their endpoints, their events and their outcomes."""

from dataclasses import dataclass
from enum import Enum

from payments.model.commands import UNCHANGED, Unchanged
from payments.model.entities import Event
from payments.model.ids import CollectionId, DeliveryId, EndpointId, EventId
from payments.model.instants import Instant
from payments.model.statuses import EventType


class DeliveryStatus(Enum):
    """The state of a delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class DeliveryFailure(Enum):
    """The reasons why an attempt to deliver failed."""

    STATUS = "STATUS"
    TIMEOUT = "TIMEOUT"
    CONNECTION = "CONNECTION"
    TLS = "TLS"
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    PRIVATE_ADDRESS = "PRIVATE_ADDRESS"
    RESPONSE_BROKEN = "RESPONSE_BROKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """A back end's address, and the events that it wants."""

    id: EndpointId
    url: str
    event_types: tuple[EventType, ...] | None = None
    """None: all."""
    description: str | None = None
    secret: str
    previous_secret: str | None = None
    """The previous secret, which also signs until its end, so that a receiver has time to change."""
    previous_secret_ends_at: Instant | None = None
    is_enabled: bool = True
    position: int
    """A position in the whole log: events up to it were fed to the endpoint, or happened before it existed."""
    created_at: Instant
    updated_at: Instant

    def secrets(self, now: Instant) -> tuple[str, ...]:
        """Return the secrets that sign now, the newest first."""
        if self.previous_secret is None or (self.previous_secret_ends_at or 0) <= now:
            return (self.secret,)
        return (self.secret, self.previous_secret)

    def wants(self, event: Event) -> bool:
        """Return whether it wants an event."""
        is_new = event.position > self.position
        return is_new and (self.event_types is None or event.type in self.event_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One attempt to send an event."""

    at: Instant
    duration_milliseconds: int
    response_status: int | None = None
    """None: no answer came."""
    failure: DeliveryFailure | None = None
    """None: it was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """The delivery of one event to one endpoint."""

    id: DeliveryId
    endpoint_id: EndpointId
    event_id: EventId
    position: int
    """The event's position in the whole log."""
    sequence: int
    """The event's sequence number in its collection."""
    lane: CollectionId | DeliveryId
    """Deliveries in one lane are sent in order: a collection's events, or a redelivery by itself."""
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: tuple[DeliveryAttempt, ...] = ()
    """Oldest first, the newest WEBHOOK_ATTEMPTS_KEPT of them."""
    tried_times: int = 0
    """Since it was created, or since an operator had it redelivered."""
    tried_since: Instant
    next_attempt_at: Instant | None = None
    """None: right after its predecessors in its lane, or never again."""
    ended_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class Sending:
    """The content of one attempt."""

    endpoint: WebhookEndpoint
    delivery: WebhookDelivery
    event: Event
    holder: str
    """Identifies the holder of its lane and when it was claimed."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Whether an enabled endpoint waits for something."""

    id: EndpointId
    due_in_seconds: float | None
    """Seconds until its next lane is due, not above zero if one is; None: there is nothing to send."""
    is_behind: bool
    """Whether there are events that it has not been fed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWebhookEndpoint:
    """A request to register an address for events."""

    url: str
    event_types: tuple[EventType, ...] | None = None
    """None: all."""
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateWebhookEndpoint:
    """A request to change an endpoint's address or its events."""

    id: str
    url: str | Unchanged = UNCHANGED
    event_types: tuple[EventType, ...] | Unchanged | None = UNCHANGED
    description: str | Unchanged | None = UNCHANGED
    is_enabled: bool | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverWebhookEndpoint:
    """A request to send failed deliveries again."""

    id: str
    since: Instant
