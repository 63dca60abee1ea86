"""The Accept header: the media type that a client wants."""

import re
from functools import lru_cache
from typing import NamedTuple

from edge import limits

GRAPHQL_RESPONSE = b"application/graphql-response+json"
JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
HTML = b"text/html"

_QUALITY = re.compile(rb"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_RANGES = 32
"""Media ranges; browsers send about seven."""


class Accepted(NamedTuple):
    """The media types that a client accepts."""

    answer: bytes | None
    """The media type of an ordinary answer with status 2xx; None: neither JSON type is accepted."""
    streams: bool
    """Whether the client's first choice is an event stream, by name."""
    page: bool
    """Whether the client's first choice is a page, by name."""


def accepted(header: bytes | None) -> Accepted:
    """Return what an Accept header allows; a missing one allows any type."""
    if header is None:
        return _ANYTHING
    if len(header) > limits.KEPT_HEADER_BYTES:
        return _read(header)
    return _kept(header)


def _read(header: bytes) -> Accepted:
    qualities = _qualities(header)
    answer = max(
        (media_type for media_type in (JSON, GRAPHQL_RESPONSE) if _quality(media_type, qualities)),
        key=lambda media_type: _rank(media_type, qualities),
        default=None,
    )
    best = _rank(answer, qualities) if answer else (0.0, 0)
    return Accepted(answer, _leads(EVENT_STREAM, qualities, best), _leads(HTML, qualities, best))


def _leads(
    media_type: bytes, qualities: dict[bytes, tuple[float, int]], best: tuple[float, int]
) -> bool:
    """Return whether a type is named before the best ordinary one.

    Clients that can stream list the type last in every request (urql): being listed means nothing.
    """
    named = qualities.get(media_type)
    return named is not None and named[0] > 0 and named > best


def _rank(media_type: bytes, qualities: dict[bytes, tuple[float, int]]) -> tuple[float, int]:
    """Return a type's quality, and its place among equals: the first that the client lists wins."""
    for key in (media_type, media_type.split(b"/")[0] + b"/*", b"*/*"):
        if key in qualities:
            return qualities[key]
    return (0.0, -_RANGES)


def _quality(media_type: bytes, qualities: dict[bytes, tuple[float, int]]) -> float:
    return _rank(media_type, qualities)[0]


def _qualities(header: bytes) -> dict[bytes, tuple[float, int]]:
    """Return each media range of a header with its quality and its place, the first highest."""
    found: dict[bytes, tuple[float, int]] = {}
    for place, item in enumerate(header.lower().split(b",")[:_RANGES]):
        media_range, *parameters = (part.strip() for part in item.split(b";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition(b"=")
            if name.strip() == b"q":
                text = value.strip()
                quality = float(text) if _QUALITY.fullmatch(text) else 0.0
        if media_range:
            found.setdefault(media_range, (quality, -place))
    return found


_kept = lru_cache(maxsize=limits.ACCEPTS_KEPT)(_read)
# graphql-http's audit expects application/json for a client without a preference (47DE, 80D8).
_ANYTHING = Accepted(JSON, streams=False, page=False)
