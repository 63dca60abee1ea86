"""The subscriptions: a collection's updates for callers that may see it, and the whole log for back ends."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from payments.model.callers import Caller
from payments.model.entities import Event
from payments.model.errors import NotFound, Unauthenticated
from payments.model.ids import COLLECTION, CollectionId, is_id
from payments.model.statuses import CollectionStatus, EventType
from payments.ports.reads import Reads
from resolvers.context import Info
from resolvers.pages import given
from schema.cursors import event_cursor
from schema.event import PaymentCollectionUpdate, PaymentEvent


@strawberry.type
class Subscription:
    """The subscriptions."""

    @strawberry.subscription(
        description=(
            "Without `after`: first a snapshot of now, then every later change. With `after`:"
            " every change since that cursor, none left out and none twice, then the later ones."
            " A subscriber may be served by any process of the deployment. Errors before the first"
            " item carry extensions.code: NOT_FOUND for an id that is missing or another caller's,"
            " INVALID_CURSOR for an `after` that is not this collection's."
        )
    )
    async def payment_collection_updates(
        self, info: Info, id: strawberry.ID, after: str | None = strawberry.UNSET
    ) -> AsyncGenerator[PaymentCollectionUpdate, None]:
        """Follow a collection."""
        context = info.context
        services = context.services
        after = given(after)
        collection_id = CollectionId(str(id))
        if not is_id(id, COLLECTION) or not context.caller.reaches(collection_id):
            raise NotFound("No payment collection has this id.")
        last = await services.log.last_event_of(collection_id)
        if last is None:
            raise NotFound("No payment collection has this id.")
        await _require_current(services.reads, context.caller)
        if after is None:
            yield _update(last, is_snapshot=True)
            start = last
            if await _is_over(services.reads, last):
                return
        else:
            start = await context.event_at(after, collection_id)
            if start.sequence == last.sequence and await _is_over(services.reads, last):
                return
        following = services.following.of_collection(
            collection_id, after=start.sequence, cursor=event_cursor(start.id)
        )
        async with aclosing(following) as events:
            async for event in events:
                if event.type is EventType.COLLECTION_UPDATED:
                    await _require_current(services.reads, context.caller)
                yield _update(event)
                if await _is_over(services.reads, event):
                    return

    @strawberry.subscription(
        description=(
            "The whole log, for back ends. Only for the secret key. Without `after`: from now on."
        )
    )
    async def payment_events(
        self, info: Info, after: str | None = strawberry.UNSET
    ) -> AsyncGenerator[PaymentEvent, None]:
        """Follow the whole log."""
        context = info.context
        context.require_secret_key()
        after = given(after)
        services = context.services
        if after is None:
            start = await services.log.last_event()
        else:
            start = await context.event_at(after, None)
        following = services.following.of_everything(
            after=start.position if start is not None else 0,
            cursor=event_cursor(start.id) if start is not None else None,
        )
        async with aclosing(following) as events:
            async for event in events:
                yield PaymentEvent.of(event)


async def _require_current(reads: Reads, caller: Caller) -> None:
    """Refuse a browser whose client secret has been replaced; raises Unauthenticated."""
    if caller.collection_id is not None:
        collection = (await reads.collections([caller.collection_id]))[caller.collection_id]
        if collection.secret_version != caller.secret_version:
            raise Unauthenticated("This client secret has been replaced.")


def _update(event: Event, *, is_snapshot: bool = False) -> PaymentCollectionUpdate:
    return PaymentCollectionUpdate(
        collection_id=event.collection_id,
        cursor=event_cursor(event.id),
        event=None if is_snapshot else PaymentEvent.of(event),
    )


async def _is_over(reads: Reads, event: Event) -> bool:
    """Return whether a collection is canceled, nothing of it is in flight, and this event is its last one."""
    if event.collection_status is not CollectionStatus.CANCELED:
        return False
    id = event.collection_id
    sessions = (await reads.sessions_of([id])).get(id, ())
    payments = (await reads.payments_of([id])).get(id, ())
    is_in_flight = any(s.is_in_flight or s.is_opening for s in sessions) or any(
        p.cancellation_id or p.refund_pending_minor or p.capture_pending_minor for p in payments
    )
    # Read last: the event of anything that just ended is then within this sequence.
    collection = (await reads.collections([id]))[id]
    return collection.sequence == event.sequence and not is_in_flight
