"""The ports of webhooks: the address policy, a store, and a watch on the log."""

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
    """An error: nothing is sent to this address; its sentence says what would be right."""


class Addresses(Protocol):
    """The policy on addresses."""

    async def check(self, url: str) -> None:
        """Check an address and what its host's name stands for now; raises AddressRefused."""


class LogWatch(Protocol):
    """A watch on the growth of the log."""

    def watch(self, changed: asyncio.Event) -> Callable[[], None]:
        """Set an event whenever the whole log may have grown, until the returned function is called."""


class WebhookTransaction(Protocol):
    """An open transaction. Endpoints are locked before lanes, so that no two wait for each other."""

    now: Instant

    def lock_endpoints(self) -> Sequence[WebhookEndpoint]:
        """Return every endpoint and lock them, oldest first."""

    def count_endpoints(self) -> int: ...
    def lock_endpoint(self, id: EndpointId) -> WebhookEndpoint | None: ...
    def endpoint(self, id: EndpointId) -> WebhookEndpoint | None: ...
    def insert_endpoint(self, endpoint: WebhookEndpoint) -> None: ...
    def update_endpoint(self, endpoint: WebhookEndpoint) -> None: ...
    def delete_endpoint(self, id: EndpointId) -> None:
        """Delete an endpoint with its deliveries."""

    def end_of_log(self) -> int:
        """Return a position in the whole log that all events committed later come after."""

    def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Return the whole log's events after a position, oldest first."""

    def events_after(self, position: int, *, of: Sequence[CollectionId]) -> Sequence[Event]:
        """Return the events of some collections after a position in the whole log, past its horizon too."""

    def missed(
        self, endpoint: WebhookEndpoint, types: Sequence[EventType], since: Instant
    ) -> Sequence[Event]:
        """Return the events since an instant that an endpoint never received as deliveries, at most MOST_RECOVERED."""

    def event(self, id: EventId) -> Event | None: ...

    def fed(self, id: EndpointId, events: Sequence[EventId]) -> frozenset[EventId]:
        """Return which of some events already have a delivery to an endpoint."""

    def delivery(self, id: DeliveryId) -> WebhookDelivery | None: ...
    def insert_delivery(self, delivery: WebhookDelivery) -> None: ...
    def update_delivery(self, delivery: WebhookDelivery) -> bool:
        """Update a delivery; return whether it still exists."""

    def first_of_lane(self, id: EndpointId, lane: str) -> WebhookDelivery | None:
        """Return the pending delivery that a lane sends first."""

    def failed_since(self, id: EndpointId, since: Instant) -> Sequence[WebhookDelivery]:
        """Return deliveries that were created since an instant and failed, in their order, at most MOST_RECOVERED."""

    def lane_holder(self, id: EndpointId, lane: str) -> str | None:
        """Lock a lane and return its holder, "" if it has none; None where there is no such lane."""

    def insert_lane(self, id: EndpointId, lane: str, due_at: Instant) -> None: ...
    def set_lane(
        self, id: EndpointId, lane: str, *, due_at: Instant, holder: str | None
    ) -> None: ...
    def delete_lane(self, id: EndpointId, lane: str) -> None: ...
    def hurry_lanes(self, id: EndpointId) -> None:
        """Make every lane of an endpoint without a holder due now."""

    def claim_lanes(
        self, id: EndpointId, *, holder: str, until: Instant, limit: int
    ) -> Sequence[str]:
        """Claim lanes of an endpoint that are due."""


class Webhooks(Protocol):
    """The store of endpoints and deliveries."""

    async def transact(self, work: Callable[[WebhookTransaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; its exception rolls back. Raises StoreFailed."""

    async def states(self) -> Sequence[EndpointState]:
        """Return the state of every enabled endpoint: whether it waits for something."""

    async def clear(self, before: Instant) -> int:
        """Delete some deliveries that ended before an instant; return how many."""

    async def endpoints(self) -> Sequence[WebhookEndpoint]:
        """Return every endpoint, oldest first."""

    async def endpoints_by_id(
        self, ids: Sequence[EndpointId]
    ) -> Mapping[EndpointId, WebhookEndpoint]: ...

    async def deliveries_by_id(
        self, ids: Sequence[DeliveryId]
    ) -> Mapping[DeliveryId, WebhookDelivery]: ...

    async def delivery_page(
        self, id: EndpointId, status: DeliveryStatus | None, *, before: int, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Return an endpoint's deliveries of events before a position in the log, newest first."""
