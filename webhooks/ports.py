"""What webhooks need from outside: which addresses there are, a store, and whoever knows that the log has grown."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from payments.model.entities import Event
from payments.model.ids import CollectionId, DeliveryId, EndpointId, EventId
from payments.model.instants import Instant
from payments.model.statuses import EventType
from webhooks.model import DeliveryStatus, EndpointState, WebhookDelivery, WebhookEndpoint

Answer = TypeVar("Answer")


class AddressRefused(Exception):
    """Why nothing is sent to an address, in a sentence that tells what would be right."""


class Addresses(Protocol):
    """Knows which addresses may be sent to."""

    async def check(self, url: str) -> None:
        """Look at an address and at what its host's name stands for now; raises AddressRefused."""


class LogWatch(Protocol):
    """Knows when the log may have grown."""

    def watch(self, changed: asyncio.Event) -> Callable[[], None]:
        """Set an event whenever the whole log may have grown, until what this returns is called."""


class WebhookTransaction(Protocol):
    """One open transaction. Endpoints are locked before lanes, so that no two wait for each other."""

    now: Instant

    def lock_endpoints(self) -> Sequence[WebhookEndpoint]:
        """Read every endpoint and hold them, oldest first."""

    def count_endpoints(self) -> int: ...
    def lock_endpoint(self, id: EndpointId) -> WebhookEndpoint | None: ...
    def endpoint(self, id: EndpointId) -> WebhookEndpoint | None: ...
    def insert_endpoint(self, endpoint: WebhookEndpoint) -> None: ...
    def update_endpoint(self, endpoint: WebhookEndpoint) -> None: ...
    def delete_endpoint(self, id: EndpointId) -> None:
        """Delete an endpoint with its deliveries."""

    def end_of_log(self) -> int:
        """Return a position in the whole log after which every event comes that is committed later."""

    def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Read the whole log's events after a position, oldest first."""

    def events_after(self, position: int, *, of: Sequence[CollectionId]) -> Sequence[Event]:
        """Read what some collections' logs have after a position in the whole one, past its horizon too."""

    def missed(
        self, endpoint: WebhookEndpoint, types: Sequence[EventType], since: Instant
    ) -> Sequence[Event]:
        """Read events since an instant that an endpoint was never fed with, at most MOST_RECOVERED."""

    def event(self, id: EventId) -> Event | None: ...

    def fed(self, id: EndpointId, events: Sequence[EventId]) -> frozenset[EventId]:
        """Return which of some events have a delivery to an endpoint already."""

    def delivery(self, id: DeliveryId) -> WebhookDelivery | None: ...
    def insert_delivery(self, delivery: WebhookDelivery) -> None: ...
    def update_delivery(self, delivery: WebhookDelivery) -> bool:
        """Change a delivery; tells whether it is still there."""

    def first_of_lane(self, id: EndpointId, lane: str) -> WebhookDelivery | None:
        """Read the pending delivery of a lane that is to be sent first."""

    def failed_since(self, id: EndpointId, since: Instant) -> Sequence[WebhookDelivery]:
        """Read deliveries that failed and were made since an instant, in their order, at most MOST_RECOVERED."""

    def lane_holder(self, id: EndpointId, lane: str) -> str | None:
        """Lock a lane and name its holder, "" where it has none; None where there is no such lane."""

    def insert_lane(self, id: EndpointId, lane: str, due_at: Instant) -> None: ...
    def set_lane(
        self, id: EndpointId, lane: str, *, due_at: Instant, holder: str | None
    ) -> None: ...
    def delete_lane(self, id: EndpointId, lane: str) -> None: ...
    def hurry_lanes(self, id: EndpointId) -> None:
        """Make every lane of an endpoint due now that nobody works on."""

    def claim_lanes(
        self, id: EndpointId, *, holder: str, until: Instant, limit: int
    ) -> Sequence[str]:
        """Take lanes of an endpoint that are due."""


class Webhooks(Protocol):
    """Keeps endpoints and deliveries."""

    async def transact(self, work: Callable[[WebhookTransaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; what it raises rolls back. Raises StoreFailed."""

    async def states(self) -> Sequence[EndpointState]:
        """Look at every endpoint that is enabled: whether it waits for something."""

    async def clear(self, before: Instant) -> int:
        """Delete some deliveries that ended before an instant; tells how many."""

    async def endpoints(self) -> Sequence[WebhookEndpoint]:
        """Read every endpoint, oldest first."""

    async def endpoints_by_id(
        self, ids: Sequence[EndpointId]
    ) -> Mapping[EndpointId, WebhookEndpoint]: ...

    async def deliveries_by_id(
        self, ids: Sequence[DeliveryId]
    ) -> Mapping[DeliveryId, WebhookDelivery]: ...

    async def delivery_page(
        self, id: EndpointId, status: DeliveryStatus | None, *, before: int, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Read an endpoint's deliveries of events before a position in the log, newest first."""
