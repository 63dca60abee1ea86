"""The mutation type: all mutations, in the order of the schema."""

import strawberry

from resolvers.mutations.account_holders import HolderMutations
from resolvers.mutations.collections import CollectionMutations
from resolvers.mutations.operations import OperationMutations
from resolvers.mutations.payments import PaymentMutations
from resolvers.mutations.refund_reasons import ReasonMutations
from resolvers.mutations.sessions import SessionMutations
from resolvers.mutations.webhooks import WebhookMutations


@strawberry.type
class Mutation(
    HolderMutations,
    ReasonMutations,
    WebhookMutations,
    CollectionMutations,
    SessionMutations,
    PaymentMutations,
    OperationMutations,
):
    """The mutations; expected outcomes are data."""
