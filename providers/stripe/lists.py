"""Reads of Stripe: repeated while it is busy or silent, and lists page by page, within bounds."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import stripe

from payments.model.instants import SECOND, Instant, now
from providers.stripe.errors import ListTooLong, Meaning, meaning_of

READ_TRIES = 4
"""Stripe's limits are by the second: it is busy for no longer than that. Source: https://docs.stripe.com/rate-limits."""

READ_BACKOFF_SECONDS = 0.25
"""The pause before the second try; it doubles before each further one: some two seconds in all."""

LONGEST_LIST = 100
"""Objects on a page, as many as Stripe sends at once."""

EARLIER_SECONDS = 600
"""How far Stripe's clock may be behind ours."""

NEAR_SECONDS = 600
"""Nearly every object is created within this time: it is searched first."""

FAR_SECONDS = 90_000
"""The latest time of a creation: a key is sent again for 23 hours, and Stripe's clock may be ahead of ours."""

Read = TypeVar("Read")


Listed = TypeVar("Listed", bound=stripe.StripeObject)
Span = dict[str, int]


async def repeated(read: Callable[[], Awaitable[Read]]) -> Read:
    """Read, repeatedly while Stripe is busy, silent or failing; raises StripeError after READ_TRIES."""
    backoff_seconds = READ_BACKOFF_SECONDS
    for _ in range(READ_TRIES - 1):
        try:
            return await read()
        except stripe.StripeError as error:
            if meaning_of(error) not in (Meaning.NOT_DONE, Meaning.UNKNOWN):
                raise
        jitter = 1 + random.random() / 4  # noqa: S311 - spreads load, guards nothing
        await asyncio.sleep(backoff_seconds * jitter)
        backoff_seconds *= 2
    return await read()


async def paged(
    page_after: Callable[[str | None], Awaitable[stripe.ListObject[Listed]]], most_pages: int
) -> AsyncIterator[Listed]:
    """Yield a list in Stripe's order, newest first; raises ListTooLong where it has more pages than the limit."""
    after: str | None = None
    for _ in range(most_pages):
        page = await repeated(partial(page_after, after))
        for one in page.data:
            yield one
        if not page.has_more or not page.data:
            return
        after = str(page.data[-1]["id"])
    raise ListTooLong(f"More than {most_pages} pages.")


def latest_span() -> Span:
    """Return the span of `created` for objects that were requested since yesterday."""
    return {"gte": now() // SECOND - FAR_SECONDS}


def spans_after(made_at: Instant) -> Sequence[Span]:
    """Return the spans of `created` for the objects that belong to one of ours, the likeliest first."""
    second = made_at // SECOND
    return (
        {"gte": second - EARLIER_SECONDS, "lte": second + NEAR_SECONDS},
        {"gte": second + NEAR_SECONDS + 1, "lte": second + FAR_SECONDS},
    )
