"""Client secrets: derived from a collection and never stored, so that one reads the same each time."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from payments.model.entities import PaymentCollection
from payments.model.ids import COLLECTION, ULID_TEXT, CollectionId
from payments.model.instants import Instant

CLIENT_SECRET = re.compile(
    rf"tgcs_({ULID_TEXT.pattern})_([0-9]{{1,9}})_([0-9]{{1,16}})_([A-Za-z0-9_-]{{43}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The content of a genuine client secret; the collection decides whether it is still current."""

    collection_id: CollectionId
    version: int
    ends_at: Instant

    def is_current(self, collection: PaymentCollection, now: Instant) -> bool:
        """Return whether this secret still opens its collection."""
        return (
            self.version == collection.secret_version
            and self.ends_at == collection.secret_ends_at
            and now < self.ends_at
        )


class ClientSecrets:
    """The derivation and verification of client secrets; the first key signs, all verify."""

    def __init__(self, signing_keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in signing_keys]

    def derive(self, collection: PaymentCollection) -> str:
        """Derive a collection's client secret: its id, version and expiry, and their HMAC-SHA-256."""
        text = (
            f"tgcs_{collection.id.removeprefix(COLLECTION)}"
            f"_{collection.secret_version}_{collection.secret_ends_at}"
        )
        return f"{text}_{_code(self._keys[0], text)}"

    def read(self, text: str) -> ClientSecret | None:
        """Return the content of a client secret; None where none of our keys signed it."""
        match = CLIENT_SECRET.fullmatch(text)
        if match is None:
            return None
        signed, code = text[: match.start(4) - 1], match[4]
        # Every key is tried, so that the time taken does not reveal which one signed.
        matches = [hmac.compare_digest(_code(key, signed), code) for key in self._keys]
        if not any(matches):
            return None
        id = CollectionId(COLLECTION + match[1])
        return ClientSecret(id, int(match[2]), Instant(int(match[3])))


def _code(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
