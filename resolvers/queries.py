"""The queries: single objects that exist for the caller, and pages of them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import strawberry

from payments.model.errors import InvalidCursor
from payments.model.ids import (
    ACCOUNT_HOLDER,
    CAPTURE,
    COLLECTION,
    DISPUTE,
    EVENT,
    OPERATION_PREFIXES,
    PAYMENT,
    PAYMENT_METHOD,
    REFUND,
    REFUND_REASON,
    SESSION,
    WEBHOOK_DELIVERY,
    WEBHOOK_ENDPOINT,
    CollectionId,
    DisputeId,
    EventId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    RefundReasonId,
    is_id,
)
from payments.model.texts import is_storable
from resolvers.context import Info, RequestContext
from resolvers.filters import collections_wanted, created_within, payments_wanted
from resolvers.lists import Listing, Window
from resolvers.pages import LARGEST_COUNT, events_page, given, page_info, page_size, total
from resolvers.webhook_queries import WebhookQueries, find_delivery, find_endpoint
from schema.account_holder import AccountHolder, PaymentMethod
from schema.collection import PaymentCollection
from schema.cursors import cursor_of, id_of
from schema.dispute import Dispute
from schema.enums import SortOrder
from schema.event import PaymentEvent
from schema.inputs import PaymentCollectionFilter, PaymentFilter
from schema.node import Node
from schema.pages import (
    PaymentCollectionConnection,
    PaymentCollectionEdge,
    PaymentConnection,
    PaymentEdge,
    PaymentEventConnection,
)
from schema.payment import Capture, Payment, Refund
from schema.provider import PaymentProvider
from schema.refund_reason import RefundReason
from schema.session import PaymentSession
from schema.unsettled import (
    UnsettledOperation,
    UnsettledOperationConnection,
    UnsettledOperationEdge,
)

Found = TypeVar("Found")


async def _collection(context: RequestContext, id: str) -> PaymentCollection | None:
    if not is_id(id, COLLECTION) or not context.caller.reaches(CollectionId(id)):
        return None
    found = await context.loaders.collections.load(CollectionId(id))
    if found is None:
        return None
    context.scope.collection_id = found.id
    return context.show_collection(found)


async def _movement(context: RequestContext, id: str) -> Capture | Refund | None:
    found = await context.loaders.operations.load(OperationId(id))
    if found is None or not context.caller.reaches(found.collection_id):
        return None
    is_capture = id.startswith(CAPTURE)
    return (Capture if is_capture else Refund).of(found, context.caller)


async def _event(context: RequestContext, id: str) -> PaymentEvent | None:
    found = await context.services.log.event(EventId(id))
    if found is None or not context.caller.reaches(found.collection_id):
        return None
    return PaymentEvent.of(found)


async def _dispute(context: RequestContext, id: str) -> Dispute | None:
    found = await context.loaders.disputes.load(DisputeId(id))
    return None if found is None or context.caller.is_browser else Dispute.of(found)


async def _holder(context: RequestContext, id: str) -> AccountHolder | None:
    if not is_id(id, ACCOUNT_HOLDER) or not await context.reaches_holder(HolderId(id)):
        return None
    found = await context.loaders.holders.load(HolderId(id))
    return None if found is None else AccountHolder.of(found, context.caller)


async def _method(context: RequestContext, id: str) -> PaymentMethod | None:
    found = await context.loaders.methods.load(MethodId(id))
    # Read even if it can't exist: another customer's method must take no longer than a missing one.
    is_reached = await context.reaches_holder(None if found is None else found.holder_id)
    return PaymentMethod.of(found) if found is not None and is_reached else None


async def _reason(context: RequestContext, id: str) -> RefundReason | None:
    if context.caller.is_browser:
        return None
    found = await context.loaders.reasons.load(RefundReasonId(id))
    return None if found is None else RefundReason.of(found)


NODES: dict[str, Callable[[RequestContext, str], Awaitable[Node | None]]] = {
    COLLECTION: _collection,
    SESSION: RequestContext.find_session,
    PAYMENT: RequestContext.find_payment,
    CAPTURE: _movement,
    REFUND: _movement,
    EVENT: _event,
    DISPUTE: _dispute,
    ACCOUNT_HOLDER: _holder,
    PAYMENT_METHOD: _method,
    REFUND_REASON: _reason,
    WEBHOOK_ENDPOINT: find_endpoint,
    WEBHOOK_DELIVERY: find_delivery,
}
"""The loader for each kind of id; any other id finds nothing."""


@strawberry.type
class Query(WebhookQueries):
    """The queries."""

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """Return any object by its id."""
        for prefix, find in NODES.items():
            if is_id(id, prefix):
                return await find(info.context, id)
        return None

    @strawberry.field
    async def payment_collection(self, info: Info, id: strawberry.ID) -> PaymentCollection | None:
        """Return a collection."""
        return await _collection(info.context, id)

    @strawberry.field
    async def payment_collections(
        self,
        info: Info,
        *,
        filter: PaymentCollectionFilter | None = strawberry.UNSET,
        sort: SortOrder | None = SortOrder.NEWEST_FIRST,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> PaymentCollectionConnection:
        """Return a page of collections."""
        context = info.context
        context.require_secret_key()
        lists = context.services.lists
        wanted, within = collections_wanted(filter), created_within(filter)
        listing = Listing(
            "collection",
            COLLECTION,
            lambda id: context.loaders.collections.load(CollectionId(id)),
            lambda stretch, limit, from_new_end: lists.collection_page(
                wanted, stretch, limit=limit, newest_first=from_new_end
            ),
        )
        window = Window(sort=sort, first=first, after=after, last=last, before=before)
        page = await listing.page(window, within)
        context.loaders.collections.known.update({one.id: one for one in page.things})
        return PaymentCollectionConnection(
            edges=[
                PaymentCollectionEdge(cursor=cursor, node=context.show_collection(one))
                for cursor, one in zip(page.cursors, page.things, strict=True)
            ],
            page_info=page.page_info,
            count=lambda: _total(lambda most: lists.count_collections(wanted, within, most)),
        )

    @strawberry.field
    async def payment_session(self, info: Info, id: strawberry.ID) -> PaymentSession | None:
        """Return a session."""
        return await info.context.find_session(id)

    @strawberry.field
    async def payment(self, info: Info, id: strawberry.ID) -> Payment | None:
        """Return a payment."""
        return await info.context.find_payment(id)

    @strawberry.field
    async def payments(
        self,
        info: Info,
        *,
        filter: PaymentFilter | None = strawberry.UNSET,
        sort: SortOrder | None = SortOrder.NEWEST_FIRST,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> PaymentConnection:
        """Return a page of payments."""
        context = info.context
        context.require_secret_key()
        lists = context.services.lists
        wanted, within = payments_wanted(filter), created_within(filter)
        listing = Listing(
            "payment",
            PAYMENT,
            lambda id: context.loaders.payments.load(PaymentId(id)),
            lambda stretch, limit, from_new_end: lists.payment_page(
                wanted, stretch, limit=limit, newest_first=from_new_end
            ),
        )
        window = Window(sort=sort, first=first, after=after, last=last, before=before)
        page = await listing.page(window, within)
        context.loaders.payments.known.update({one.id: one for one in page.things})
        return PaymentConnection(
            edges=[
                PaymentEdge(cursor=cursor, node=Payment.of(one, context.caller))
                for cursor, one in zip(page.cursors, page.things, strict=True)
            ],
            page_info=page.page_info,
            count=lambda: _total(lambda most: lists.count_payments(wanted, within, most)),
        )

    @strawberry.field
    async def payment_events(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> PaymentEventConnection:
        """Return a page of the whole log."""
        context = info.context
        context.require_secret_key()
        size = page_size(first)
        after = given(after)
        start = 0 if after is None else (await context.event_at(after, None)).position
        events = await context.services.log.events(after=start, limit=size + 1)
        return events_page(events, size, after)

    @strawberry.field
    async def unsettled_operations(
        self, info: Info, first: int | None = strawberry.UNSET, after: str | None = strawberry.UNSET
    ) -> UnsettledOperationConnection:
        """Return the operations that recovery is working on or has left to an operator, oldest first."""
        context = info.context
        context.require_secret_key()
        size = page_size(first)
        after = given(after)
        start = None
        if after is not None:
            id = OperationId(id_of("unsettled", after, *OPERATION_PREFIXES.values()))
            start = await context.loaders.operations.load(id)
            if start is None:
                raise InvalidCursor("This cursor does not belong to this list.")
        found = await context.services.reads.unsettled_page(start, limit=size + 1)
        edges = [
            UnsettledOperationEdge(
                cursor=cursor_of("unsettled", one.id), node=UnsettledOperation.of(one)
            )
            for one in found[:size]
        ]
        cursors = [edge.cursor for edge in edges]
        return UnsettledOperationConnection(
            edges=edges, page_info=page_info(cursors, has_more=len(found) > size, after=after)
        )

    @strawberry.field
    async def payment_providers(
        self, info: Info, enabled_only: bool | None = True
    ) -> list[PaymentProvider]:
        """Return the providers that the caller may see: a browser, those that it can use."""
        context = info.context
        known = await context.known_providers()
        if enabled_only is False and not context.caller.is_browser:
            return [context.provider(id) for id in known]
        return [context.provider(id) for id in known if await context.is_enabled(id)]

    @strawberry.field
    async def account_holder(self, info: Info, id: strawberry.ID) -> AccountHolder | None:
        """Return an account holder."""
        return await _holder(info.context, id)

    @strawberry.field
    async def account_holders(self, info: Info, customer_reference: str) -> list[AccountHolder]:
        """Return a customer's account holders."""
        context = info.context
        context.require_secret_key()
        if not is_storable(customer_reference):
            return []
        found = await context.services.reads.holders_of(customer_reference)
        return [AccountHolder.of(holder, context.caller) for holder in found]

    @strawberry.field
    async def refund_reasons(self, info: Info) -> list[RefundReason]:
        """Return the reasons that a refund can have."""
        context = info.context
        context.require_secret_key()
        return [RefundReason.of(one) for one in await context.services.reads.refund_reasons()]


async def _total(count: Callable[[int], Awaitable[int]]) -> int | None:
    return total(await count(LARGEST_COUNT + 1))
