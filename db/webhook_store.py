"""Endpoints and deliveries of webhooks; see webhooks.ports for each method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import orjson

from db import event_log
from db.engine.database import Database
from db.rows import EVENTS, FLAG, RowMap, enum_of
from db.statements import webhooks as sql
from db.statements.compiled import Connection, Row
from db.tables import payments as tables
from payments.model.entities import Event
from payments.model.ids import EVENT, CollectionId, DeliveryId, EndpointId, EventId, first_id
from payments.model.instants import SECOND, Instant
from payments.model.statuses import EventType
from webhooks.limits import MOST_RECOVERED, WEBHOOK_CLEARED
from webhooks.model import (
    DeliveryAttempt,
    DeliveryFailure,
    DeliveryStatus,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
)
from webhooks.ports import WebhookTransaction

Answer = TypeVar("Answer")


EVENT_TYPES = frozenset(type.value for type in EventType)


def _types_text(types: Sequence[EventType]) -> str:
    return orjson.dumps([type.value for type in types]).decode()


def _types(value: str) -> tuple[EventType, ...]:
    # An event type that only a newer version knows is of no concern here.
    return tuple(EventType(word) for word in orjson.loads(value) if word in EVENT_TYPES)


def _attempts_text(attempts: Sequence[DeliveryAttempt]) -> str:
    # Enums are stored as their values.
    return orjson.dumps([asdict(attempt) for attempt in attempts]).decode()


def _attempts(value: str) -> tuple[DeliveryAttempt, ...]:
    return tuple(_attempt(**values) for values in orjson.loads(value))


def _attempt(*, failure: str | None, **values: Any) -> DeliveryAttempt:
    return DeliveryAttempt(failure=None if failure is None else DeliveryFailure(failure), **values)


ENDPOINTS = RowMap(
    WebhookEndpoint,
    tables.webhook_endpoints,
    {"event_types": (_types_text, _types), "is_enabled": FLAG},
)
DELIVERIES = RowMap(
    WebhookDelivery,
    tables.webhook_deliveries,
    {"status": enum_of(DeliveryStatus), "attempts": (_attempts_text, _attempts)},
)


class SqlWebhookTransaction:
    """An open transaction on endpoints, lanes and deliveries."""

    def __init__(self, connection: Connection, now: Instant) -> None:
        self._connection = connection
        self.now = now

    def lock_endpoints(self) -> Sequence[WebhookEndpoint]:
        """Return every endpoint and lock them."""
        return [ENDPOINTS.record(row) for row in self._connection.rows(sql.LOCK_ENDPOINTS, {})]

    def count_endpoints(self) -> int:
        """Return the number of endpoints."""
        return int(self._connection.rows(sql.COUNT_ENDPOINTS, {})[0][0])

    def lock_endpoint(self, id: EndpointId) -> WebhookEndpoint | None:
        """Return an endpoint and lock it."""
        return _endpoint(self._connection.rows(sql.LOCK_ENDPOINT, {"id": id}))

    def endpoint(self, id: EndpointId) -> WebhookEndpoint | None:
        """Return an endpoint."""
        return _endpoint(self._connection.rows(sql.ENDPOINT, {"id": id}))

    def insert_endpoint(self, endpoint: WebhookEndpoint) -> None:
        """Add an endpoint."""
        self._connection.change(sql.INSERT_ENDPOINT, ENDPOINTS.values(endpoint))

    def update_endpoint(self, endpoint: WebhookEndpoint) -> None:
        """Update an endpoint that this transaction has locked."""
        values = {**ENDPOINTS.values(endpoint), "by_id": endpoint.id}
        self._connection.change(sql.UPDATE_ENDPOINT, values)

    def delete_endpoint(self, id: EndpointId) -> None:
        """Delete an endpoint with its deliveries."""
        for statement in sql.DELETE_ENDPOINT:
            self._connection.change(statement, {"by_id": id})

    def end_of_log(self) -> int:
        """Return a position that all events committed later come after."""
        return int(self._connection.rows(sql.END_OF_LOG, {})[0][0])

    def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Return the whole log's events after a position, oldest first."""
        rows = self._connection.rows(event_log.ALL_EVENTS, {"after": after, "most": limit})
        return [EVENTS.record(row) for row in rows]

    def events_after(self, position: int, *, of: Sequence[CollectionId]) -> Sequence[Event]:
        """Return the events of some collections after a position in the whole log."""
        values = {"ids": list(of), "after": position}
        return [EVENTS.record(row) for row in self._connection.rows(sql.EVENTS_BEHIND, values)]

    def missed(
        self, endpoint: WebhookEndpoint, types: Sequence[EventType], since: Instant
    ) -> Sequence[Event]:
        """Return the events since an instant that an endpoint never received as deliveries."""
        values = {
            "endpoint_id": endpoint.id,
            "first_id": first_id(EVENT, since),
            "position": endpoint.position,
            "types": [type.value for type in types],
            "most": MOST_RECOVERED,
        }
        return [EVENTS.record(row) for row in self._connection.rows(sql.MISSED, values)]

    def event(self, id: EventId) -> Event | None:
        """Return an event."""
        rows = self._connection.rows(event_log.EVENT, {"id": id})
        return EVENTS.record(rows[0]) if rows else None

    def fed(self, id: EndpointId, events: Sequence[EventId]) -> frozenset[EventId]:
        """Return which of some events already have a delivery to an endpoint."""
        values = {"endpoint_id": id, "ids": list(events)}
        return frozenset(row[0] for row in self._connection.rows(sql.FED, values))

    def delivery(self, id: DeliveryId) -> WebhookDelivery | None:
        """Return a delivery."""
        return _delivery(self._connection.rows(sql.DELIVERY, {"id": id}))

    def insert_delivery(self, delivery: WebhookDelivery) -> None:
        """Add a delivery."""
        self._connection.change(sql.INSERT_DELIVERY, DELIVERIES.values(delivery))

    def update_delivery(self, delivery: WebhookDelivery) -> bool:
        """Update a delivery whose lane or endpoint this transaction has locked."""
        values = {**DELIVERIES.values(delivery), "by_id": delivery.id}
        return self._connection.change(sql.UPDATE_DELIVERY, values) == 1

    def first_of_lane(self, id: EndpointId, lane: str) -> WebhookDelivery | None:
        """Return the pending delivery that a lane sends first."""
        values = {"endpoint_id": id, "lane": lane}
        return _delivery(self._connection.rows(sql.FIRST_OF_LANE, values))

    def failed_since(self, id: EndpointId, since: Instant) -> Sequence[WebhookDelivery]:
        """Return deliveries that were created since an instant and failed, in their order."""
        values = {"endpoint_id": id, "since": since, "most": MOST_RECOVERED}
        return [DELIVERIES.record(row) for row in self._connection.rows(sql.FAILED_SINCE, values)]

    def lane_holder(self, id: EndpointId, lane: str) -> str | None:
        """Lock a lane and return its holder, "" if it has none; None where there is no such lane."""
        for row in self._connection.rows(sql.LOCK_LANE, _lane(id, lane)):
            return str(row[0] or "")
        return None

    def insert_lane(self, id: EndpointId, lane: str, due_at: Instant) -> None:
        """Add a lane."""
        values = {"endpoint_id": id, "lane": lane, "holder": None, "due_at": due_at}
        self._connection.change(sql.INSERT_LANE, values)

    def set_lane(self, id: EndpointId, lane: str, *, due_at: Instant, holder: str | None) -> None:
        """Set a lane's holder and the end of its lease, or when it is due."""
        self._connection.change(
            sql.SET_LANE, {**_lane(id, lane), "due_at": due_at, "holder": holder}
        )

    def delete_lane(self, id: EndpointId, lane: str) -> None:
        """Delete a lane that this transaction has locked."""
        self._connection.change(sql.DELETE_LANE, _lane(id, lane))

    def hurry_lanes(self, id: EndpointId) -> None:
        """Make every lane of an endpoint without a holder due now."""
        self._connection.change(sql.HURRY_LANES, {"by_endpoint": id, "now": self.now})

    def claim_lanes(
        self, id: EndpointId, *, holder: str, until: Instant, limit: int
    ) -> Sequence[str]:
        """Claim lanes of an endpoint that are due."""
        values = {
            "by_endpoint": id,
            "now": self.now,
            "most": limit,
            "holder": holder,
            "until": until,
        }
        return [row[0] for row in self._connection.rows(sql.CLAIM_LANES, values)]


