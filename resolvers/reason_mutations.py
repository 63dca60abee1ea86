"""The mutations on refund reasons."""

import strawberry

from payments import refund_reasons
from payments.errors import Refused
from resolvers import inputs as parse
from resolvers.context import Info
from resolvers.failures import rejected
from schema.inputs import CreateRefundReasonInput, DeleteRefundReasonInput, UpdateRefundReasonInput
from schema.refund_reason import RefundReason
from schema.results import (
    CreateRefundReasonResult,
    Deleted,
    DeleteRefundReasonResult,
    UpdateRefundReasonResult,
)


@strawberry.type
class ReasonMutations:
    """Changes the list of refund reasons."""

    @strawberry.mutation
    async def create_refund_reason(
        self, info: Info, input: CreateRefundReasonInput
    ) -> CreateRefundReasonResult:
        """Add a refund reason."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.create_reason(input)
            reason = await flow.shielded(refund_reasons.create(flow, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return RefundReason.of(reason)

    @strawberry.mutation
    async def update_refund_reason(
        self, info: Info, input: UpdateRefundReasonInput
    ) -> UpdateRefundReasonResult:
        """Change how a refund reason reads."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            command = parse.update_reason(input)
            reason = await flow.shielded(refund_reasons.update(flow, command))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return RefundReason.of(reason)

    @strawberry.mutation
    async def delete_refund_reason(
        self, info: Info, input: DeleteRefundReasonInput
    ) -> DeleteRefundReasonResult:
        """Take a refund reason off the list."""
        context = info.context
        context.demand_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(refund_reasons.delete(flow, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)
