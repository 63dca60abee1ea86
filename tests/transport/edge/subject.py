"""A schema that does whatever a test of the edge needs, and a probe that counts what it did."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import strawberry
from graphql import GraphQLError, GraphQLSchema

from edge.request_scope import RequestScope
from payments.model.errors import (
    Forbidden,
    InvalidCursor,
    InvalidInput,
    NotFound,
    StoreBusy,
    StreamBehind,
    Unauthenticated,
)
from tests.support.waiting import PATIENCE_SECONDS

WAIT_SECONDS = PATIENCE_SECONDS
_LOOK_AGAIN_SECONDS = 0.02
LEAK = "secret sk_live_4242424242424242"


@dataclass
class Probe:
    """Counts what ran in the server, and lets a test wait until a count is reached."""

    counts: dict[str, int] = field(default_factory=dict)
    contexts: list["Context"] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    gate: threading.Event = field(default_factory=threading.Event)

    def add(self, name: str, difference: int = 1) -> None:
        """Count one more."""
        with self.changed:
            self.counts[name] = self.counts.get(name, 0) + difference
            self.changed.notify_all()

    def wait(self, name: str, count: int) -> None:
        """Wait until a count is reached."""
        self.wait_for(lambda: self.counts.get(name, 0) == count)

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until something holds; a change of a count looks again, and else time does."""
        deadline = time.monotonic() + WAIT_SECONDS
        with self.changed:
            while not predicate():
                assert time.monotonic() < deadline, self.counts
                self.changed.wait(_LOOK_AGAIN_SECONDS)

    def reset(self) -> None:
        """Forget everything."""
        with self.changed:
            self.counts.clear()
            self.contexts.clear()
            self.gate = threading.Event()


PROBE = Probe()


class Context:
    """The context of one execution."""

    def __init__(self, scope: RequestScope) -> None:
        self.scope = scope
        PROBE.add("contexts")
        PROBE.contexts.append(self)


def parse_exact(value: object) -> str:
    """Show which Python value reached the scalar; one value breaks it."""
    if value == "break":
        raise RuntimeError(LEAK)
    return f"{type(value).__name__}:{value!s}"


Exact = strawberry.scalar(name="Exact", serialize=str, parse_value=parse_exact)


class ExactText(str):
    """The annotation of the scalar."""


Info = strawberry.Info[Context, None]


@strawberry.type
class Item:
    """One item of a stream."""

    number: int
    cursor: str
    filling: str = ""

    @strawberry.field
    def context(self, info: Info) -> str:
        """Identify the context that this was executed with."""
        return str(PROBE.contexts.index(info.context))

    @strawberry.field
    def broken(self) -> str | None:
        """Fail."""
        raise RuntimeError(LEAK)

    @strawberry.field
    def denied(self) -> str | None:
        """Say that the credential has ended."""
        raise Unauthenticated("The credential has ended.")


