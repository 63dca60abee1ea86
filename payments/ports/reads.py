"""What an answer reads: everything by batches of ids, pages by keyset. Implemented by the database's room."""

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
    """Reads committed rows. What does not exist is left out of a mapping."""

    async def collections(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, PaymentCollection]: ...
    async def sessions(self, ids: Sequence[SessionId]) -> Mapping[SessionId, PaymentSession]: ...
    async def payments(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Payment]: ...
    async def operations(self, ids: Sequence[OperationId]) -> Mapping[OperationId, Operation]: ...

    async def sessions_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[PaymentSession]]:
        """Read collections' sessions, oldest first."""

    async def payments_of(
        self, ids: Sequence[CollectionId]
    ) -> Mapping[CollectionId, Sequence[Payment]]:
        """Read collections' payments, oldest first."""

    async def payments_of_sessions(
        self, ids: Sequence[SessionId]
    ) -> Mapping[SessionId, Payment]: ...

    async def movements_of(
        self, ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Operation]]:
        """Read payments' captures and refunds, oldest first."""

    async def disputes(self, ids: Sequence[DisputeId]) -> Mapping[DisputeId, Dispute]: ...
    async def disputes_of(self, ids: Sequence[PaymentId]) -> Mapping[PaymentId, Sequence[Dispute]]:
        """Read payments' disputes, oldest first."""

    async def holders(self, ids: Sequence[HolderId]) -> Mapping[HolderId, AccountHolder]:
        """Read account holders that their providers know."""

    async def holders_of(self, customer_reference: str) -> Sequence[AccountHolder]:
        """Read a customer's account holders that their providers know, oldest first."""

    async def methods(self, ids: Sequence[MethodId]) -> Mapping[MethodId, PaymentMethod]: ...
    async def methods_of(
        self, ids: Sequence[HolderId]
    ) -> Mapping[HolderId, Sequence[PaymentMethod]]:
        """Read account holders' payment methods, oldest first."""

    async def refund_reasons(self) -> Sequence[RefundReason]:
        """Read the list of refund reasons, oldest first."""

    async def reasons(self, ids: Sequence[RefundReasonId]) -> Mapping[RefundReasonId, RefundReason]:
        """Read refund reasons, those that are off the list included."""

    async def unsettled_page(self, after: Operation | None, *, limit: int) -> Sequence[Operation]:
        """Read operations without outcome that are not just being asked for the first time, oldest first."""

    async def disabled_providers(self) -> frozenset[str]: ...


class Log(Protocol):
    """Reads the log in order. What a page holds is committed, and nothing before it is still to come."""

    async def event(self, id: EventId) -> Event | None: ...

    async def events_by_id(self, ids: Sequence[EventId]) -> Mapping[EventId, Event]: ...

    async def events_of(self, id: CollectionId, *, after: int, limit: int) -> Sequence[Event]:
        """Read a collection's events after a sequence number, oldest first."""

    async def first_events_of(
        self, ids: Sequence[CollectionId], *, limit: int
    ) -> Mapping[CollectionId, Sequence[Event]]:
        """Read the first so many events of each collection, oldest first."""

    async def events_of_payment(self, id: PaymentId, *, after: int, limit: int) -> Sequence[Event]:
        """Read a payment's events after a sequence number of its collection, oldest first."""

    async def first_events_of_payments(
        self, ids: Sequence[PaymentId], *, limit: int
    ) -> Mapping[PaymentId, Sequence[Event]]:
        """Read the first so many events of each payment, oldest first."""

    async def events(self, *, after: int, limit: int) -> Sequence[Event]:
        """Read the whole log's events after a position, oldest first."""

    async def last_event_of(self, id: CollectionId) -> Event | None: ...

    async def last_event(self) -> Event | None:
        """Read the event after which only later ones come; None for an empty log."""

    async def sequences(self, ids: Sequence[CollectionId]) -> Mapping[CollectionId, int]:
        """Return how far each collection's log goes."""


class Following(Protocol):
    """Follows the log: what is there after a place, then each later event as it comes."""

    def of_collection(
        self, id: CollectionId, *, after: int, cursor: str | None
    ) -> AsyncGenerator[Event, None]:
        """Follow a collection's events after a sequence number; raises StreamBehind."""

    def of_everything(self, *, after: int, cursor: str | None) -> AsyncGenerator[Event, None]:
        """Follow the whole log after a position; raises StreamBehind."""
