"""The mutations on account holders and their saved payment methods."""

import re

import strawberry

from payments.flow.method_outcomes import Saved
from payments.model.commands import CreateAccountHolder, SavePaymentMethod, UpdateAccountHolder
from payments.model.errors import InvalidInput, Refused
from payments.use_cases import account_holders, payment_methods
from resolvers.actions import show_action
from resolvers.context import Info
from resolvers.failures import rejected
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
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

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


@strawberry.type
class HolderMutations:
    """Changes what is known of customers."""

    @strawberry.mutation
    async def create_account_holder(
        self, info: Info, input: CreateAccountHolderInput
    ) -> CreateAccountHolderResult:
        """Make a customer known to a provider."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_create(input)
            holder = await flow.shielded(account_holders.create(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return AccountHolder.of(holder, context.caller)

    @strawberry.mutation
    async def update_account_holder(
        self, info: Info, input: UpdateAccountHolderInput
    ) -> UpdateAccountHolderResult:
        """Change what is known of a customer."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_update(input)
            holder = await flow.shielded(account_holders.update(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return AccountHolder.of(holder, context.caller)

    @strawberry.mutation
    async def delete_account_holder(
        self, info: Info, input: DeleteAccountHolderInput
    ) -> DeleteAccountHolderResult:
        """Forget a customer."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(account_holders.delete(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)

    @strawberry.mutation
    async def save_payment_method(
        self, info: Info, input: SavePaymentMethodInput
    ) -> SavePaymentMethodResult:
        """Keep a payment method for a customer."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_save_method(input)
            answer = await flow.shielded(payment_methods.save(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        if isinstance(answer, Saved):
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
        context.require_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(payment_methods.delete(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)


def _parse_create(input: inputs.CreateAccountHolderInput) -> CreateAccountHolder:
    """Parse what makes a customer known; raises InvalidInput."""
    customer = parsing.text(input.customer_reference, "customerReference")
    if not customer or customer.isspace():
        raise InvalidInput(
            "Name the customer, such as by their id in the shop.", path=("customerReference",)
        )
    return CreateAccountHolder(
        provider_id=input.provider_id,
        customer_reference=customer,
        email=_email(input.email),
        name=parsing.written(input.name, "name"),
        metadata=parsing.metadata(input.metadata),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_update(input: inputs.UpdateAccountHolderInput) -> UpdateAccountHolder:
    """Parse what changes what is known of a customer; raises InvalidInput."""
    email, name = _email(input.email), parsing.written(input.name, "name")
    metadata = parsing.metadata(input.metadata) or {}
    return UpdateAccountHolder(
        id=input.id,
        email=parsing.updated(input.email, email, "email", may_be_empty=True),
        name=parsing.updated(input.name, name, "name", may_be_empty=True),
        metadata=parsing.updated(input.metadata, metadata, "metadata", may_be_empty=True),
    )


def _parse_save_method(input: inputs.SavePaymentMethodInput) -> SavePaymentMethod:
    """Parse what saves a payment method; raises InvalidInput."""
    return SavePaymentMethod(
        account_holder_id=input.account_holder_id,
        data=parsing.json_object(input.data, "data"),
        setup_id=given(input.setup_id),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _email(value: str | None) -> str | None:
    value = parsing.written(value, "email")
    if value is not None and EMAIL.fullmatch(value) is None:
        raise InvalidInput("An e-mail address, such as ada@example.com.", path=("email",))
    return value
