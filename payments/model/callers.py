"""Who asks: a back end with a secret key, or a browser with one collection's client secret."""

from dataclasses import dataclass

from payments.model.ids import CollectionId

SECRET_OWNER = "secret"  # noqa: S105 - a name, not a key
"""All secret keys, and the trusted loopback caller, own their idempotency keys together."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The one whose credential came with a request."""

    collection_id: CollectionId | None = None
    """The only collection that a browser reaches; None for a back end."""
    ends_at: int | None = None
    """When the credential ends, in microseconds since 1970; None: never."""

    secret_version: int | None = None
    """Which of the collection's client secrets a browser has presented."""

    key_hash: str | None = None
    """Which secret key a back end has presented, by its SHA-256 in hex; None on a machine where none is set."""

    @property
    def is_browser(self) -> bool:
        """Return whether a client secret was presented rather than a secret key."""
        return self.collection_id is not None

    @property
    def owner(self) -> str:
        """Name whose idempotency keys this caller uses."""
        return self.collection_id or SECRET_OWNER

    def reaches(self, collection_id: CollectionId) -> bool:
        """Return whether a collection exists for this caller."""
        return self.collection_id is None or self.collection_id == collection_id


BACK_END = Caller()
