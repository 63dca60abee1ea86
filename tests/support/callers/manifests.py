"""Trusted documents as the generators of clients write them."""

import hashlib

import orjson


def sha256(text: str) -> str:
    """Return a text's hash as a client computes it."""
    return hashlib.sha256(text.encode()).hexdigest()


def codegens_manifest(*texts: str) -> bytes:
    """Write persisted-documents.json as graphql-codegen's client preset 6 does; older ones leave the prefix out."""
    return orjson.dumps({f"sha256:{sha256(text)}": text for text in texts})


def apollos_manifest(*texts: str) -> bytes:
    """Write persisted-query-manifest.json as @apollo/generate-persisted-query-manifest does."""
    operations = [
        {"id": sha256(text), "name": "Named", "type": "query", "body": text} for text in texts
    ]
    return orjson.dumps(
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    )
