"""The mutations on account holders and their saved payment methods."""

import strawberry

from payments.flow.method_outcomes import SaveAnswer, Saved
from payments.model import account_holders as entities
from payments.model.commands import CreateAccountHolder, SavePaymentMethod, UpdateAccountHolder
from payments.model.errors import InvalidInput
from payments.model.texts import is_email
from payments.use_cases import account_holders, payment_methods
from resolvers.actions import show_action
from resolvers.context import RequestContext
from resolvers.mutations import parsing
from resolvers.mutations.frame import mutation
from resolvers.pages import given
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


def _parse_create(input: CreateAccountHolderInput) -> CreateAccountHolder:
    """Parse the input that creates a customer; raises InvalidInput."""
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


def _parse_update(input: UpdateAccountHolderInput) -> UpdateAccountHolder:
    """Parse the input that changes a customer; raises InvalidInput."""
    email, name = _email(input.email), parsing.written(input.name, "name")
    metadata = parsing.metadata(input.metadata) or {}
    return UpdateAccountHolder(
        id=input.id,
        email=parsing.updated(input.email, email, "email", may_be_empty=True),
        name=parsing.updated(input.name, name, "name", may_be_empty=True),
        metadata=parsing.updated(input.metadata, metadata, "metadata", may_be_empty=True),
    )


def _parse_save_method(input: SavePaymentMethodInput) -> SavePaymentMethod:
    """Parse the input that saves a payment method; raises InvalidInput."""
    return SavePaymentMethod(
        account_holder_id=input.account_holder_id,
        data=parsing.json_object(input.data, "data"),
        setup_id=given(input.setup_id),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _email(value: str | None) -> str | None:
    value = parsing.written(value, "email")
    if value is not None and not is_email(value):
        raise InvalidInput("An e-mail address, such as ada@example.com.", path=("email",))
    return value


@strawberry.type
class HolderMutations:
    """The mutations on account holders."""

    @mutation(account_holders.create, parse=_parse_create)
    def create_account_holder(
        self,
        context: RequestContext,
        input: CreateAccountHolderInput,
        created: entities.AccountHolder,
    ) -> CreateAccountHolderResult:
        """Create a customer at a provider."""
        return AccountHolder.of(created, context.caller)

    @mutation(account_holders.update, parse=_parse_update)
    def update_account_holder(
        self,
        context: RequestContext,
        input: UpdateAccountHolderInput,
        updated: entities.AccountHolder,
    ) -> UpdateAccountHolderResult:
        """Change a customer's details."""
        return AccountHolder.of(updated, context.caller)

    @mutation(account_holders.delete, parse=parsing.only_id)
    def delete_account_holder(
        self, context: RequestContext, input: DeleteAccountHolderInput, deleted: None
    ) -> DeleteAccountHolderResult:
        """Delete a customer."""
        return Deleted(id=input.id)

    @mutation(payment_methods.save, parse=_parse_save_method)
    def save_payment_method(
        self, context: RequestContext, input: SavePaymentMethodInput, answer: SaveAnswer
    ) -> SavePaymentMethodResult:
        """Save a payment method for a customer."""
        if isinstance(answer, Saved):
            return PaymentMethod.of(answer.method)
        return SaveRequiresAction(
            setup_id=strawberry.ID(answer.setup_id), action=show_action(answer.action)
        )

    @mutation(payment_methods.delete, parse=parsing.only_id)
    def delete_payment_method(
        self, context: RequestContext, input: DeletePaymentMethodInput, deleted: None
    ) -> DeletePaymentMethodResult:
        """Delete a payment method."""
        return Deleted(id=input.id)
