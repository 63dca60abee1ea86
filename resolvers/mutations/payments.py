"""The mutations on payments."""

import strawberry

from payments.model.commands import CapturePayment, RefundPayment
from payments.model.errors import Refused
from payments.use_cases import cancellations, captures_and_refunds
from payments.use_cases.cancellations import CancelAnswer
from payments.use_cases.captures_and_refunds import MovementAnswer
from resolvers.actions import retry_after_seconds
from resolvers.context import RequestContext
from resolvers.failures import cancel_failed, capture_failed, refund_failed
from resolvers.mutations import parsing
from resolvers.mutations.frame import is_not_there, mutation
from resolvers.pages import given
from schema.failures import CancelFailed, CaptureFailed, RefundFailed
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


def _parse_capture(input: CapturePaymentInput) -> CapturePayment:
    """Parse the input that captures a payment; raises InvalidInput."""
    return CapturePayment(
        payment_id=input.payment_id,
        amount=parsing.amount(input.amount),
        is_final=bool(given(input.is_final)),
        created_by=parsing.written(input.created_by, "createdBy"),
        metadata=parsing.metadata(input.metadata),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


def _parse_refund(input: RefundPaymentInput) -> RefundPayment:
    """Parse the input that refunds a payment; raises InvalidInput."""
    return RefundPayment(
        payment_id=input.payment_id,
        amount=parsing.amount(input.amount),
        reason_id=given(input.reason_id),
        note=parsing.prose(input.note, "note"),
        created_by=parsing.written(input.created_by, "createdBy"),
        metadata=parsing.metadata(input.metadata),
        idempotency_key=parsing.required_key(input.idempotency_key),
    )


def _parse_cancel(input: CancelPaymentInput) -> str:
    return input.payment_id


async def _capture_refused(
    context: RequestContext, input: CapturePaymentInput, refusal: Refused
) -> CaptureFailed:
    payment = await _payment(context, refusal, input.payment_id)
    return capture_failed(refusal.failure, context.request_id, payment)


async def _refund_refused(
    context: RequestContext, input: RefundPaymentInput, refusal: Refused
) -> RefundFailed:
    payment = await _payment(context, refusal, input.payment_id)
    return refund_failed(refusal.failure, context.request_id, payment)


async def _cancel_refused(
    context: RequestContext, input: CancelPaymentInput, refusal: Refused
) -> CancelFailed:
    payment = await _payment(context, refusal, input.payment_id)
    return cancel_failed(refusal.failure, context.request_id, payment)


async def _payment(context: RequestContext, refusal: Refused, id: str) -> Payment | None:
    """Return the payment that a refusal is about; it was not read yet if the input itself was refused."""
    return None if is_not_there(refusal) else await context.find_payment(id)


@strawberry.type
class PaymentMutations:
    """The mutations on payments."""

    @mutation(captures_and_refunds.capture, parse=_parse_capture, refuse=_capture_refused)
    def capture_payment(
        self, context: RequestContext, input: CapturePaymentInput, answer: MovementAnswer
    ) -> CapturePaymentResult:
        """Capture a payment."""
        payment, operation = Payment.of(answer.payment, context.caller), answer.operation
        if operation.is_without_outcome:
            return CapturePending(
                payment=payment,
                capture=Capture.of(operation, context.caller),
                retry_after_seconds=retry_after_seconds(operation.due_at),
            )
        if operation.failure is not None:
            return capture_failed(operation.failure, context.request_id, payment)
        return payment

    @mutation(captures_and_refunds.refund, parse=_parse_refund, refuse=_refund_refused)
    def refund_payment(
        self, context: RequestContext, input: RefundPaymentInput, answer: MovementAnswer
    ) -> RefundPaymentResult:
        """Refund a payment."""
        payment, operation = Payment.of(answer.payment, context.caller), answer.operation
        if operation.is_without_outcome:
            return RefundPending(
                payment=payment,
                refund=Refund.of(operation, context.caller),
                retry_after_seconds=retry_after_seconds(operation.due_at),
            )
        if operation.failure is not None:
            return refund_failed(operation.failure, context.request_id, payment)
        return payment

    @mutation(cancellations.cancel, parse=_parse_cancel, refuse=_cancel_refused)
    def cancel_payment(
        self, context: RequestContext, input: CancelPaymentInput, answer: CancelAnswer
    ) -> CancelPaymentResult:
        """Cancel a payment."""
        payment, operation = Payment.of(answer.payment, context.caller), answer.operation
        if operation is not None and operation.is_without_outcome:
            seconds = retry_after_seconds(operation.due_at)
            return CancelPending(payment=payment, retry_after_seconds=seconds)
        if operation is not None and operation.failure is not None:
            return cancel_failed(operation.failure, context.request_id, payment)
        return payment
