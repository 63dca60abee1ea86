"""Trusted documents: the texts of a folder, each known by its SHA-256, as clients send it in `persistedQuery`.

Source: https://github.com/apollographql/apollo-link-persisted-queries, "Protocol"; the formats of the manifests are
those of @graphql-codegen/client-preset (`persistedDocuments`) and @apollo/generate-persisted-query-manifest.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from edge.errors import RequestRefused, refuse

EXAMPLE_VARIABLES = ".variables.json"
"""The end of file names that lie next to the documents for GraphiQL and are no manifests."""

PREFIX = "sha256:"
"""A prefix that may stand before a hash: graphql-codegen writes it since its client preset 6."""

_HASH = re.compile(rf"(?:{PREFIX})?([0-9a-f]{{64}})", re.ASCII)


class _Entry(BaseModel):
    id: str
    body: str


class _Apollos(BaseModel):
    format: Literal["apollo-persisted-query-manifest"]
    version: Literal[1]
    operations: list[_Entry]


_MANIFEST: TypeAdapter[_Apollos | dict[str, str]] = TypeAdapter(_Apollos | dict[str, str])


class DocumentUnusable(Exception):
    """An error: a trusted document can't be used; start-up ends with its one sentence."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"TILLGRAPH_DOCUMENTS: {path}: {reason.rstrip('.')}.")


@dataclass(frozen=True, slots=True)
class TrustedText:
    """A document that the operator put into the server's folder."""

    path: str
    """The path of its file, relative to the folder."""
    text: str
    is_for_browsers: bool = True
    """Whether a client secret may run it, too; otherwise only a secret key."""

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the whole text, in hex."""
        return hash_of(self.text)

    @property
    def spellings(self) -> frozenset[str]:
        """Return the texts that clients may send: as in the file, and without surrounding space."""
        return frozenset((self.text, self.text.strip()))


def hash_of(text: str) -> str:
    """Return a text's hash; a lone surrogate, which UTF-8 can't hold, gives a hash that no document has."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_folder(folder: Path, *, for_browsers: Path | None = None) -> tuple[TrustedText, ...]:
    """Return every document below a folder, in the order of their files; raises DocumentUnusable.

    Those below `for_browsers` may be run with a client secret: by default, all of them.
    """
    files = sorted(
        path
        for suffix in ("graphql", "json")
        for path in folder.rglob(f"*.{suffix}")
        if not path.name.endswith(EXAMPLE_VARIABLES)
    )
    found = tuple(
        TrustedText(path, text, file.is_relative_to(for_browsers or folder))
        for file, path in ((file, str(file.relative_to(folder))) for file in files)
        for text in _texts(file, path)
    )
    if not found:
        raise DocumentUnusable(str(folder), "it holds no document")
    return found


def _texts(file: Path, path: str) -> Iterator[str]:
    try:
        content = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise DocumentUnusable(path, f"it can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DocumentUnusable(path, "it is not UTF-8") from None
    if content.startswith("\ufeff"):
        raise DocumentUnusable(path, "it begins with a byte order mark, which clients do not send")
    if file.suffix == ".graphql":
        yield content
        return
    for key, text in _manifest(content, path).items():
        if key.removeprefix(PREFIX) != hash_of(text):
            raise DocumentUnusable(
                path,
                f"{key[:80]!a} is not the SHA-256 of its document (graphql-codegen makes it so with"
                " hashAlgorithm: 'sha256')",
            )
        yield text


def _manifest(content: str, path: str) -> Mapping[str, str]:
    try:
        read = _MANIFEST.validate_json(content)
    except ValidationError:
        raise DocumentUnusable(
            path,
            "it is no manifest of documents: an object of hashes and texts, as graphql-codegen writes"
            " it, or Apollo's",
        ) from None
    return {one.id: one.body for one in read.operations} if isinstance(read, _Apollos) else read


def read_hash(persisted: object) -> str:
    """Return the hash in the extension `persistedQuery`; raises RequestRefused."""
    if not isinstance(persisted, dict):
        raise _malformed("extensions.persistedQuery has to be an object.")
    version = persisted.get("version")
    if type(version) is not int or version != 1:  # True is an int too, and equals 1.
        raise _malformed("extensions.persistedQuery.version has to be 1.")
    digest = persisted.get("sha256Hash")
    match = _HASH.fullmatch(digest) if isinstance(digest, str) else None
    if match is None:
        raise _malformed(
            "extensions.persistedQuery.sha256Hash has to be the SHA-256 of a document: 64 lower-case"
            " hexadecimal digits."
        )
    return match[1]


def check_hash(digest: str, text: str) -> None:
    """Compare a text with the hash that came with it; raises RequestRefused."""
    if hash_of(text) != digest:
        raise _malformed("extensions.persistedQuery.sha256Hash is not the SHA-256 of query.")


def not_found() -> RequestRefused:
    """Return the refusal of an unknown hash; Apollo's clients react to these words by sending the text."""
    return refuse(404, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


def not_trusted() -> RequestRefused:
    """Return the refusal of a text that a browser may not run."""
    return refuse(
        403,
        "DOCUMENT_NOT_TRUSTED",
        "With a client secret this server runs its trusted documents alone, by their hash or their"
        " very text.",
    )


def for_back_ends() -> RequestRefused:
    """Return the refusal of a trusted document that a browser may not run."""
    return refuse(
        403,
        "DOCUMENT_NOT_TRUSTED",
        "This document is for back ends: it runs with a secret key, and not with a client secret.",
    )


def _malformed(message: str) -> RequestRefused:
    return refuse(422, "BAD_REQUEST", message)
