"""Opaque cursors: each names one object of one kind of list, and is no secret."""

import base64
import binascii

from payments.model.errors import InvalidCursor
from payments.model.ids import EVENT, EventId, is_id


def cursor_of(kind: str, id: str) -> str:
    """Return the cursor of an object in a kind of list."""
    return base64.urlsafe_b64encode(f"{kind}:{id}".encode()).decode().rstrip("=")


def id_of(kind: str, cursor: str, *prefixes: str) -> str:
    """Return the id in a cursor; raises InvalidCursor for anything that `cursor_of` has not made for this kind."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found_kind, _, id = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(":")
        )
    except (UnicodeError, binascii.Error):
        found_kind, id = "", ""
    is_one = any(is_id(id, prefix) for prefix in prefixes)
    if found_kind != kind or not is_one or cursor_of(kind, id) != cursor:
        raise InvalidCursor("This cursor does not belong to this list.")
    return id


def event_cursor(id: EventId) -> str:
    """Return an event's cursor; it is the same in its collection's log and in the whole one."""
    return cursor_of("event", id)


def event_of(cursor: str) -> EventId:
    """Return the id of the event that a cursor names; raises InvalidCursor."""
    return EventId(id_of("event", cursor, EVENT))
