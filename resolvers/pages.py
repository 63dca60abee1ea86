"""Relay pages: their size, their cursors, and their items."""

from collections.abc import Sequence
from typing import TypeVar

import strawberry

from payments.model.entities import Event
from payments.model.errors import InvalidInput
from schema.cursors import event_cursor
from schema.event import PaymentEvent
from schema.pages import PageInfo, PaymentEventConnection, PaymentEventEdge

DEFAULT_PAGE = 50
"""The size if none is given, as in the contract."""

LARGEST_PAGE = 100
"""As in the contract: a page is answered at once."""

LARGEST_COUNT = 10_000
"""A total is not counted beyond it: the count would cost more than the page."""


Value = TypeVar("Value")


def given(value: Value | None) -> Value | None:
    """Return null as absent: the two mean the same where nothing is updated."""
    return None if value is strawberry.UNSET else value


def page_size(size: int | None, name: str = "first") -> int:
    """Return the size of a page; raises InvalidInput."""
    size = given(size)
    if size is None:
        return DEFAULT_PAGE
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidInput(f"{name}: a page has 1 to {LARGEST_PAGE} items.", path=(name,))
    return size


def page_info(cursors: Sequence[str], *, has_more: bool, after: str | None) -> PageInfo:
    """Return a page's description by its cursors, in order."""
    return PageInfo(
        has_next_page=has_more,
        has_previous_page=after is not None,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def events_page(events: Sequence[Event], size: int, after: str | None) -> PaymentEventConnection:
    """Return a page of events, of which one more than its size was read."""
    shown = events[:size]
    edges = [
        PaymentEventEdge(cursor=event_cursor(event.id), node=PaymentEvent.of(event))
        for event in shown
    ]
    return PaymentEventConnection(
        edges=edges,
        page_info=page_info(
            [edge.cursor for edge in edges], has_more=len(events) > size, after=after
        ),
    )


def total(counted: int) -> int | None:
    """Return a total that was counted up to one more than the limit."""
    return None if counted > LARGEST_COUNT else counted
