"""The loading of one answer's objects: each kind in one batch, without reading again what a mutation just wrote."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from strawberry.dataloader import DataLoader

from payments.model.account_holders import AccountHolder, PaymentMethod
from payments.model.entities import (
    Dispute,
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
    Snapshot,
)
from payments.model.ids import (
    CollectionId,
    DeliveryId,
    DisputeId,
    EndpointId,
    EventId,
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    RefundReasonId,
    SessionId,
)
from payments.ports.reads import Log, Reads
from webhooks.model import WebhookDelivery, WebhookEndpoint
from webhooks.ports import Webhooks

Key = TypeVar("Key")
Value = TypeVar("Value")


class Loader(Generic[Key, Value]):
    """The loading of one kind of object in batches; an object already known costs only a dictionary look-up."""

    __slots__ = ("_batches", "_read", "known")

    def __init__(self, read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._read = read
        self._batches: DataLoader[Key, Value | None] | None = None
        self.known: dict[Key, Value | None] = {}

    async def load(self, key: Key) -> Value | None:
        """Return an object, or None if it does not exist."""
        if key in self.known:
            return self.known[key]
        if self._batches is None:
            self._batches = DataLoader(load_fn=self._load)
        return await _shared(asyncio.ensure_future(self._batches.load(key)))

    async def _load(self, keys: list[Key]) -> list[Value | None]:
        found = await self._read(keys)
        return [found.get(key) for key in keys]


class Once(Generic[Value]):
    """A value that is read once for an operation, for every field that needs it."""

    __slots__ = ("_loading", "_read")

    def __init__(self, read: Callable[[], Awaitable[Value]]) -> None:
        self._read = read
        self._loading: asyncio.Future[Value] | None = None

    async def load(self) -> Value:
        """Return the value; the first call reads it."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._read())
        return await _shared(self._loading)

    def forget(self) -> None:
        """Read it again when it is needed next: this operation changed it."""
        self._loading = None


async def _shared(loading: asyncio.Future[Value]) -> Value:
    """Wait for a result that other fields wait for too, without canceling it for them."""
    try:
        return await asyncio.shield(loading)
    except asyncio.CancelledError:
        loading.add_done_callback(_hear)  # Nobody else may be left to retrieve the exception.
        raise


def _hear(loaded: asyncio.Future[Value]) -> None:
    if not loaded.cancelled():
        loaded.exception()


class Loaders:
    """The loaders of one operation or of one item of a stream: nothing loaded outlives its answer."""

    __slots__ = (
        "_sources",
        "collections",
        "deliveries",
        "disabled_providers",
        "disputes",
        "disputes_of",
        "endpoints",
        "events",
        "first_events_of",
        "first_events_of_payments",
        "holders",
        "methods",
        "methods_of",
        "movements_of",
        "operations",
        "payment_of",
        "payments",
        "payments_of",
        "reasons",
        "sessions",
        "sessions_of",
    )

    collections: Loader[CollectionId, PaymentCollection]
    sessions: Loader[SessionId, PaymentSession]
    payments: Loader[PaymentId, Payment]
    operations: Loader[OperationId, Operation]
    sessions_of: Loader[CollectionId, Sequence[PaymentSession]]
    payments_of: Loader[CollectionId, Sequence[Payment]]
    payment_of: Loader[SessionId, Payment]
    movements_of: Loader[PaymentId, Sequence[Operation]]
    holders: Loader[HolderId, AccountHolder]
    methods: Loader[MethodId, PaymentMethod]
    methods_of: Loader[HolderId, Sequence[PaymentMethod]]
    reasons: Loader[RefundReasonId, RefundReason]
    first_events_of: Loader[tuple[CollectionId, int], Sequence[Event]]
    first_events_of_payments: Loader[tuple[PaymentId, int], Sequence[Event]]
    events: Loader[EventId, Event]
    endpoints: Loader[EndpointId, WebhookEndpoint]
    deliveries: Loader[DeliveryId, WebhookDelivery]
    disabled_providers: Once[frozenset[str]]
    disputes: Loader[DisputeId, Dispute]
    disputes_of: Loader[PaymentId, Sequence[Dispute]]

    def __init__(self, reads: Reads, log: Log, webhooks: Webhooks) -> None:
        self._sources = (reads, log, webhooks)

    def __getattr__(self, name: str) -> Any:
        """Make a loader when it is used first: most answers need few of them."""
        reads, log, webhooks = self._sources
        match name:
            case "disabled_providers":
                made: Any = Once(reads.disabled_providers)
            case "payment_of":
                made = Loader(reads.payments_of_sessions)
            case "first_events_of" | "first_events_of_payments":
                made = Loader(partial(_first_events, getattr(log, name)))
            case "events":
                made = Loader(log.events_by_id)
            case "endpoints":
                made = Loader(webhooks.endpoints_by_id)
            case "deliveries":
                made = Loader(webhooks.deliveries_by_id)
            case _:
                made = Loader(getattr(reads, name))
        setattr(self, name, made)
        return made

    def take(self, snapshot: Snapshot) -> None:
        """Take over a transaction's result, so that its answer does not read it again."""
        id = snapshot.collection.id
        self.collections.known[id] = snapshot.collection
        self.sessions_of.known[id] = snapshot.sessions
        self.payments_of.known[id] = snapshot.payments
        self.sessions.known.update({session.id: session for session in snapshot.sessions})
        self.payments.known.update({payment.id: payment for payment in snapshot.payments})
        self.operations.known.update({one.id: one for one in snapshot.operations})
        self.payment_of.known.update(dict.fromkeys(self.sessions.known))
        self.payment_of.known.update({one.session_id: one for one in snapshot.payments})


class FirstEvents(Protocol[Key]):
    """The loading of the first events of several objects at a time."""

    async def __call__(
        self, ids: Sequence[Key], *, limit: int
    ) -> Mapping[Key, Sequence[Event]]: ...


async def _first_events(
    read: FirstEvents[Key], keys: Sequence[tuple[Key, int]]
) -> Mapping[tuple[Key, int], Sequence[Event]]:
    """Return the first events of each object, as many as were requested."""
    found = {}
    for limit in {limit for _, limit in keys}:
        ids = [id for id, of in keys if of == limit]
        for id, events in (await read(ids, limit=limit)).items():
            found[id, limit] = events
    return found
