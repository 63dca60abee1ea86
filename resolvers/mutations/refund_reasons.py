"""The mutations on refund reasons."""

import re

import strawberry

from payments.model.commands import CreateRefundReason, UpdateRefundReason
from payments.model.errors import InvalidInput, Refused
from payments.use_cases import refund_reasons
from resolvers.context import Info
from resolvers.failures import rejected
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
from schema.inputs import CreateRefundReasonInput, DeleteRefundReasonInput, UpdateRefundReasonInput
from schema.refund_reason import RefundReason
from schema.results import (
    CreateRefundReasonResult,
    Deleted,
    DeleteRefundReasonResult,
    UpdateRefundReasonResult,
)

REASON_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


@strawberry.type
class ReasonMutations:
    """Changes the list of refund reasons."""

    @strawberry.mutation
    async def create_refund_reason(
        self, info: Info, input: CreateRefundReasonInput
    ) -> CreateRefundReasonResult:
        """Add a refund reason."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_create(input)
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
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_update(input)
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
        context.require_secret_key()
        flow = context.services.flow
        try:
            await flow.shielded(refund_reasons.delete(flow, input.id))
        except Refused as refusal:
            return rejected(refusal.failure, context.request_id)
        return Deleted(id=input.id)


def _parse_create(input: inputs.CreateRefundReasonInput) -> CreateRefundReason:
    """Parse what adds a refund reason; raises InvalidInput."""
    if REASON_CODE.fullmatch(input.code) is None:
        raise InvalidInput(
            "A code is a lower-case letter followed by at most 62 lower-case letters, digits and underscores.",
            path=("code",),
        )
    return CreateRefundReason(
        code=input.code,
        label=_label(input.label),
        description=parsing.prose(input.description, "description"),
    )


def _parse_update(input: inputs.UpdateRefundReasonInput) -> UpdateRefundReason:
    """Parse what changes a refund reason; raises InvalidInput."""
    label = "" if given(input.label) is None else _label(input.label)
    description = parsing.prose(input.description, "description")
    return UpdateRefundReason(
        id=input.id,
        label=parsing.updated(input.label, label, "label", may_be_empty=False),
        description=parsing.updated(
            input.description, description, "description", may_be_empty=True
        ),
    )


def _label(value: str | None) -> str:
    label = parsing.written(value, "label")
    if not label or label.isspace():
        raise InvalidInput("A label is what people read, such as: Goods returned.", path=("label",))
    return label
