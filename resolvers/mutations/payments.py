"""The mutations on payments."""

import strawberry

from payments.model.commands import CapturePayment, RefundPayment
from payments.model.errors import Refused
from payments.model.ids import PAYMENT, PaymentId, is_id
from payments.use_cases import cancellations, captures_and_refunds
from resolvers.actions import retry_after_seconds
from resolvers.context import Info, RequestContext
from resolvers.failures import cancel_failed, capture_failed, refund_failed
from resolvers.mutations import parsing
from resolvers.pages import given
from schema import inputs
from schema.inputs import CancelPaymentInput, CapturePaymentInput, RefundPaymentInput
from schema.payment import Capture, Payment, Refund
from schema.results import (
    CancelPaymentResult,
    CancelPending,
    CapturePaymentResult,
    CapturePending,
    RefundPaymentResult,
    RefundPending,
)


@strawberry.type
class PaymentMutations:
    """Captures, refunds and cancels payments."""

    @strawberry.mutation
    async def capture_payment(self, info: Info, input: CapturePaymentInput) -> CapturePaymentResult:
        """Capture a payment."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_capture(input)
            answer = await flow.shielded(captures_and_refunds.capture(flow, context.call, command))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return capture_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        if answer.operation.is_without_outcome:
            return CapturePending(
                payment=payment,
                capture=Capture.of(answer.operation, context.caller),
                retry_after_seconds=retry_after_seconds(answer.operation.due_at),
            )
        if answer.operation.failure is not None:
            return capture_failed(answer.operation.failure, context.request_id, payment)
        return payment

    @strawberry.mutation
    async def refund_payment(self, info: Info, input: RefundPaymentInput) -> RefundPaymentResult:
        """Refund a payment."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            command = _parse_refund(input)
            answer = await flow.shielded(captures_and_refunds.refund(flow, context.call, command))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return refund_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        if answer.operation.is_without_outcome:
            return RefundPending(
                payment=payment,
                refund=Refund.of(answer.operation, context.caller),
                retry_after_seconds=retry_after_seconds(answer.operation.due_at),
            )
        if answer.operation.failure is not None:
            return refund_failed(answer.operation.failure, context.request_id, payment)
        return payment

    @strawberry.mutation
    async def cancel_payment(self, info: Info, input: CancelPaymentInput) -> CancelPaymentResult:
        """Cancel a payment."""
        context = info.context
        context.require_secret_key()
        flow = context.services.flow
        try:
            answer = await flow.shielded(cancellations.cancel(flow, context.call, input.payment_id))
        except Refused as refusal:
            affected = await _payment(context, input.payment_id)
            return cancel_failed(refusal.failure, context.request_id, affected)
        context.took(answer.snapshot)
        payment = Payment.of(answer.payment, context.caller)
        operation = answer.operation
        if operation is not None and operation.is_without_outcome:
            seconds = retry_after_seconds(operation.due_at)
            return CancelPending(payment=payment, retry_after_seconds=seconds)
        if operation is not None and operation.failure is not None:
            return cancel_failed(operation.failure, context.request_id, payment)
        return payment


def _parse_capture(input: inputs.CapturePaymentInput) -> CapturePayment:
    """Parse what captures a payment; raises InvalidInput."""
    return CapturePayment(
        payment_id=input.payment_id,
        amount=parsing.amount(input.amount),
        is_final=bool(given(input.is_final)),
        created_by=parsing.written(input.created_by, "createdBy"),
        metadata=parsing.metadata(input.metadata),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


def _parse_refund(input: inputs.RefundPaymentInput) -> RefundPayment:
    """Parse what refunds a payment; raises InvalidInput."""
    return RefundPayment(
        payment_id=input.payment_id,
        amount=parsing.amount(input.amount),
        reason_id=given(input.reason_id),
        note=parsing.prose(input.note, "note"),
        created_by=parsing.written(input.created_by, "createdBy"),
        metadata=parsing.metadata(input.metadata),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


async def _payment(context: RequestContext, id: str) -> Payment | None:
    """Load the payment that a refusal is about, as it is now, where it exists for this caller."""
    if not is_id(id, PAYMENT):
        return None
    payment = await context.loaders.payments.load(PaymentId(id))
    if payment is None or not context.caller.reaches(payment.collection_id):
        return None
    context.scope.collection_id = payment.collection_id
    return Payment.of(payment, context.caller)
