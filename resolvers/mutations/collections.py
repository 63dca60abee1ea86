"""The mutations on payment collections, and on the providers that they may use."""

import strawberry

from payments.model.commands import (
    CreatePaymentCollection,
    MarkPaymentCollectionAsPaid,
    UpdatePaymentCollection,
)
from payments.model.errors import Refused
from payments.model.ids import ProviderId
from payments.use_cases import collections
from resolvers.context import Info
from resolvers.failures import rejected
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
from schema.inputs import (
    CancelPaymentCollectionInput,
    CreatePaymentCollectionInput,
    MarkPaymentCollectionAsPaidInput,
    RotateClientSecretInput,
    UpdatePaymentCollectionInput,
    UpdatePaymentProviderInput,
)
from schema.results import (
    CancelPaymentCollectionResult,
    CreatePaymentCollectionResult,
    MarkPaymentCollectionAsPaidResult,
    RotateClientSecretResult,
    UpdatePaymentCollectionResult,
    UpdatePaymentProviderResult,
)


@strawberry.type
class CollectionMutations:
    """Opens, changes and ends collections."""

    @strawberry.mutation
    async def create_payment_collection(
        self, info: Info, input: CreatePaymentCollectionInput
    ) -> CreatePaymentCollectionResult:
        """Open a collection."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_create(input)
            snapshot = await flow.shielded(collections.create(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def update_payment_collection(
        self, info: Info, input: UpdatePaymentCollectionInput
    ) -> UpdatePaymentCollectionResult:
        """Change a collection."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_update(input)
            snapshot = await flow.shielded(collections.update(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def cancel_payment_collection(
        self, info: Info, input: CancelPaymentCollectionInput
    ) -> CancelPaymentCollectionResult:
        """Cancel a collection."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            snapshot = await flow.shielded(collections.cancel(flow, context.call, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def mark_payment_collection_as_paid(
        self, info: Info, input: MarkPaymentCollectionAsPaidInput
    ) -> MarkPaymentCollectionAsPaidResult:
        """Settle what is outstanding outside of any gateway."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_mark_as_paid(input)
            snapshot = await flow.shielded(collections.mark_as_paid(flow, context.call, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def rotate_client_secret(
        self, info: Info, input: RotateClientSecretInput
    ) -> RotateClientSecretResult:
        """Replace a collection's client secret."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        id = str(input.payment_collection_id)
        try:
            rotated = collections.rotate_client_secret(flow, context.call, id)
            snapshot = await flow.shielded(rotated)
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.took(snapshot)
        return context.show_collection(snapshot.collection)

    @strawberry.mutation
    async def update_payment_provider(
        self, info: Info, input: UpdatePaymentProviderInput
    ) -> UpdatePaymentProviderResult:
        """Enable or disable a provider."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        id = ProviderId(str(input.id))
        try:
            await flow.shielded(
                collections.set_provider_enabled(flow, id, is_enabled=input.is_enabled)
            )
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        context.loaders.disabled_providers.forget()
        return context.provider(id)


def _parse_create(input: inputs.CreatePaymentCollectionInput) -> CreatePaymentCollection:
    """Parse what opens a collection; raises InvalidInput."""
    return CreatePaymentCollection(
        currency=parsing.currency(input.currency_code),
        amount=parsing.amount(input.amount),
        reference=parsing.text(input.reference, "reference"),
        region_id=parsing.text(input.region_id, "regionId"),
        metadata=parsing.metadata(input.metadata),
        account_holder_ids=tuple(given(input.account_holder_ids) or ()),
        allows_split_payment=bool(given(input.allows_split_payment)),
        idempotency_key=parsing.idempotency_key(input.idempotency_key),
    )


def _parse_update(input: inputs.UpdatePaymentCollectionInput) -> UpdatePaymentCollection:
    """Parse what changes a collection; raises InvalidInput."""
    reference = parsing.text(input.reference, "reference")
    region_id = parsing.text(input.region_id, "regionId")
    metadata = parsing.metadata(input.metadata) or {}
    split = bool(given(input.allows_split_payment))
    return UpdatePaymentCollection(
        id=input.id,
        amount=parsing.updated(
            input.amount, parsing.amount(input.amount), "amount", may_be_empty=False
        ),
        reference=parsing.updated(input.reference, reference, "reference", may_be_empty=True),
        region_id=parsing.updated(input.region_id, region_id, "regionId", may_be_empty=True),
        metadata=parsing.updated(input.metadata, metadata, "metadata", may_be_empty=True),
        account_holder_ids=parsing.updated(
            input.account_holder_ids,
            tuple(given(input.account_holder_ids) or ()),
            "accountHolderIds",
            may_be_empty=True,
        ),
        allows_split_payment=parsing.updated(
            input.allows_split_payment, split, "allowsSplitPayment", may_be_empty=False
        ),
    )


def _parse_mark_as_paid(
    input: inputs.MarkPaymentCollectionAsPaidInput,
) -> MarkPaymentCollectionAsPaid:
    """Parse what marks a collection as paid; raises InvalidInput."""
    return MarkPaymentCollectionAsPaid(
        id=input.id,
        created_by=parsing.written(input.created_by, "createdBy"),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )
