"""Expired authorizations: nothing can be captured any more, and the rest is given back once the provider confirms."""

import structlog

from payments.flow.follow_ups import due_operation
from payments.flow.payment_outcomes import reserve
from payments.flow.runtime import Flow
from payments.flow.working_copy import lock
from payments.model.copies import replace
from payments.model.entities import Payment, Snapshot
from payments.model.ids import PaymentId, new_request_id
from payments.model.limits import EXPIRED_PAYMENTS
from payments.model.statuses import CancellationReason, EventSource, EventType, OperationKind
from payments.ports.transactions import Transaction

log = structlog.get_logger("recovery")


async def end_expired_authorizations(flow: Flow) -> None:
    """Give back what is left of each expired authorization: recovery requests it, the provider's answer ends it."""
    of = flow.providers.keys()
    expired = await flow.store.read(lambda tx: tx.expired_payments(of, limit=EXPIRED_PAYMENTS))
    for id in expired:
        try:
            await _decide(flow, id)
        except Exception as error:  # The others have expired all the same.
            log.error("not given back", payment_id=id, error=type(error).__name__, exc_info=error)


async def _decide(flow: Flow, id: PaymentId) -> Snapshot:
    request_id = new_request_id()

    def work(tx: Transaction) -> Snapshot:
        collection_id = tx.collection_of_payment(id)
        assert collection_id is not None
        working = lock(tx, collection_id, EventSource.RECONCILIATION)
        assert working is not None
        payment = working.payments[id]
        if not is_expired(payment, tx):
            return working.snapshot()
        operation = due_operation(
            working,
            working.sessions[payment.session_id],
            kind=OperationKind.CANCEL,
            amount_minor=payment.remainder_minor,
            request_id=request_id,
        )
        operation = working.put_operation(
            replace(
                operation,
                payment_id=payment.id,
                reserved_minor=payment.remainder_minor,
                reason=CancellationReason.EXPIRED,
            )
        )
        reserve(working, operation)
        working.emit(
            EventType.PAYMENT_CANCEL_PENDING,
            payment=working.payments[payment.id],
            operation=operation,
            amount_minor=operation.amount_minor,
        )
        return working.finish()

    return await flow.change("prepare", request_id, work)


def is_expired(payment: Payment, tx: Transaction) -> bool:
    """Return whether a payment has expired with something left and nothing in flight."""
    is_past = payment.capture_before is not None and payment.capture_before <= tx.now
    is_given_up = payment.cancellation_id is not None or payment.cancellation_reason is not None
    is_busy = is_given_up or payment.capture_pending_minor > 0 or payment.is_mismatched
    return is_past and not is_busy and payment.remainder_minor > 0
