"""The delivery of the log to webhook endpoints: at least once, and one collection's events one after the other.

The log is fed to endpoints up to its horizon, so that no event is skipped. Deliveries wait in lanes, one for each
endpoint and collection; one holder at a time works on a lane, for as long as its lease lasts.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from payments.model import instants
from payments.model.entities import Event
from payments.model.ids import CollectionId, EndpointId, new_request_id
from payments.model.instants import Instant
from payments.model.limits import RECOVERY_JITTER
from webhooks.endpoints import join_lane, make_delivery
from webhooks.limits import (
    WEBHOOK_ATTEMPTS_KEPT,
    WEBHOOK_FEED,
    WEBHOOK_LAST_STEP_SECONDS,
    WEBHOOK_LEASE_SECONDS,
    WEBHOOK_LEAST_TRIES,
    WEBHOOK_SECONDS,
    WEBHOOK_STEPS_SECONDS,
)
from webhooks.model import (
    DeliveryAttempt,
    DeliveryStatus,
    Sending,
    WebhookDelivery,
    WebhookEndpoint,
)
from webhooks.ports import WebhookTransaction


@dataclass(frozen=True, slots=True)
class DeliverySchedule:
    """The schedule of attempts after a failure, and the lease of a lane."""

    time_scale: float = 1.0
    """How much faster than the clock days pass; 1 except in test builds."""
    lease_seconds: float = WEBHOOK_LEASE_SECONDS
    """As shipped, except in test builds."""

    def lease_end(self, now: Instant) -> Instant:
        """Return when the lease of a lane that is claimed now ends."""
        return instants.after(now, self.lease_seconds)

    def next_attempt_at(self, delivery: WebhookDelivery, now: Instant) -> Instant | None:
        """Return when a failed delivery is tried next; None when its time is over."""
        ends_at = instants.after(delivery.tried_since, WEBHOOK_SECONDS / self.time_scale)
        if now >= ends_at and delivery.tried_times >= WEBHOOK_LEAST_TRIES:
            return None
        steps = WEBHOOK_STEPS_SECONDS[delivery.tried_times - 1 :]
        step = steps[0] if steps else WEBHOOK_LAST_STEP_SECONDS
        jitter = 1 + random.uniform(0, RECOVERY_JITTER)  # noqa: S311 - spreads load, guards nothing
        next_at = instants.after(now, step * jitter / self.time_scale)
        return min(ends_at, next_at) if now < ends_at else next_at


def feed(tx: WebhookTransaction) -> bool:
    """Create deliveries of events that endpoints have not been fed with; return whether there may be more."""
    endpoints = [endpoint for endpoint in tx.lock_endpoints() if endpoint.is_enabled]
    if not endpoints:
        return False
    # Each event may be a delivery to every endpoint: the transaction stays as small with many of them.
    limit = max(1, WEBHOOK_FEED // len(endpoints))
    events = tx.events(after=min(one.position for one in endpoints), limit=limit)
    if not events:
        return False
    end, is_full = events[-1].position, len(events) == limit
    events = [*events, *_cut_off(tx, events)]
    for endpoint in endpoints:
        _feed(tx, endpoint, events)
        if endpoint.position < end:
            tx.update_endpoint(replace(endpoint, position=end))
    return is_full


def _cut_off(tx: WebhookTransaction, events: Sequence[Event]) -> Sequence[Event]:
    """Return the earlier events of collections that come after this batch in the whole log.

    Two transactions on one collection are in reverse order there if the one that had to wait for the other began
    first; a batch, or the log's horizon, may end between the two.
    """
    newest: dict[CollectionId, int] = {}
    for event in events:
        newest[event.collection_id] = max(event.sequence, newest.get(event.collection_id, 0))
    after = tx.events_after(events[-1].position, of=list(newest))
    return [event for event in after if event.sequence < newest[event.collection_id]]


def _feed(tx: WebhookTransaction, endpoint: WebhookEndpoint, events: Sequence[Event]) -> None:
    wanted = [event for event in events if endpoint.wants(event)]
    there = tx.fed(endpoint.id, [event.id for event in wanted]) if wanted else frozenset()
    lanes: dict[CollectionId, None] = {}
    for event in wanted:
        if event.id not in there:
            make_delivery(tx, endpoint.id, event)
            lanes[event.collection_id] = None
    for lane in lanes:
        join_lane(tx, endpoint.id, lane)


def claim(
    tx: WebhookTransaction, id: EndpointId, schedule: DeliverySchedule, *, limit: int
) -> list[Sending]:
    """Claim due lanes of an endpoint, and return what each is to send first."""
    holder = new_request_id()
    lanes = tx.claim_lanes(id, holder=holder, until=schedule.lease_end(tx.now), limit=limit)
    sendings = (_first(tx, id, lane, holder) for lane in lanes)
    return [sending for sending in sendings if sending is not None]


def record(
    tx: WebhookTransaction, sent: Sending, attempt: DeliveryAttempt, schedule: DeliverySchedule
) -> Sending | None:
    """Record the outcome of an attempt; return what this holder sends next in the lane, if anything.

    If another holder has taken over the lane meanwhile, that holder's attempt counts.
    """
    id, lane, holder = sent.endpoint.id, sent.delivery.lane, sent.holder
    if tx.lane_holder(id, lane) != holder:
        return None
    delivery = _tried(sent.delivery, attempt, schedule, tx.now)
    tx.update_delivery(delivery)
    if delivery.next_attempt_at is not None:
        tx.set_lane(id, lane, due_at=delivery.next_attempt_at, holder=None)
        return None
    tx.set_lane(id, lane, due_at=schedule.lease_end(tx.now), holder=holder)
    return _first(tx, id, lane, holder)


def release(tx: WebhookTransaction, sending: Sending) -> None:
    """Release a lane without an attempt: this process ends, and another one continues at once."""
    id, lane = sending.endpoint.id, sending.delivery.lane
    if tx.lane_holder(id, lane) == sending.holder:
        tx.set_lane(id, lane, due_at=tx.now, holder=None)


def _first(tx: WebhookTransaction, id: EndpointId, lane: str, holder: str) -> Sending | None:
    """Return what a claimed lane is to send; a lane with nothing to send is deleted."""
    endpoint, delivery = tx.endpoint(id), tx.first_of_lane(id, lane)
    if delivery is None:
        tx.delete_lane(id, lane)
        return None
    event = tx.event(delivery.event_id)
    if endpoint is None or event is None or not endpoint.is_enabled:
        tx.set_lane(id, lane, due_at=tx.now, holder=None)
        return None
    return Sending(endpoint, delivery, event, holder)


def disable(tx: WebhookTransaction, told: WebhookEndpoint) -> None:
    """Disable an endpoint that answered that it is gone, unless it was changed meanwhile."""
    endpoint = tx.lock_endpoint(told.id)
    is_the_same = endpoint is not None and endpoint.updated_at == told.updated_at
    if endpoint is not None and is_the_same and endpoint.is_enabled:
        tx.update_endpoint(replace(endpoint, is_enabled=False, updated_at=tx.now))


def _tried(
    delivery: WebhookDelivery, attempt: DeliveryAttempt, schedule: DeliverySchedule, now: Instant
) -> WebhookDelivery:
    delivery = replace(
        delivery,
        attempts=(*delivery.attempts, attempt)[-WEBHOOK_ATTEMPTS_KEPT:],
        tried_times=delivery.tried_times + 1,
        next_attempt_at=None,
        updated_at=now,
    )
    if attempt.failure is None:
        return replace(delivery, status=DeliveryStatus.DELIVERED, ended_at=now)
    next_attempt_at = schedule.next_attempt_at(delivery, now)
    if next_attempt_at is None:
        return replace(delivery, status=DeliveryStatus.FAILED, ended_at=now)
    return replace(delivery, next_attempt_at=next_attempt_at)
