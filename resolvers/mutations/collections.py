"""The mutations on payment collections, and on the providers that they may use."""

import strawberry

from payments.flow.runtime import Flow
from payments.model.commands import (
    Call,
    CreatePaymentCollection,
    MarkPaymentCollectionAsPaid,
    UpdatePaymentCollection,
)
from payments.model.entities import Snapshot
from payments.model.ids import ProviderId
from payments.use_cases import collections
from resolvers.context import RequestContext
from resolvers.mutations import parsing
from resolvers.mutations.frame import mutation
from resolvers.pages import given
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


def _parse_create(input: CreatePaymentCollectionInput) -> CreatePaymentCollection:
    """Parse the input that opens a collection; raises InvalidInput."""
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


def _parse_update(input: UpdatePaymentCollectionInput) -> UpdatePaymentCollection:
    """Parse the input that changes a collection; raises InvalidInput."""
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
    input: MarkPaymentCollectionAsPaidInput,
) -> MarkPaymentCollectionAsPaid:
    """Parse the input that marks a collection as paid; raises InvalidInput."""
    return MarkPaymentCollectionAsPaid(
        id=input.id,
        created_by=parsing.written(input.created_by, "createdBy"),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


def _parse_rotate(input: RotateClientSecretInput) -> str:
    return input.payment_collection_id


def _parse_provider(input: UpdatePaymentProviderInput) -> tuple[ProviderId, bool]:
    return ProviderId(input.id), input.is_enabled


async def _set_provider_enabled(flow: Flow, call: Call, command: tuple[ProviderId, bool]) -> None:
    id, is_enabled = command
    await collections.set_provider_enabled(flow, id, is_enabled=is_enabled)


@strawberry.type
class CollectionMutations:
    """The mutations on collections."""

    @mutation(collections.create, parse=_parse_create)
    def create_payment_collection(
        self, context: RequestContext, input: CreatePaymentCollectionInput, created: Snapshot
    ) -> CreatePaymentCollectionResult:
        """Open a collection."""
        return context.show_collection(created.collection)

    @mutation(collections.update, parse=_parse_update)
    def update_payment_collection(
        self, context: RequestContext, input: UpdatePaymentCollectionInput, updated: Snapshot
    ) -> UpdatePaymentCollectionResult:
        """Change a collection."""
        return context.show_collection(updated.collection)

    @mutation(collections.cancel, parse=parsing.only_id)
    def cancel_payment_collection(
        self, context: RequestContext, input: CancelPaymentCollectionInput, canceled: Snapshot
    ) -> CancelPaymentCollectionResult:
        """Cancel a collection."""
        return context.show_collection(canceled.collection)

    @mutation(collections.mark_as_paid, parse=_parse_mark_as_paid)
    def mark_payment_collection_as_paid(
        self, context: RequestContext, input: MarkPaymentCollectionAsPaidInput, paid: Snapshot
    ) -> MarkPaymentCollectionAsPaidResult:
        """Record that the outstanding amount was paid outside of any gateway."""
        return context.show_collection(paid.collection)

    @mutation(collections.rotate_client_secret, parse=_parse_rotate)
    def rotate_client_secret(
        self, context: RequestContext, input: RotateClientSecretInput, rotated: Snapshot
    ) -> RotateClientSecretResult:
        """Replace a collection's client secret."""
        return context.show_collection(rotated.collection)

    @mutation(_set_provider_enabled, parse=_parse_provider)
    def update_payment_provider(
        self, context: RequestContext, input: UpdatePaymentProviderInput, updated: None
    ) -> UpdatePaymentProviderResult:
        """Enable or disable a provider."""
        context.loaders.disabled_providers.forget()
        return context.provider(ProviderId(input.id))
