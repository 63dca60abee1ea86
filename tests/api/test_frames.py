"""What all mutations have in common: a frame that refuses, carries out and answers, whichever mutation it is."""

import pytest
import strawberry
from graphql import GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from resolvers.mutations.frame import FramedMutation
from resolvers.root import executable

pytestmark = pytest.mark.once


def without_frame(schema: GraphQLSchema) -> list[str]:
    """Name the mutations of a schema that demand, parse, shield and answer by themselves, or do not."""
    assert schema.mutation_type is not None
    return [
        name
        for name, field in schema.mutation_type.fields.items()
        if not isinstance(field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF], FramedMutation)
    ]


def test_every_mutation_has_the_frame() -> None:
    """None of them is cut off by a client who goes away, and none is open to browsers unless it says so."""
    assert without_frame(executable()) == []


def test_a_mutation_without_the_frame_is_seen() -> None:
    """One that is written with Strawberry alone is named."""

    @strawberry.type
    class Query:
        is_there: bool = True

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def move_money(self) -> bool:
            """Do something that a client who goes away would cut off."""
            return True

    schema = strawberry.Schema(query=Query, mutation=Mutation)
    assert without_frame(schema._schema) == ["moveMoney"]
