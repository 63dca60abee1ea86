"""What types resolve through: the one way from the vocabulary to reads, without knowing of any."""

from typing import TYPE_CHECKING, Protocol

import strawberry

from payments import records
from payments.access import Caller
from payments.ids import (
    CollectionId,
    OperationId,
    PaymentId,
    ProviderId,
    SessionId,
)

if TYPE_CHECKING:
    from schema.actions import RequiredAction
    from schema.collection import PaymentCollection
    from schema.failures import AuthorizationFailed
    from schema.pages import PaymentEventConnection
    from schema.payment import Capture, Payment, Refund
    from schema.provider import PaymentProvider
    from schema.session import PaymentSession


class Context(Protocol):
    """Serves one operation, or one item of a stream: whoever calls, and what was loaded already."""

    caller: Caller
    request_id: str

    async def collection(self, id: CollectionId) -> "PaymentCollection": ...
    async def session(self, id: SessionId) -> "PaymentSession": ...
    async def payment(self, id: PaymentId) -> "Payment": ...
    async def capture(self, id: OperationId) -> "Capture": ...
    async def refund(self, id: OperationId) -> "Refund": ...
    async def sessions_of(self, id: CollectionId) -> "list[PaymentSession]": ...
    async def payments_of(self, id: CollectionId) -> "list[Payment]": ...
    async def payment_of(self, id: SessionId) -> "Payment | None": ...
    async def captures_of(self, id: PaymentId) -> "list[Capture]": ...
    async def refunds_of(self, id: PaymentId) -> "list[Refund]": ...
    async def required_action(self, session: records.PaymentSession) -> "RequiredAction | None": ...
    async def attempt_failure(
        self, session: records.PaymentSession
    ) -> "AuthorizationFailed | None": ...
    async def events_of(
        self, id: CollectionId, first: int | None, after: str | None
    ) -> "PaymentEventConnection": ...
    async def usable_providers(
        self, collection: records.PaymentCollection
    ) -> "list[PaymentProvider]": ...
    async def is_enabled(self, id: ProviderId) -> bool: ...
    def provider(self, id: ProviderId) -> "PaymentProvider": ...
    def client_secret(self, collection: records.PaymentCollection) -> str | None: ...


Info = strawberry.Info[Context, None]
