"""Webhook endpoints for back ends without a subscription: their registration, and redelivery."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from payments.model import instants
from payments.model.commands import UNCHANGED
from payments.model.entities import Event
from payments.model.errors import InvalidInput, InvalidState, NotFound
from payments.model.ids import (
    WEBHOOK_DELIVERY,
    WEBHOOK_ENDPOINT,
    CollectionId,
    DeliveryId,
    EndpointId,
    is_id,
    new_id,
)
from payments.model.statuses import EventType
from webhooks.limits import WEBHOOK_ENDPOINTS, WEBHOOK_KEPT_SECONDS, WEBHOOK_SECRET_OVERLAP_SECONDS
from webhooks.model import (
    CreateWebhookEndpoint,
    DeliveryStatus,
    RecoverWebhookEndpoint,
    UpdateWebhookEndpoint,
    WebhookDelivery,
    WebhookEndpoint,
)
from webhooks.ports import Addresses, AddressRefused, Answer, Webhooks, WebhookTransaction

SECRET_BYTES = 32
"""Source: Standard Webhooks, "Signature scheme": between 24 and 64 bytes."""


@dataclass(frozen=True, slots=True)
class WebhookOffice:
    """The use cases of webhooks, with their dependencies."""

    webhooks: Webhooks
    addresses: Addresses
    changed: Callable[[], None]
    """A listener called after each commit, so that what is due is sent at once."""

    async def create(self, command: CreateWebhookEndpoint) -> WebhookEndpoint:
        """Register an endpoint for events from now on."""
        await self._check(command.url)

        def work(tx: WebhookTransaction) -> WebhookEndpoint:
            tx.lock_endpoints()
            # Read after the lock: the previous owner of the lock may have added one.
            if tx.count_endpoints() >= WEBHOOK_ENDPOINTS:
                raise InvalidState(f"There are at most {WEBHOOK_ENDPOINTS} webhook endpoints.")
            endpoint = WebhookEndpoint(
                id=EndpointId(new_id(WEBHOOK_ENDPOINT)),
                url=command.url,
                event_types=command.event_types,
                description=command.description,
                secret=_new_secret(),
                position=tx.end_of_log(),
                created_at=tx.now,
                updated_at=tx.now,
            )
            tx.insert_endpoint(endpoint)
            return endpoint

        return await self._change(work)

    async def update(self, command: UpdateWebhookEndpoint) -> WebhookEndpoint:
        """Change an endpoint; one that is enabled again receives events from then on."""
        if command.url is not UNCHANGED:
            await self._check(command.url)

        def work(tx: WebhookTransaction) -> WebhookEndpoint:
            before = locked(tx, command.id)
            endpoint = replace(before, updated_at=tx.now)
            if command.url is not UNCHANGED:
                endpoint = replace(endpoint, url=command.url)
            if command.event_types is not UNCHANGED:
                endpoint = replace(endpoint, event_types=command.event_types)
            if command.description is not UNCHANGED:
                endpoint = replace(endpoint, description=command.description)
            if command.is_enabled is not UNCHANGED:
                endpoint = replace(endpoint, is_enabled=command.is_enabled)
            if endpoint.is_enabled and not before.is_enabled:
                endpoint = replace(endpoint, position=tx.end_of_log())
            if (endpoint.url, endpoint.is_enabled) != (before.url, before.is_enabled):
                tx.hurry_lanes(endpoint.id)
            tx.update_endpoint(endpoint)
            return endpoint

        return await self._change(work)

    async def rotate_secret(self, id: str) -> WebhookEndpoint:
        """Return an endpoint with a new secret; the previous one also signs for a day."""

        def work(tx: WebhookTransaction) -> WebhookEndpoint:
            before = locked(tx, id)
            endpoint = replace(
                before,
                secret=_new_secret(),
                previous_secret=before.secret,
                previous_secret_ends_at=instants.after(tx.now, WEBHOOK_SECRET_OVERLAP_SECONDS),
                updated_at=tx.now,
            )
            tx.update_endpoint(endpoint)
            return endpoint

        return await self._change(work)

    async def delete(self, id: str) -> None:
        """Delete an endpoint with its deliveries; nothing more is sent there."""
        await self._change(lambda tx: tx.delete_endpoint(locked(tx, id).id))

    async def redeliver(self, id: str) -> WebhookDelivery:
        """Send one delivery again, whatever its outcome; it is sent by itself and may overtake others."""

        def work(tx: WebhookTransaction) -> WebhookDelivery:
            endpoint, found = _locked_delivery(tx, id)
            if not endpoint.is_enabled:
                raise InvalidState("Its endpoint is disabled: enable it first.")
            if found.status is DeliveryStatus.PENDING:
                # It is pending already: its lane need not wait any longer.
                _hurry(tx, found)
                return replace(found, next_attempt_at=None)
            return _again(tx, found, lane=found.id)

        return await self._change(work)

    async def recover(self, command: RecoverWebhookEndpoint) -> WebhookEndpoint:
        """Send what an endpoint missed since an instant, in order by collection, and waiting deliveries at once."""

        def work(tx: WebhookTransaction) -> WebhookEndpoint:
            endpoint = locked(tx, command.id)
            if command.since < instants.after(tx.now, -WEBHOOK_KEPT_SECONDS):
                raise InvalidInput(
                    "At most 30 days ago: older deliveries are no longer kept.",
                    path=("since",),
                )
            if not endpoint.is_enabled:
                raise InvalidState("The endpoint is disabled: enable it first.")
            for delivery in tx.failed_since(endpoint.id, command.since):
                _again(tx, delivery, lane=_collection_of(tx, delivery))
            types = endpoint.event_types or tuple(EventType)
            since = max(command.since, endpoint.created_at)
            for event in tx.missed(endpoint, types, since):
                make_delivery(tx, endpoint.id, event)
                join_lane(tx, endpoint.id, event.collection_id)
            tx.hurry_lanes(endpoint.id)
            return endpoint

        return await self._change(work)

    async def _check(self, url: str) -> None:
        try:
            await self.addresses.check(url)
        except AddressRefused as refused:
            raise InvalidInput(str(refused), path=("url",)) from None

    async def _change(self, work: Callable[[WebhookTransaction], Answer]) -> Answer:
        answer = await self.webhooks.transact(work)
        self.changed()
        return answer


def locked(tx: WebhookTransaction, id: str) -> WebhookEndpoint:
    """Return an endpoint and lock it; raises NotFound."""
    endpoint = tx.lock_endpoint(EndpointId(id)) if is_id(id, WEBHOOK_ENDPOINT) else None
    if endpoint is None:
        raise NotFound("No webhook endpoint has this id.", path=("id",))
    return endpoint


def make_delivery(tx: WebhookTransaction, id: EndpointId, event: Event) -> None:
    """Create the delivery of an event to a locked endpoint; the caller joins its lane."""
    tx.insert_delivery(
        WebhookDelivery(
            id=DeliveryId(new_id(WEBHOOK_DELIVERY)),
            endpoint_id=id,
            event_id=event.id,
            position=event.position,
            sequence=event.sequence,
            lane=event.collection_id,
            tried_since=tx.now,
            created_at=tx.now,
            updated_at=tx.now,
        )
    )


def join_lane(tx: WebhookTransaction, id: EndpointId, lane: str) -> None:
    """Make sure that a lane is worked on; its endpoint is locked."""
    if tx.lane_holder(id, lane) is None:
        tx.insert_lane(id, lane, tx.now)


def _locked_delivery(tx: WebhookTransaction, id: str) -> tuple[WebhookEndpoint, WebhookDelivery]:
    """Return a delivery and lock its endpoint; raises NotFound, also if it is deleted at that moment."""
    found = tx.delivery(DeliveryId(id)) if is_id(id, WEBHOOK_DELIVERY) else None
    endpoint = None if found is None else tx.lock_endpoint(found.endpoint_id)
    if found is not None:
        found = tx.delivery(found.id)
    if found is None or endpoint is None:
        raise _no_delivery()
    return endpoint, found


def _no_delivery() -> NotFound:
    return NotFound("No webhook delivery has this id.", path=("id",))


def _hurry(tx: WebhookTransaction, delivery: WebhookDelivery) -> None:
    """Make a lane due now, unless it has a holder already."""
    if tx.lane_holder(delivery.endpoint_id, delivery.lane) == "":
        tx.set_lane(delivery.endpoint_id, delivery.lane, due_at=tx.now, holder=None)


def _again(
    tx: WebhookTransaction, delivery: WebhookDelivery, *, lane: CollectionId | DeliveryId
) -> WebhookDelivery:
    delivery = replace(
        delivery,
        status=DeliveryStatus.PENDING,
        lane=lane,
        tried_times=0,
        tried_since=tx.now,
        next_attempt_at=None,
        ended_at=None,
        updated_at=tx.now,
    )
    if not tx.update_delivery(delivery):
        raise _no_delivery()  # It was deleted at this moment.
    join_lane(tx, delivery.endpoint_id, lane)
    return delivery


def _collection_of(tx: WebhookTransaction, delivery: WebhookDelivery) -> CollectionId:
    event = tx.event(delivery.event_id)
    assert event is not None
    return event.collection_id


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