@strawberry.type
class Level:
    """Nests for ever."""

    @strawberry.field
    def name(self) -> str:
        """Return it."""
        return "level"

    @strawberry.field
    def next(self) -> "Level":
        """Go one deeper."""
        return Level()

    @strawberry.field
    def other(self) -> "Level":
        """Go one deeper, elsewhere."""
        return Level()


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field
    def hello(self, name: str = "you") -> str:
        """Greet."""
        PROBE.add("hello")
        return f"Hello {name}"

    @strawberry.field
    async def later(self) -> str:
        """Greet after a turn of the loop."""
        await asyncio.sleep(0)
        return "later"

    @strawberry.field
    def exact(self, value: ExactText) -> str:
        """Show what came in."""
        return str(value)

    @strawberry.field
    def level(self) -> Level:
        """Begin to nest."""
        return Level()

    @strawberry.field
    def whoami(self, info: Info) -> str:
        """Return the caller, and note a collection for the log."""
        info.context.scope.collection_id = "pay_col_1"
        return info.context.scope.caller.owner

    @strawberry.field
    def request_id(self, info: Info) -> str:
        """Return the request."""
        return info.context.scope.request_id

    @strawberry.field
    def broken(self) -> str | None:
        """Fail with what nobody may see."""
        raise RuntimeError(LEAK)

    @strawberry.field
    def coded(self) -> str | None:
        """Fail with a code of the schema's own."""
        raise GraphQLError("Not like this.", extensions={"code": "CODED"})

    @strawberry.field
    def uncoded(self) -> str | None:
        """Fail with a GraphQL error that says no code."""
        raise GraphQLError(LEAK)

    @strawberry.field
    def miscast(self) -> int | None:
        """Return what the field's type can't show."""
        return LEAK  # type: ignore[return-value]

    @strawberry.field
    def forbidden(self) -> str:
        """Refuse the caller."""
        raise Forbidden("Only for the secret key.")

    @strawberry.field
    def missing(self) -> str | None:
        """Return nothing."""
        raise NotFound("No such thing.")

    @strawberry.field
    def busy(self) -> str | None:
        """Fail to read."""
        raise StoreBusy("The database did not answer in time.")

    @strawberry.field
    def page(self, first: int, after: str | None = None) -> str | None:
        """Refuse a page."""
        if first < 1:
            raise InvalidInput("first has to be 1 to 100.", path=("first",))
        raise InvalidCursor("This cursor is not one of this list.")


@strawberry.type
class Mutation:
    """Writes."""

    @strawberry.mutation
    def act(self, note: str = "") -> str:
        """Act at once."""
        PROBE.add("acted")
        return note or "done"

    @strawberry.mutation
    async def act_slowly(self) -> str:
        """Act when the test opens the gate."""
        PROBE.add("began")
        await asyncio.to_thread(PROBE.gate.wait, WAIT_SECONDS)
        PROBE.add("acted")
        return "done"

    @strawberry.mutation
    def act_busy(self) -> str:
        """Fail to write."""
        raise StoreBusy("The database did not answer in time.")

    @strawberry.mutation
    def act_with_detail(self) -> Item:
        """Act, with an answer whose details fail."""
        PROBE.add("acted")
        return Item(number=1, cursor="c1")


@strawberry.type
class Subscription:
    """Streams."""

    @strawberry.subscription
    async def count(self, to: int, filling: int = 0) -> AsyncGenerator[Item, None]:
        """Count."""
        PROBE.add("open")
        try:
            for number in range(1, to + 1):
                yield Item(number=number, cursor=f"c{number}", filling="x" * filling)
                PROBE.add("taken")
                await asyncio.sleep(0)  # As a real source does, which reads what comes next.
        finally:
            PROBE.add("open", -1)

    @strawberry.subscription
    async def follow(self) -> AsyncGenerator[Item, None]:
        """Return one item, and then wait for ever."""
        PROBE.add("open")
        try:
            yield Item(number=1, cursor="c1")
            await asyncio.Event().wait()
        finally:
            PROBE.add("open", -1)

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[Item, None]:
        """Return one item, then fail."""
        yield Item(number=1, cursor="c1")
        raise RuntimeError(LEAK)

    @strawberry.subscription
    async def missing(self, is_found: bool = False) -> AsyncGenerator[Item, None]:
        """Return nothing to follow."""
        if not is_found:
            raise NotFound("No payment collection has this id.")
        yield Item(number=1, cursor="c1")

    @strawberry.subscription
    async def behind(self) -> AsyncGenerator[Item, None]:
        """Fall behind."""
        yield Item(number=1, cursor="c1")
        raise StreamBehind("c1")

    @strawberry.subscription
    async def rotated(self) -> AsyncGenerator[Item, None]:
        """Lose the credential."""
        yield Item(number=1, cursor="c1")
        raise Unauthenticated("The client secret was rotated.")


def make_schema() -> GraphQLSchema:
    """Build it."""
    schema = strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        config=strawberry.schema.config.StrawberryConfig(scalar_map={ExactText: Exact}),
    )
    return schema._schema
