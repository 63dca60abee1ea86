"""Relay pages of collections and payments, from either end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from payments.model.errors import InvalidCursor, InvalidInput
from payments.ports.lists import Place, Stretch
from resolvers.pages import given, page_size
from schema.cursors import cursor_of, id_of
from schema.enums import SortOrder
from schema.pages import PageInfo


class Listed(Protocol):
    """An item of a list."""

    @property
    def id(self) -> str:
        """The item's id."""

    @property
    def created_at(self) -> int:
        """When it was created."""


Thing = TypeVar("Thing", bound=Listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The requested part of a list."""

    sort: SortOrder | None
    first: int | None
    after: str | None
    last: int | None
    before: str | None

    @property
    def is_newest_first(self) -> bool:
        """Return which end of the list comes first."""
        return self.sort is not SortOrder.OLDEST_FIRST

    @property
    def is_backward(self) -> bool:
        """Return whether the page is filled from its end: the last items before a cursor."""
        return given(self.last) is not None or (
            given(self.first) is None and given(self.before) is not None
        )

    @property
    def size(self) -> int:
        """Return the largest number of items wanted; raises InvalidInput."""
        first, last = given(self.first), given(self.last)
        if first is not None and last is not None:
            raise InvalidInput("Give first or last, and not both.", path=("last",))
        return page_size(last, "last") if last is not None else page_size(first)


@dataclass(frozen=True, slots=True)
class Page(Generic[Thing]):
    """A page of a list."""

    things: Sequence[Thing]
    """In the list's order, whichever end the page was filled from."""
    cursors: Sequence[str]
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class Listing(Generic[Thing]):
    """The listing of one kind of item."""

    kind: str
    """The list's name in its cursors."""
    prefix: str
    find: Callable[[str], Awaitable[Thing | None]]
    read: Callable[[Stretch, int, bool], Awaitable[Sequence[Thing]]]
    """Reads a number of items of a stretch, from its new end (True) or its old one."""

    async def page(self, window: Window, within: Stretch) -> Page[Thing]:
        """Return a page; raises InvalidInput and InvalidCursor."""
        size = window.size
        after, before = await self._place(window.after), await self._place(window.before)
        # The first items of the list are at the newer end of the stretch, or at the older one.
        older, newer = (before, after) if window.is_newest_first else (after, before)
        stretch = Stretch(
            after=max(within.after, older or within.after),
            before=min(within.before, newer or within.before),
        )
        from_new_end = window.is_newest_first is not window.is_backward
        found = await self.read(stretch, size + 1, from_new_end)
        things = found[:size][:: -1 if window.is_backward else 1]
        has_more = len(found) > size
        cursors = [cursor_of(self.kind, thing.id) for thing in things]
        return Page(
            things,
            cursors,
            PageInfo(
                has_next_page=before is not None or (has_more and not window.is_backward),
                has_previous_page=after is not None or (has_more and window.is_backward),
                start_cursor=cursors[0] if cursors else None,
                end_cursor=cursors[-1] if cursors else None,
            ),
        )

    async def _place(self, cursor: str | None) -> Place | None:
        cursor = given(cursor)
        if cursor is None:
            return None
        thing = await self.find(id_of(self.kind, cursor, self.prefix))
        if thing is None:
            raise InvalidCursor("This cursor does not belong to this list.")
        return Place(thing.created_at, thing.id)
