"""The cancellation of a payment: what is authorized and not captured is given back."""

from dataclasses import dataclass

from payments.flow import guards
from payments.flow.asking import Prepared, begin, carry_out_or_wait, prepared
from payments.flow.follow_ups import due_operation
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy
from payments.model.commands import Call
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, Snapshot
from payments.model.errors import InProgress, InvalidState, about
from payments.model.ids import PaymentId
from payments.model.statuses import CancellationReason, OperationKind, PaymentStatus
from payments.ports.store import Subject
from payments.ports.transactions import Transaction


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """A payment as it is now, with its cancellation if there is one."""

    snapshot: Snapshot
    payment: Payment
    operation: Operation | None


async def cancel(flow: Flow, call: Call, id: str) -> CancelAnswer:
    """Give back what is left of an authorization; return a payment that is already canceled."""

    def work(tx: Transaction) -> tuple[Snapshot, Prepared | None]:
        working, payment = guards.locked_payment(tx, call, id)
        if payment.status is PaymentStatus.CANCELED:
            return working.snapshot(), None
        if payment.cancellation_id is not None:
            pending = working.operation(payment.cancellation_id)
            return working.snapshot(), Prepared(pending)
        with about(working.snapshot()):
            begun = prepared(begin_cancellation(flow, working, call, payment))
        return working.finish(), begun

    snapshot, found = await flow.change_with_result(
        "prepare", call.request_id, work, about=Subject(id)
    )
    operation = None
    if found is not None:
        snapshot = await carry_out_or_wait(flow, snapshot, found)
        operation = snapshot.operation(found.operation.id)
    return CancelAnswer(snapshot, snapshot.payment(PaymentId(id)), operation)


def begin_cancellation(flow: Flow, working: WorkingCopy, call: Call, payment: Payment) -> Operation:
    """Begin to give back what is left of a payment; raises InProgress or InvalidState."""
    if payment.capture_pending_minor > 0:
        raise InProgress("A capture is pending.")
    if payment.is_mismatched:
        raise InvalidState(
            "The provider reported another amount than requested; an operator has to look.",
        )
    if payment.remainder_minor == 0:
        raise InvalidState("Nothing is left to give back.")
    operation = due_operation(
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
