"""Outgoing responses: JSON, and its headers."""

import json
from collections.abc import Sequence

import orjson

from edge.accept_header import EVENT_STREAM, GRAPHQL_RESPONSE, JSON
from edge.errors import ErrorEntry, RequestRefused, named
from edge.rate_limits.allowances import Allowance

Headers = list[tuple[bytes, bytes]]

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept"),
)
_MEDIA_TYPES = {
    media_type: (b"content-type", media_type + b"; charset=utf-8")
    for media_type in (GRAPHQL_RESPONSE, JSON, EVENT_STREAM)
}


def encode(value: object) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # A lone surrogate, which UTF-8 can't hold and JSON's escapes can, or an integer of over
        # 64 bits.
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def headers(media_type: bytes, request_id: str) -> Headers:
    """Return the headers of every answer."""
    return [_MEDIA_TYPES[media_type], *_ALWAYS, (b"x-request-id", request_id.encode("ascii"))]


def allowance_headers(allowance: Allowance) -> Headers:
    """Return the headers that report what is left of a rate limit.

    Source: draft-ietf-httpapi-ratelimit-headers-11 (May 2026)
    """
    policy = f'"{allowance.policy}"'
    return [
        (
            b"ratelimit-policy",
            f"{policy};q={allowance.quota};w={allowance.window_seconds}".encode("ascii"),
        ),
        (
            b"ratelimit",
            f"{policy};r={allowance.remaining};t={allowance.reset_seconds}".encode("ascii"),
        ),
    ]


def refusal(refused: RequestRefused, request_id: str) -> tuple[bytes, Headers]:
    """Return the body and the headers of a refusal.

    Its media type does not follow Accept: a client may trust the body of an error only where the
    type says that it comes from a GraphQL server (GraphQL over HTTP, "Body").
    """
    return (
        encode(result(named(refused.entries, request_id))),
        [*headers(GRAPHQL_RESPONSE, request_id), *refused.headers],
    )


def result(errors: Sequence[ErrorEntry]) -> dict[str, object]:
    """Return a response without execution; one with execution has data, and is made there."""
    return {"errors": list(errors)}
