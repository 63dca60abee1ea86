"""Relay cursor connections."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.collection import PaymentCollection
    from schema.event import PaymentEvent
    from schema.payment import Payment

Count = Callable[[], Awaitable[int | None]]
"""Counts the matches; called only if the total is selected."""


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class PaymentCollectionEdge:
    cursor: str
    node: Annotated["PaymentCollection", strawberry.lazy("schema.collection")]


@strawberry.type
class PaymentCollectionConnection:
    edges: list[PaymentCollectionEdge]
    page_info: PageInfo
    count: strawberry.Private[Count]

    @strawberry.field(description="Null where more than 10,000 match.")
    async def total_count(self) -> int | None:
        """Return the number of matches, up to the limit."""
        return await self.count()


@strawberry.type
class PaymentEdge:
    cursor: str
    node: Annotated["Payment", strawberry.lazy("schema.payment")]


@strawberry.type
class PaymentConnection:
    edges: list[PaymentEdge]
    page_info: PageInfo
    count: strawberry.Private[Count]

    @strawberry.field(description="Null where more than 10,000 match.")
    async def total_count(self) -> int | None:
        """Return the number of matches, up to the limit."""
        return await self.count()


@strawberry.type
class PaymentEventEdge:
    cursor: str
    node: Annotated["PaymentEvent", strawberry.lazy("schema.event")]


@strawberry.type
class PaymentEventConnection:
    edges: list[PaymentEventEdge]
    page_info: PageInfo
