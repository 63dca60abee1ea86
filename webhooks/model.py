"""What back ends are told by webhook, as frozen values: to whom, of what, and what became of it."""

from dataclasses import dataclass
from enum import Enum

from payments.model.commands import UNCHANGED, Unchanged
from payments.model.entities import Event
from payments.model.ids import CollectionId, DeliveryId, EndpointId, EventId
from payments.model.instants import Instant
from payments.model.statuses import EventType


class DeliveryStatus(Enum):
    """How a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class DeliveryFailure(Enum):
    """Why an attempt to deliver failed."""

    STATUS = "STATUS"
    TIMEOUT = "TIMEOUT"
    CONNECTION = "CONNECTION"
    TLS = "TLS"
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    PRIVATE_ADDRESS = "PRIVATE_ADDRESS"
    RESPONSE_BROKEN = "RESPONSE_BROKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """An address of a back end's, and what it wants to be told of."""

    id: EndpointId
    url: str
    event_types: tuple[EventType, ...] | None = None
    """None: all."""
    description: str | None = None
    secret: str
    previous_secret: str | None = None
    """Signs too until its end, so that a receiver has the time to change."""
    previous_secret_ends_at: Instant | None = None
    is_enabled: bool = True
    position: int
    """In the whole log: what stands there and before was fed to it, or happened before it was there."""
    created_at: Instant
    updated_at: Instant

    def secrets(self, now: Instant) -> tuple[str, ...]:
        """Return the secrets that sign now, the newest first."""
        if self.previous_secret is None or (self.previous_secret_ends_at or 0) <= now:
            return (self.secret,)
        return (self.secret, self.previous_secret)

    def wants(self, event: Event) -> bool:
        """Return whether it is to be told of an event."""
        is_new = event.position > self.position
        return is_new and (self.event_types is None or event.type in self.event_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One time that an event was sent."""

    at: Instant
    duration_milliseconds: int
    response_status: int | None = None
    """None: no answer came."""
    failure: DeliveryFailure | None = None
    """None: it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One event on its way to one endpoint."""

    id: DeliveryId
    endpoint_id: EndpointId
    event_id: EventId
    position: int
    """The event's in the whole log."""
    sequence: int
    """The event's in its collection's."""
    lane: CollectionId | DeliveryId
    """What is in one lane goes one after the other: a collection's events, or a redelivery by itself."""
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: tuple[DeliveryAttempt, ...] = ()
    """Oldest first, the newest WEBHOOK_ATTEMPTS_KEPT of them."""
    tried_times: int = 0
    """Since it was made, or since a person had it redelivered."""
    tried_since: Instant
    next_attempt_at: Instant | None = None
    """None: as soon as what is before it in its lane is through, or never again."""
    ended_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class Sending:
    """What one attempt is made of."""

    endpoint: WebhookEndpoint
    delivery: WebhookDelivery
    event: Event
    holder: str
    """Names who has taken its lane, and when."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Whether an endpoint that is enabled waits for something."""

    id: EndpointId
    due_in_seconds: float | None
    """Until its next lane is due, not above zero where one is; None: nothing is to be sent."""
    is_behind: bool
    """There are events that it has not been fed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWebhookEndpoint:
    """Registers an address that is told of events."""

    url: str
    event_types: tuple[EventType, ...] | None = None
    """None: all."""
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateWebhookEndpoint:
    """Changes where events are told of, and which."""

    id: str
    url: str | Unchanged = UNCHANGED
    event_types: tuple[EventType, ...] | Unchanged | None = UNCHANGED
    description: str | Unchanged | None = UNCHANGED
    is_enabled: bool | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverWebhookEndpoint:
    """Sends again what failed."""

    id: str
    since: Instant