class SqlWebhooks:
    """The store of endpoints and deliveries; see webhooks.ports.Webhooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def transact(self, work: Callable[[WebhookTransaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; its exception rolls back. Raises StoreFailed."""
        now = self._database.now
        return await self._database.write(lambda one: work(SqlWebhookTransaction(one, now())))

    async def states(self) -> Sequence[EndpointState]:
        """Return the state of every enabled endpoint: whether it waits for something."""
        rows = await self._database.rows(sql.STATES, {})
        now = self._database.now()
        return [
            EndpointState(
                EndpointId(id),
                None if due_at is None else (due_at - now) / SECOND,
                is_behind=bool(is_behind),
            )
            for id, due_at, is_behind in rows
        ]

    async def endpoints(self) -> Sequence[WebhookEndpoint]:
        """Return every endpoint, oldest first."""
        return [ENDPOINTS.record(row) for row in await self._database.rows(sql.ALL_ENDPOINTS, {})]

    async def endpoints_by_id(
        self, ids: Sequence[EndpointId]
    ) -> Mapping[EndpointId, WebhookEndpoint]:
        """Return endpoints by id."""
        rows = await self._database.rows(sql.ENDPOINTS_BY_ID, {"ids": list(ids)})
        found = (ENDPOINTS.record(row) for row in rows)
        return {one.id: one for one in found}

    async def deliveries_by_id(
        self, ids: Sequence[DeliveryId]
    ) -> Mapping[DeliveryId, WebhookDelivery]:
        """Return deliveries by id."""
        rows = await self._database.rows(sql.DELIVERIES_BY_ID, {"ids": list(ids)})
        found = (DELIVERIES.record(row) for row in rows)
        return {one.id: one for one in found}

    async def delivery_page(
        self, id: EndpointId, status: DeliveryStatus | None, *, before: int, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Return an endpoint's deliveries of events before a position in the log, newest first."""
        values: dict[str, Any] = {"endpoint_id": id, "before": before, "most": limit}
        if status is None:
            rows = await self._database.rows(sql.PAGE, values)
        else:
            rows = await self._database.rows(sql.PAGE_OF_STATUS, {**values, "status": status.value})
        return [DELIVERIES.record(row) for row in rows]

    async def clear(self, before: Instant) -> int:
        """Delete some deliveries that ended before an instant; return how many."""
        values = {"before": before, "most": WEBHOOK_CLEARED}
        return await self._database.write(lambda one: one.change(sql.CLEAR, values))


def _lane(id: EndpointId, lane: str) -> dict[str, Any]:
    return {"by_endpoint": id, "by_lane": lane}


def _endpoint(rows: Sequence[Row]) -> WebhookEndpoint | None:
    return ENDPOINTS.record(rows[0]) if rows else None


def _delivery(rows: Sequence[Row]) -> WebhookDelivery | None:
    return DELIVERIES.record(rows[0]) if rows else None
