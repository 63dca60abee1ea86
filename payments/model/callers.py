"""The caller: a back end with a secret key, or a browser with one collection's client secret."""

from dataclasses import dataclass

from payments.model.ids import CollectionId

SECRET_OWNER = "secret"  # noqa: S105 - a name, not a key
"""All secret keys, and the trusted loopback caller, share one set of idempotency keys."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The party that a request's credential identifies."""

    collection_id: CollectionId | None = None
    """The only collection that a browser may access; None for a back end."""
    ends_at: int | None = None
    """When the credential expires, in microseconds since 1970; None: never."""

    secret_version: int | None = None
    """The version of the collection's client secret that a browser presented."""

    key_hash: str | None = None
    """The SHA-256, in hex, of the secret key that a back end presented; None on a machine where none is set."""

    @property
    def is_browser(self) -> bool:
        """Return whether a client secret was presented rather than a secret key."""
        return self.collection_id is not None

    @property
    def owner(self) -> str:
        """Return the owner of the idempotency keys that this caller uses."""
        return self.collection_id or SECRET_OWNER

    def reaches(self, collection_id: CollectionId) -> bool:
        """Return whether this caller may see a collection."""
        return self.collection_id is None or self.collection_id == collection_id


BACK_END = Caller()
