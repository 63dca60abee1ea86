"""Reads for answers: objects in batches of ids, lists in pages by keyset. Implemented by the database's room."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol

from payments.model.account_holders import AccountHolder, PaymentMethod
from payments.model.entities import (
    Dispute,
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
)
from payments.model.ids import (
    CollectionId,
    DisputeId,
    EventId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    RefundReasonId,
    SessionId,
)


class Reads(Protocol):
    """Reads of committed rows. Missing objects are left out of a mapping."""

    async def collections(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, PaymentCollection]: ...
    async def sessions(self, ids: Sequence[SessionId]) -> Mapping[SessionId, PaymentSession]: ...
    async def payments(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Payment]: ...
    async def operations(self, ids: Sequence[OperationId]) -> Mapping[OperationId, Operation]: ...

    async def sessions_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[PaymentSession]]:
        """Return collections' sessions, oldest first."""

    async def payments_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[Payment]]:
        """Return collections' payments, oldest first."""

    async def payments_of_sessions(
        self, ids: Sequence[SessionId]
    ) -> Mapping[SessionId, Payment]: ...

    async def movements_of(
        self, ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Operation]]:
        """Return payments' captures and refunds, oldest first."""

    async def disputes(self, ids: Sequence[DisputeId]) -> Mapping[DisputeId, Dispute]: ...
    async def disputes_of(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Sequence[Dispute]]:
        """Return payments' disputes, oldest first."""

    async def holders(self, ids: Sequence[HolderId]) -> Mapping[HolderId, AccountHolder]:
        """Return account holders that exist at their providers."""

    async def holders_of(self, customer_reference: str) -> Sequence[AccountHolder]:
        """Return a customer's account holders that exist at their providers, oldest first."""

    async def methods(self, ids: Sequence[MethodId]) -> Mapping[MethodId, PaymentMethod]: ...
    async def methods_of(
        self, ids: Sequence[HolderId]
    ) -> Mapping[HolderId, Sequence[PaymentMethod]]:
        """Return account holders' payment methods, oldest first."""

    async def refund_reasons(self) -> Sequence[RefundReason]:
        """Return the refund reasons in the list, oldest first."""

    async def reasons(self, ids: Sequence[RefundReasonId]) -> Mapping[RefundReasonId, RefundReason]:
        """Return refund reasons, deleted ones included."""

    async def unsettled_page(self, after: Operation | None, *, limit: int) -> Sequence[Operation]:
        """Return operations without an outcome, except those on their first request, oldest first."""

    async def disabled_providers(self) -> frozenset[str]: ...


class Log(Protocol):
    """Reads of the log in order. Everything on a page is committed, and no earlier event is still to come."""

    async def event(self, id: EventId) -> Event | None: ...

    async def events_by_id(self, ids: Sequence[EventId]) -> Mapping[EventId, Event]: ...

    async def events_of(self, id: CollectionId, *, after: int, limit: int) -> Sequence[Event]:
        """Return a collection's events after a sequence number, oldest first."""

    async def first_events_of(
        self, ids: Sequence[CollectionId], *, limit: int
    ) -> Mapping[CollectionId, Sequence[Event]]:
        """Return the first events of each collection, at most a number of each, oldest first."""

    async def events_of_payment(self, id: PaymentId, *, after: int, limit: int) -> Sequence[Event]:
        """Return a payment's events after a sequence number of its collection, oldest first."""

    async def first_events_of_payments(
        self, ids: Sequence[PaymentId], *, limit: int
    ) -> Mapping[PaymentId, Sequence[Event]]:
        """Return the first events of each payment, at most a number of each, oldest first."""

    async def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Return the whole log's events after a position, oldest first."""

    async def last_event_of(self, id: CollectionId) -> Event | None: ...

    async def last_event(self) -> Event | None:
        """Return the event that all later ones come after; None for an empty log."""

    async def sequences(self, ids: Sequence[CollectionId]) -> Mapping[CollectionId, int]:
        """Return the newest sequence number of each collection's log."""


class Following(Protocol):
    """Subscriptions to the log: the events after a place, then each later event as it comes."""

    def of_collection(
        self, id: CollectionId, *, after: int, cursor: str | None
    ) -> AsyncGenerator[Event, None]:
        """Yield a collection's events after a sequence number; raises StreamBehind."""

    def of_everything(self, *, after: int, cursor: str | None) -> AsyncGenerator[Event, None]:
        """Yield the whole log's events after a position; raises StreamBehind."""
