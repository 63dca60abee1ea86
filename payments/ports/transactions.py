"""The port of an open transaction of the flow, by subject.

A synchronous function over a transaction runs without interruption: no provider can be contacted meanwhile.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from payments.model.account_holders import AccountHolder, MethodSetup, PaymentMethod
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
    HolderId,
    MethodId,
    OperationId,
    PaymentId,
    ProviderId,
    SessionId,
    SetupId,
)
from payments.model.instants import Instant
from payments.model.statuses import OperationKind, OperationStatus
from payments.ports.stored import StoredKey, StoredReport


class CollectionReads(Protocol):
    """Stored collections with everything that belongs to them."""

    def read_collection(self, id: CollectionId) -> PaymentCollection | None: ...
    def sessions_of(self, id: CollectionId) -> Sequence[PaymentSession]: ...
    def payments_of(self, id: CollectionId) -> Sequence[Payment]: ...
    def disputes_of(self, id: PaymentId) -> Sequence[Dispute]: ...
    def operation(self, id: OperationId) -> Operation | None: ...

    def collection_named(self, reference: str) -> CollectionId | None:
        """Return a collection that is not canceled, by its reference."""

    def collection_of_session(self, id: SessionId) -> CollectionId | None: ...
    def collection_of_payment(self, id: PaymentId) -> CollectionId | None: ...
    def sessions_at(
        self, of: Collection[ProviderId], *, since: Instant, after: SessionId, limit: int
    ) -> Sequence[PaymentSession]: ...
    def closing_of(self, id: SessionId) -> OperationId | None: ...
    def external_operation(self, id: ProviderId, provider_key: str) -> OperationId | None: ...
    def newest_of(self, id: SessionId, kind: OperationKind) -> OperationId | None: ...
    def unasked(self, id: SessionId, kind: OperationKind) -> OperationId | None: ...


class Collections(CollectionReads, Protocol):
    """Changes of collections, each under its own lock."""

    def lock_collection(self, id: CollectionId) -> PaymentCollection | None:
        """Return a collection and lock it until the transaction ends."""

    def insert_collection(self, collection: PaymentCollection) -> None: ...
    def update_collection(self, collection: PaymentCollection) -> None: ...
    def insert_session(self, session: PaymentSession) -> None: ...
    def update_session(self, session: PaymentSession) -> None: ...
    def insert_payment(self, payment: Payment) -> None: ...
    def update_payment(self, payment: Payment) -> None: ...
    def insert_operation(self, operation: Operation) -> None: ...
    def update_operation(self, operation: Operation, *, expected: OperationStatus) -> bool:
        """Update an operation whose status is still the expected one; return whether it was."""

    def insert_dispute(self, dispute: Dispute) -> None: ...
    def update_dispute(self, dispute: Dispute) -> None: ...
    def append_event(self, event: Event) -> None: ...


class IdempotencyKeys(Protocol):
    """The keys of requests, each bound to what its request created or worked on."""

    def key(self, owner: str, key: str) -> StoredKey | None: ...
    def bind_key(self, stored: StoredKey) -> None: ...
    def release_key(self, subject_id: str) -> None: ...


class AccountHolderReads(Protocol):
    """Stored customers with their saved payment methods."""

    def holder(self, id: HolderId) -> AccountHolder | None: ...
    def holder_of(self, id: ProviderId, customer_reference: str) -> AccountHolder | None: ...
    def method(self, id: MethodId) -> PaymentMethod | None: ...
    def method_at(self, id: HolderId, reference: str) -> PaymentMethod | None: ...
    def setup(self, id: SetupId) -> MethodSetup | None: ...


class AccountHolders(AccountHolderReads, Protocol):
    """Changes of customers and their saved payment methods."""

    def lock_holder(self, id: HolderId) -> AccountHolder | None:
        """Return an account holder and lock it until the transaction ends."""

    def insert_holder(self, holder: AccountHolder) -> None: ...
    def update_holder(self, holder: AccountHolder) -> None: ...
    def delete_holder(self, id: HolderId) -> None: ...
    def insert_method(self, method: PaymentMethod) -> None: ...
    def delete_method(self, id: MethodId) -> None: ...
    def forget_kept(self, id: HolderId) -> None: ...
    def insert_setup(self, setup: MethodSetup) -> None: ...
    def update_setup(self, setup: MethodSetup) -> None: ...


class SettingReads(Protocol):
    """The settings of operators and shops: refund reasons, disabled providers, gateways' accounts."""

    def refund_reasons(self) -> Sequence[RefundReason]: ...
    def disabled_providers(self) -> frozenset[str]: ...
    def known_account(self, gateway: str) -> str | None: ...


class Settings(SettingReads, Protocol):
    """Changes of the settings of operators and shops."""

    def insert_refund_reason(self, reason: RefundReason) -> None: ...
    def update_refund_reason(self, reason: RefundReason) -> None: ...
    def set_provider_enabled(self, id: ProviderId, is_enabled: bool) -> None: ...
    def set_known_account(self, gateway: str, account: str) -> None: ...


class LeaseReads(Protocol):
    """The due work of recovery."""

    def expired_payments(
        self, of: Collection[ProviderId], *, limit: int
    ) -> Sequence[PaymentId]: ...
    def next_due_at(self, of: Collection[ProviderId]) -> Instant | None: ...


class Leases(LeaseReads, Protocol):
    """Operations that a process claims, each for as long as its lease lasts."""

    def claim_due(
        self, of: Collection[ProviderId], *, leased_by: str, lease_seconds: float, limit: int
    ) -> Sequence[Operation]: ...
    def claim(
        self, id: OperationId, *, leased_by: str, lease_seconds: float
    ) -> Operation | None: ...
    def renew_lease(self, id: OperationId, *, leased_by: str, lease_seconds: float) -> bool:
        """Prolong a lease; return whether the process still had it."""


class InboxReads(Protocol):
    """Stored reports of providers."""

    def parked_reports(self, *, since: Instant, limit: int) -> Sequence[StoredReport]: ...


class Inbox(InboxReads, Protocol):
    """The storing and applying of providers' reports."""

    def store_report(self, report: StoredReport) -> bool:
        """Store a report; return whether it is new."""

    def mark_report_applied(self, provider_id: ProviderId, event_id: str) -> None: ...


class ReadTransaction(
    CollectionReads, AccountHolderReads, SettingReads, LeaseReads, InboxReads, Protocol
):
    """An open transaction that only reads, on a snapshot of its own."""

    now: Instant


class Transaction(
    Collections,
    IdempotencyKeys,
    AccountHolders,
    Settings,
    Leases,
    Inbox,
    ReadTransaction,
    Protocol,
):
    """An open transaction. Its function may run more than once: it changes nothing except what it returns."""
