"""The mutations on account holders and their saved payment methods."""

import strawberry

from payments import holders, saving
from payments.errors import Refused
from resolvers import inputs as parse
from resolvers.actions import show_action
from resolvers.context import Info
from resolvers.failures import rejected
from schema.account_holder import AccountHolder, PaymentMethod
from schema.inputs import (
    CreateAccountHolderInput,
    DeleteAccountHolderInput,
    DeletePaymentMethodInput,
    SavePaymentMethodInput,
    UpdateAccountHolderInput,
)
from schema.results import (
    CreateAccountHolderResult,
    DeleteAccountHolderResult,
    Deleted,
    DeletePaymentMethodResult,
    SavePaymentMethodResult,
    SaveRequiresAction,
    UpdateAccountHolderResult,
)


@strawberry.type
class HolderMutations:
    """Changes what is known of customers."""

    @strawberry.mutation
    async def create_account_holder(
        self, info: Info, input: CreateAccountHolderInput
    ) -> CreateAccountHolderResult:
        """Make a customer known to a provider."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.create_holder(input)
            holder = await flow.shielded(holders.create(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return AccountHolder.of(holder, context.caller)

    @strawberry.mutation
    async def update_account_holder(
        self, info: Info, input: UpdateAccountHolderInput
    ) -> UpdateAccountHolderResult:
        """Change what is known of a customer."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.update_holder(input)
            holder = await flow.shielded(holders.update(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return AccountHolder.of(holder, context.caller)

    @strawberry.mutation
    async def delete_account_holder(
        self, info: Info, input: DeleteAccountHolderInput
    ) -> DeleteAccountHolderResult:
        """Forget a customer."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(holders.delete(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)

    @strawberry.mutation
    async def save_payment_method(
        self, info: Info, input: SavePaymentMethodInput
    ) -> SavePaymentMethodResult:
        """Keep a payment method for a customer."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.save_method(input)
            answer = await flow.shielded(saving.save(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        if isinstance(answer, saving.Saved):
            return PaymentMethod.of(answer.method)
        return SaveRequiresAction(
            setup_id=strawberry.ID(answer.setup_id), action=show_action(answer.action)
        )

    @strawberry.mutation
    async def delete_payment_method(
        self, info: Info, input: DeletePaymentMethodInput
    ) -> DeletePaymentMethodResult:
        """Forget a payment method."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(saving.delete(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)
