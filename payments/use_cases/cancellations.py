"""Canceling a payment: what is authorized and not captured is given back."""

from dataclasses import dataclass, replace

from payments.flow import guards
from payments.flow.asking import begin, carry_out, read_again, wait_for_outcome
from payments.flow.follow_ups import new_operation
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy
from payments.model.commands import Call
from payments.model.entities import Operation, Payment, Snapshot
from payments.model.errors import InProgress, InvalidState, about
from payments.model.ids import OperationId, PaymentId
from payments.model.statuses import (
    CancellationReason,
    OperationKind,
    OperationStatus,
    PaymentStatus,
)
from payments.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """A payment as it is now, with its cancellation where there is one."""

    snapshot: Snapshot
    payment: Payment
    operation: Operation | None


async def cancel(flow: Flow, call: Call, id: str) -> CancelAnswer:
    """Give back what is left of an authorization; a canceled payment answers with itself."""
    operation_id: OperationId | None = None
    is_to_be_asked = False

    def work(tx: Transaction) -> Snapshot:
        nonlocal operation_id, is_to_be_asked
        operation_id, is_to_be_asked = None, False
        working, payment = guards.locked_payment(tx, call, id)
        if payment.status is PaymentStatus.CANCELED:
            return working.snapshot()
        if payment.cancellation_id is not None:
            operation_id = working.operation(payment.cancellation_id).id
            return working.snapshot()
        with about(working.snapshot()):
            operation = begin_cancellation(flow, working, call, payment)
        operation_id = operation.id
        is_to_be_asked = operation.status is OperationStatus.ASKING
        return working.finish()

    snapshot = await flow.change("prepare", call.request_id, work)
    operation = snapshot.operation(operation_id) if operation_id else None
    if operation is not None and is_to_be_asked:
        snapshot = await carry_out(flow, snapshot, operation.id)
    elif operation is not None and operation.status is OperationStatus.ASKING:
        await wait_for_outcome(flow, operation)
        snapshot = await read_again(flow, snapshot, operation.id)
    payment = snapshot.payment(PaymentId(id))
    return CancelAnswer(
        snapshot, payment, snapshot.operation(operation_id) if operation_id else None
    )


def begin_cancellation(flow: Flow, working: WorkingCopy, call: Call, payment: Payment) -> Operation:
    """Start to give back what is left of a payment; raises InProgress or InvalidState."""
    if payment.capture_pending_minor > 0:
        raise InProgress("A capture is pending.")
    if payment.is_mismatched:
        raise InvalidState(
            "The provider's amount is not what was asked; a person has to look.",
        )
    if payment.remainder_minor == 0:
        raise InvalidState("Nothing is left to give back.")
    operation = new_operation(
        working,
        working.sessions[payment.session_id],
        kind=OperationKind.CANCEL,
        amount_minor=payment.remainder_minor,
        request_id=call.request_id,
    )
    return begin(
        flow,
        working,
        replace(
            operation,
            payment_id=payment.id,
            reserved_minor=payment.remainder_minor,
            reason=CancellationReason.REQUESTED,
        ),
    )
