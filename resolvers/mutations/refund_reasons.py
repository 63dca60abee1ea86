"""The mutations on refund reasons."""

import re

import strawberry

from payments.model import entities
from payments.model.commands import CreateRefundReason, UpdateRefundReason
from payments.model.errors import InvalidInput
from payments.use_cases import refund_reasons
from resolvers.context import RequestContext
from resolvers.mutations import parsing
from resolvers.mutations.frame import mutation
from resolvers.pages import given
from schema.inputs import CreateRefundReasonInput, DeleteRefundReasonInput, UpdateRefundReasonInput
from schema.refund_reason import RefundReason
from schema.results import (
    CreateRefundReasonResult,
    Deleted,
    DeleteRefundReasonResult,
    UpdateRefundReasonResult,
)

REASON_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


def _parse_create(input: CreateRefundReasonInput) -> CreateRefundReason:
    """Parse the input that adds a refund reason; raises InvalidInput."""
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


def _parse_update(input: UpdateRefundReasonInput) -> UpdateRefundReason:
    """Parse the input that changes a refund reason; raises InvalidInput."""
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


@strawberry.type
class ReasonMutations:
    """The mutations on refund reasons."""

    @mutation(lambda flow, _, command: refund_reasons.create(flow, command), parse=_parse_create)
    def create_refund_reason(
        self,
        context: RequestContext,
        input: CreateRefundReasonInput,
        created: entities.RefundReason,
    ) -> CreateRefundReasonResult:
        """Add a refund reason."""
        return RefundReason.of(created)

    @mutation(lambda flow, _, command: refund_reasons.update(flow, command), parse=_parse_update)
    def update_refund_reason(
        self,
        context: RequestContext,
        input: UpdateRefundReasonInput,
        updated: entities.RefundReason,
    ) -> UpdateRefundReasonResult:
        """Change a refund reason's texts."""
        return RefundReason.of(updated)

    @mutation(lambda flow, _, id: refund_reasons.delete(flow, id), parse=parsing.only_id)
    def delete_refund_reason(
        self, context: RequestContext, input: DeleteRefundReasonInput, deleted: None
    ) -> DeleteRefundReasonResult:
        """Remove a refund reason from the list."""
        return Deleted(id=input.id)
