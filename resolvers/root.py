"""The executable schema."""

from functools import cache

import strawberry
from graphql import GraphQLField, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from resolvers.conversion import convert_flat_inputs
from resolvers.mutations.root import Mutation
from resolvers.queries import Query
from resolvers.subscriptions import Subscription
from schema.actions import AwaitProvider, ConfirmWithSdk, DisplayInstructions, RedirectToUrl
from schema.event import PaymentEvent
from schema.payment import Capture, Refund
from schema.scalars import SCALARS


class Names(NameConverter):
    """Strawberry's names, each made once: it makes those of an input's fields anew for every request."""

    def apply_naming_config(self, name: str) -> str:
        """Return a name as the schema has it."""
        return _camel_case(name)


@cache
def _camel_case(name: str) -> str:
    return to_camel_case(name)


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[
        AwaitProvider,
        Capture,
        ConfirmWithSdk,
        DisplayInstructions,
        PaymentEvent,
        RedirectToUrl,
        Refund,
    ],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=Names()),
)
convert_flat_inputs(SCHEMA._schema, SCHEMA.config.name_converter)


def sdl() -> str:
    """Return the schema in the schema definition language."""
    return SCHEMA.as_str() + "\n"


def executable() -> GraphQLSchema:
    """Return the schema as the GraphQL library executes it."""
    # The edge executes documents itself and needs the library's own object; strawberry has no public name for it.
    return SCHEMA._schema


def attribute_of(field: GraphQLField) -> str | None:
    """Return the attribute of its object that a field is; None for one with a resolver of its own."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if isinstance(definition, StrawberryField) and definition.is_basic_field:
        return definition.python_name
    return None
