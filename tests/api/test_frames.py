"""The frame that all mutations share: how it refuses, carries out and answers."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from payments.flow.runtime import Flow
from payments.model.callers import Caller
from payments.model.commands import Call
from resolvers.context import RequestContext
from resolvers.mutations.frame import FramedMutation, mutation
from resolvers.root import executable

pytestmark = pytest.mark.once


def without_frame(schema: GraphQLSchema) -> list[str]:
    """Return the mutations of a schema that demand, parse, shield and answer by themselves, or do not."""
    assert schema.mutation_type is not None
    return [
        name
        for name, field in schema.mutation_type.fields.items()
        if not isinstance(field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF], FramedMutation)
    ]


@strawberry.type
class Query:
    is_there: bool = True


def test_every_mutation_has_the_frame() -> None:
    """None of them is cut off by a client who goes away, and none is open to browsers unless it says so."""
    assert without_frame(executable()) == []


def test_a_mutation_without_the_frame_is_seen() -> None:
    """One that is written with Strawberry alone is named."""

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def move_money(self) -> bool:
            """Do something that a client who goes away would cut off."""
            return True

    schema = strawberry.Schema(query=Query, mutation=Mutation)
    assert without_frame(schema._schema) == ["moveMoney"]


def test_a_client_who_goes_away_does_not_stop_a_mutation() -> None:
    """A mutation runs to its end when its request is canceled, and a shutdown waits for it."""
    done: list[str] = []

    async def run() -> None:
        begun, may_go_on = asyncio.Event(), asyncio.Event()

        async def move(flow: Flow, call: Call, command: str) -> None:
            begun.set()
            await may_go_on.wait()
            done.append(command)

        def parse(input: str) -> str:
            return f"the command of {input}"

        @strawberry.type
        class Mutation:
            @mutation(move, parse=parse, is_for_browsers=True)
            def move_money(self, context: RequestContext, input: str, answer: None) -> bool:
                """Say that it is done."""
                return True

        nothing = cast(Any, None)
        flow = Flow(store=nothing, providers={}, signals=nothing, settings=nothing)
        context = SimpleNamespace(services=SimpleNamespace(flow=flow), call=Call(Caller(), "one"))
        schema = strawberry.Schema(query=Query, mutation=Mutation)
        document = 'mutation { moveMoney(input: "money") }'
        request = asyncio.create_task(schema.execute(document, context_value=context))
        await begun.wait()
        request.cancel()
        await asyncio.wait({request})
        assert (request.cancelled(), done) == (True, [])
        may_go_on.set()
        assert await flow.drain() == 0

    asyncio.run(run())
    assert done == ["the command of money"]
