"""The executable schema."""

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from resolvers.mutations.root import Mutation
from resolvers.queries import Query
from resolvers.subscriptions import Subscription
from schema.actions import AwaitProvider, ConfirmWithSdk, DisplayInstructions, RedirectToUrl
from schema.event import PaymentEvent
from schema.payment import Capture, Refund
from schema.scalars import SCALARS

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
    config=StrawberryConfig(scalar_map=SCALARS),
)


def sdl() -> str:
    """Return the schema in the schema definition language."""
    return SCHEMA.as_str() + "\n"


def executable() -> GraphQLSchema:
    """Return the schema as the GraphQL library executes it."""
    # The edge executes documents itself and needs the library's own object; strawberry has no public name for it.
    return SCHEMA._schema
