"""The rows that the store keeps beside the flow's own objects: idempotency keys, and reports as they came."""

from dataclasses import dataclass

from payments.model.ids import OperationId, ProviderId, SessionId
from payments.model.instants import Instant


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An idempotency key, bound to the request that it came with."""

    owner: str
    key: str
    fingerprint: str
    """SHA-256, in hex, of the mutation's name and its parsed input."""
    subject_ids: tuple[str, ...]
    """The objects that the request created or worked on: a collection, sessions, or an operation."""
    created_at: Instant


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report in the inbox; stored at most once by provider and event id."""

    provider_id: ProviderId
    event_id: str
    operation_id: OperationId
    body: bytes
    received_at: Instant
    session_id: SessionId | None = None
    """For an external operation: the session that it belongs to."""
    reference: str | None = None
    """The provider's id of the object that has to be read."""
