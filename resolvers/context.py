"""The context of an operation, or of an item of a stream: the way from types and resolvers to the domain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

import strawberry

from payments.flow import guards
from payments.flow.runtime import Flow
from payments.model import entities
from payments.model.callers import Caller
from payments.model.client_secrets import ClientSecrets
from payments.model.commands import Call
from payments.model.errors import Forbidden, InvalidCursor
from payments.model.ids import (
    PAYMENT,
    SESSION,
    CollectionId,
    DisputeId,
    EndpointId,
    EventId,
    HolderId,
    OperationId,
    PaymentId,
    ProviderId,
    RefundReasonId,
    SessionId,
    is_id,
)
from payments.model.statuses import FAILED, OperationKind, OperationStatus, SessionStatus
from payments.ports.lists import Lists
from payments.ports.provider import is_retired
from payments.ports.reads import Following, Log, Reads
from resolvers.actions import await_provider, show_action
from resolvers.deliveries import deliveries_page
from resolvers.failures import authorization_failed
from resolvers.loaders import Loaders
from resolvers.pages import events_page, given, page_size
from schema.account_holder import AccountHolder, PaymentMethod
from schema.actions import RequiredAction
from schema.collection import PaymentCollection
from schema.cursors import event_of
from schema.dispute import Dispute
from schema.event import PaymentEvent
from schema.failures import AuthorizationFailed
from schema.pages import PaymentEventConnection
from schema.payment import Capture, Payment, Refund
from schema.provider import PaymentProvider
from schema.refund_reason import RefundReason
from schema.scalars import JSON, CurrencyCode
from schema.session import PaymentSession
from schema.webhook import WebhookDeliveryConnection, WebhookEndpoint
from webhooks.endpoints import WebhookOffice
from webhooks.model import DeliveryStatus

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Services:
    """The dependencies shared by the whole server."""

    flow: Flow
    reads: Reads
    lists: Lists
    log: Log
    following: Following
    client_secrets: ClientSecrets
    office: WebhookOffice


class Scope(Protocol):
    """A request as the edge knows it."""

    request_id: str
    caller: Caller
    collection_id: str | None

    @property
    def budget(self) -> "AnswerBudget":
        """Return how many values the answer may still hold."""


class AnswerBudget(Protocol):
    """How many values an answer may still hold."""

    def take(self, values: int) -> None:
        """Subtract so many values; raises where there are too many."""


class RequestContext:
    """The context of one operation, or of one item of a stream."""

    __slots__ = (
        "_budget",
        "call",
        "caller",
        "loaders",
        "request_id",
        "scope",
        "services",
    )

    def __init__(self, services: Services, scope: Scope) -> None:
        self.services = services
        self.scope = scope
        self.caller = scope.caller
        self.request_id = scope.request_id
        self.call = Call(scope.caller, scope.request_id)
        self.loaders = Loaders(services.reads, services.log, services.office.webhooks)
        self._budget = scope.budget

    def listed(self, things: Sequence[Thing]) -> Sequence[Thing]:
        """Count the items of a list before anything is made of them."""
        self._budget.take(len(things))
        return things

    def require_secret_key(self) -> None:
        """Refuse browsers; raises Forbidden."""
        if self.caller.is_browser:
            raise Forbidden("A client secret does not permit this.")

    def took(self, snapshot: entities.Snapshot | None) -> None:
        """Note what a mutation wrote, or read before it refused: for its answer and the request's log line."""
        if snapshot is not None:
            self.loaders.take(snapshot)
            self.scope.collection_id = snapshot.collection.id

    async def collection(self, id: CollectionId) -> PaymentCollection:
        """Return a referenced collection."""
        return self.show_collection(_found(await self.loaders.collections.load(id)))

    async def session(self, id: SessionId) -> PaymentSession:
        """Return a referenced session."""
        return PaymentSession.of(_found(await self.loaders.sessions.load(id)), self.caller)

    async def payment(self, id: PaymentId) -> Payment:
        """Return a referenced payment."""
        return Payment.of(_found(await self.loaders.payments.load(id)), self.caller)

    async def find_session(self, id: str) -> PaymentSession | None:
        """Return the session with an id from the request, if it exists for this caller."""
        found = await self.loaders.sessions.load(SessionId(id)) if is_id(id, SESSION) else None
        if found is None or not self.caller.reaches(found.collection_id):
            return None
        self.scope.collection_id = found.collection_id
        return PaymentSession.of(found, self.caller)

    async def find_payment(self, id: str) -> Payment | None:
        """Return the payment with an id from the request, if it exists for this caller."""
        found = await self.loaders.payments.load(PaymentId(id)) if is_id(id, PAYMENT) else None
        if found is None or not self.caller.reaches(found.collection_id):
            return None
        self.scope.collection_id = found.collection_id
        return Payment.of(found, self.caller)

    async def capture(self, id: OperationId) -> Capture:
        """Return a referenced capture."""
        return Capture.of(_found(await self.loaders.operations.load(id)), self.caller)

    async def refund(self, id: OperationId) -> Refund:
        """Return a referenced refund."""
        return Refund.of(_found(await self.loaders.operations.load(id)), self.caller)

    async def sessions_of(self, id: CollectionId) -> list[PaymentSession]:
        """Return a collection's sessions, oldest first."""
        found = self.listed(await self.loaders.sessions_of.load(id) or ())
        self.loaders.sessions.known.update({session.id: session for session in found})
        return [PaymentSession.of(session, self.caller) for session in found]

    async def payments_of(self, id: CollectionId) -> list[Payment]:
        """Return a collection's payments, oldest first."""
        found = self.listed(await self.loaders.payments_of.load(id) or ())
        self.loaders.payments.known.update({payment.id: payment for payment in found})
        return [Payment.of(payment, self.caller) for payment in found]

    async def payment_of(self, id: SessionId) -> Payment | None:
        """Return the payment that a session made."""
        found = await self.loaders.payment_of.load(id)
        return None if found is None else Payment.of(found, self.caller)

    async def captures_of(self, id: PaymentId) -> list[Capture]:
        """Return a payment's captures, oldest first."""
        movements = await self._movements(id, OperationKind.CAPTURE)
        return [Capture.of(movement, self.caller) for movement in movements]

    async def dispute(self, id: DisputeId) -> Dispute:
        """Return a referenced dispute."""
        return Dispute.of(_found(await self.loaders.disputes.load(id)))

    async def disputes_of(self, id: PaymentId) -> list[Dispute]:
        """Return a payment's disputes, oldest first."""
        found = self.listed(await self.loaders.disputes_of.load(id) or ())
        return [Dispute.of(dispute) for dispute in found]

    async def holders(self, ids: Sequence[HolderId]) -> list[AccountHolder]:
        """Return account holders in their order; deleted ones are left out."""
        found = await asyncio.gather(*(self.loaders.holders.load(id) for id in self.listed(ids)))
        return [AccountHolder.of(holder, self.caller) for holder in found if holder is not None]

    async def reason(self, id: RefundReasonId) -> RefundReason:
        """Return a referenced refund reason."""
        return RefundReason.of(_found(await self.loaders.reasons.load(id)))

    async def reaches_holder(self, id: HolderId | None) -> bool:
        """Return whether an account holder exists for this caller: for a browser, only its collection's."""
        if self.caller.collection_id is None:
            return True
        collection = await self.loaders.collections.load(self.caller.collection_id)
        return collection is not None and id in collection.account_holder_ids

    async def methods_of(self, id: HolderId) -> list[PaymentMethod]:
        """Return an account holder's payment methods, oldest first."""
        found = self.listed(await self.loaders.methods_of.load(id) or ())
        return [PaymentMethod.of(one) for one in found]

    async def refunds_of(self, id: PaymentId) -> list[Refund]:
        """Return a payment's refunds, oldest first."""
        movements = await self._movements(id, OperationKind.REFUND)
        return [Refund.of(movement, self.caller) for movement in movements]

    async def _movements(self, id: PaymentId, kind: OperationKind) -> Sequence[entities.Operation]:
        found = await self.loaders.movements_of.load(id) or ()
        return self.listed([operation for operation in found if operation.kind is kind])

    async def required_action(self, session: entities.PaymentSession) -> RequiredAction | None:
        """Return the next action for a session."""
        if session.status is SessionStatus.PENDING_AUTHORIZATION:
            id = session.attempt_id if session.is_in_flight else session.opening_id
            return await_provider(await self._operation(id))
        if session.status is not SessionStatus.REQUIRES_MORE:
            return None
        if session.attempt_status is OperationStatus.ACTION_REQUIRED:
            return show_action((await self._operation(session.attempt_id)).action)
        return show_action(session.opening_action)

    async def attempt_failure(self, session: entities.PaymentSession) -> AuthorizationFailed | None:
        """Return why a session's newest attempt failed; the request id is that attempt's."""
        if session.status is not SessionStatus.ERROR or session.attempt_status not in FAILED:
            return None
        operation = await self._operation(session.attempt_id)
        failure = _found(operation.failure)
        shown = PaymentSession.of(session, self.caller)
        return authorization_failed(failure, operation.request_id, shown)

    async def _operation(self, id: OperationId | None) -> entities.Operation:
        return _found(await self.loaders.operations.load(_found(id)))

    async def events_of(
        self, id: CollectionId, first: int | None, after: str | None
    ) -> PaymentEventConnection:
        """Return a page of a collection's log."""
        size = page_size(first)
        after = given(after)
        if after is None:
            events = await self.loaders.first_events_of.load((id, size + 1)) or ()
            return events_page(self.listed(events), size, after)
        start = (await self.event_at(after, id)).sequence
        events = await self.services.log.events_of(id, after=start, limit=size + 1)
        return events_page(events, size, after)

    async def events_of_payment(
        self, payment: entities.Payment, first: int | None, after: str | None
    ) -> PaymentEventConnection:
        """Return a page of a payment's own part of its collection's log."""
        size = page_size(first)
        after = given(after)
        if after is None:
            key = (payment.id, size + 1)
            events = await self.loaders.first_events_of_payments.load(key) or ()
            return events_page(self.listed(events), size, after)
        start = (await self.event_at(after, payment.collection_id)).sequence
        log = self.services.log
        events = await log.events_of_payment(payment.id, after=start, limit=size + 1)
        return events_page(events, size, after)

    async def event(self, id: EventId) -> PaymentEvent:
        """Return a referenced event."""
        return PaymentEvent.of(_found(await self.loaders.events.load(id)))

    async def endpoint(self, id: EndpointId) -> WebhookEndpoint:
        """Return a referenced webhook endpoint."""
        return WebhookEndpoint.of(_found(await self.loaders.endpoints.load(id)))

    async def deliveries_of(
        self, id: EndpointId, status: DeliveryStatus | None, first: int | None, after: str | None
    ) -> WebhookDeliveryConnection:
        """Return a page of an endpoint's deliveries."""
        webhooks, known = self.services.office.webhooks, self.loaders.deliveries
        return await deliveries_page(id, status, first, after, webhooks=webhooks, known=known)

    async def event_at(self, cursor: str, id: CollectionId | None) -> entities.Event:
        """Return the event that a cursor names, in a collection's log or in the whole one; raises InvalidCursor."""
        event = await self.services.log.event(event_of(cursor))
        if event is None or id not in (None, event.collection_id):
            raise InvalidCursor("This cursor does not belong to this list.")
        return event

    async def usable_providers(
        self, collection: entities.PaymentCollection
    ) -> list[PaymentProvider]:
        """Return the providers that this caller can open a session with now."""
        if collection.canceled_at is not None or collection.outstanding_minor == 0:
            return []
        disabled = await self.loaders.disabled_providers.load()
        flow = self.services.flow
        return [
            self.provider(id)
            for id, provider in flow.providers.items()
            if id not in disabled and guards.can_use(flow, self.call, provider, collection.currency)
        ]

    async def known_providers(self) -> list[ProviderId]:
        """Return the providers that exist for this caller, enabled or not; a browser's accept its currency."""
        flow = self.services.flow
        if self.caller.collection_id is None:
            return list(flow.providers)
        collection = _found(await self.loaders.collections.load(self.caller.collection_id))
        return [
            id
            for id, provider in flow.providers.items()
            if guards.can_use(flow, self.call, provider, collection.currency)
        ]

    async def is_enabled(self, id: ProviderId) -> bool:
        """Return whether the operator has a provider enabled; a discontinued one is not."""
        disabled = await self.loaders.disabled_providers.load()
        provider = self.services.flow.providers.get(id)
        return provider is not None and not is_retired(provider) and id not in disabled

    def provider(self, id: ProviderId) -> PaymentProvider:
        """Return a provider; one whose package is gone keeps its id."""
        provider = self.services.flow.providers.get(id)
        if provider is None:
            return PaymentProvider(
                id=strawberry.ID(id),
                name=id,
                client_configuration=JSON({}),
                supported_currencies=None,
            )
        currencies = provider.supported_currencies
        return PaymentProvider(
            id=strawberry.ID(id),
            name=provider.name,
            client_configuration=JSON(provider.client_configuration),
            supported_currencies=None
            if currencies is None
            else [CurrencyCode(code) for code in sorted(currencies)],
        )

    def client_secret(self, collection: entities.PaymentCollection) -> str | None:
        """Return a collection's client secret, for back ends alone."""
        if self.caller.is_browser:
            return None
        return self.services.client_secrets.derive(collection)

    def show_collection(self, collection: entities.PaymentCollection) -> PaymentCollection:
        """Return a collection as this caller sees it."""
        return PaymentCollection.of(collection, self.caller)


Info = strawberry.Info[RequestContext, None]


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        _missing()
    return thing


def _missing() -> NoReturn:
    raise LookupError("A row that another one refers to is missing.")
