"""Captures and refunds: amounts are reserved before a provider is asked."""

from dataclasses import dataclass

from payments.flow import guards
from payments.flow.asking import Prepared, begin, carry_out_or_wait, prepared
from payments.flow.idempotency import bind_key, lock_and_read_key, subject
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy
from payments.model.commands import Call, CapturePayment, RefundPayment
from payments.model.copies import replace
from payments.model.entities import Operation, Payment, Snapshot
from payments.model.errors import AmountTooLarge, Expired, InProgress, InvalidState, about
from payments.model.ids import OperationId, PaymentId
from payments.model.limits import MOVEMENTS_A_PAYMENT
from payments.model.statuses import (
    OperationKind,
    OperationStatus,
    PaymentStatus,
    has_nothing_left_to_capture,
)
from payments.ports.provider import LimitsCaptures, Provider
from payments.ports.transactions import Transaction
from payments.use_cases import refund_reasons


@dataclass(frozen=True, slots=True)
class MovementAnswer:
    """A capture or a refund as it is now, with its payment."""

    snapshot: Snapshot
    operation: Operation
    payment: Payment


async def capture(flow: Flow, call: Call, command: CapturePayment) -> MovementAnswer:
    """Capture an authorized amount; by default, all that can be captured."""
    return await _move(flow, call, command)


async def refund(flow: Flow, call: Call, command: RefundPayment) -> MovementAnswer:
    """Refund a captured amount; by default, all that can be refunded."""
    return await _move(flow, call, command)


async def _move(flow: Flow, call: Call, command: CapturePayment | RefundPayment) -> MovementAnswer:
    def work(tx: Transaction) -> tuple[Snapshot, Prepared]:
        stored, (working, payment) = lock_and_read_key(
            tx, call, command, lambda: guards.locked_payment(tx, call, command.payment_id)
        )
        with about(working.snapshot()):
            if stored is None:
                operation = _new(flow, working, call, command, payment)
            else:
                operation = working.operation(OperationId(stored.subject_ids[0]))
                reserved_minor = _reserved(working, payment, operation)
                operation = replace(operation, reserved_minor=reserved_minor)
            if stored is None or operation.status is OperationStatus.NOT_REACHED:
                _require_movable(working, payment, operation)
                found = prepared(begin(flow, working, operation))
            else:
                found = Prepared(operation)
        if stored is None:
            bind_key(tx, call, command, operation.id)
        return working.finish(), found

    about_it = subject(call, command, command.payment_id)
    snapshot, found = await flow.change_with_result(
        "prepare", call.request_id, work, about=about_it
    )
    snapshot = await carry_out_or_wait(flow, snapshot, found)
    operation = snapshot.operation(found.operation.id)
    payment = snapshot.payment(PaymentId(command.payment_id))
    if operation.status is OperationStatus.ASKING:
        raise InProgress("The first call with this key has not finished yet.", snapshot=snapshot)
    return MovementAnswer(snapshot, operation, payment)


def capture_at_once(
    flow: Flow, working: WorkingCopy, call: Call, command: CapturePayment, payment: Payment
) -> None:
    """Capture a payment within the transaction, at a provider that decides there."""
    operation = _new(flow, working, call, command, payment)
    _require_movable(working, working.payments[payment.id], operation)
    begin(flow, working, operation)


def _new(
    flow: Flow,
    working: WorkingCopy,
    call: Call,
    command: CapturePayment | RefundPayment,
    payment: Payment,
) -> Operation:
    is_capture = isinstance(command, CapturePayment)
    available = payment.capturable_minor(working.now) if is_capture else payment.refundable_minor
    amount_minor = available
    provider = flow.providers[payment.provider_id]
    if command.amount is not None:
        amount_minor = guards.amount_of(command.amount, payment.currency)
        guards.require_provider_step(provider, amount_minor, payment.currency)
    if isinstance(command, RefundPayment):
        guards.require_refundable(provider, payment)
    reason = None
    if isinstance(command, RefundPayment) and command.reason_id is not None:
        reason = refund_reasons.usable(working.tx, command.reason_id, path=("reasonId",))
    is_final = isinstance(command, CapturePayment) and (
        command.is_final or _has_to_be_final(provider, payment, amount_minor, available)
    )
    operation = working.new_operation(
        OperationKind.CAPTURE if is_capture else OperationKind.REFUND,
        working.sessions[payment.session_id],
        amount_minor=amount_minor,
        request_id=call.request_id,
    )
    operation = replace(
        operation,
        payment_id=payment.id,
        releases_rest=is_capture and (is_final or provider.captures_once),
        created_by=command.created_by,
        note=command.note if isinstance(command, RefundPayment) else None,
        refund_reason_id=None if reason is None else reason.id,
        refund_reason_code=None if reason is None else reason.code,
        metadata=command.metadata or {},
    )
    _count(working, payment, operation)
    return replace(operation, reserved_minor=_reserved(working, payment, operation))


def _has_to_be_final(
    provider: Provider, payment: Payment, amount_minor: int, available_minor: int
) -> bool:
    """Return whether a capture has to be the last one; raises InvalidState where it would leave something."""
    why = provider.why_final(payment) if isinstance(provider, LimitsCaptures) else None
    if why is not None and amount_minor < available_minor:
        raise InvalidState(why, path=("amount",))
    return why is not None


def _reserved(working: WorkingCopy, payment: Payment, operation: Operation) -> int:
    """Return what an operation reserves: a capture that releases the rest reserves the whole remainder."""
    if not operation.releases_rest:
        return operation.amount_minor
    return max(operation.amount_minor, payment.capturable_minor(working.now))


def _count(working: WorkingCopy, payment: Payment, operation: Operation) -> None:
    is_capture = operation.kind is OperationKind.CAPTURE
    count = payment.capture_count if is_capture else payment.refund_count
    if count >= MOVEMENTS_A_PAYMENT:
        raise InvalidState(
            f"A payment has at most {MOVEMENTS_A_PAYMENT} captures and as many refunds.",
        )
    if is_capture:
        working.put_payment(replace(payment, capture_count=count + 1))
    else:
        working.put_payment(replace(payment, refund_count=count + 1))


def _require_movable(working: WorkingCopy, payment: Payment, operation: Operation) -> None:
    if operation.kind is OperationKind.CAPTURE:
        _require_capturable(working, payment, operation)
        available = payment.capturable_minor(working.now)
    else:
        _require_refundable(payment)
        available = payment.refundable_minor
    if operation.amount_minor > available:
        maximum = payment.money(available)
        word = "captured" if operation.kind is OperationKind.CAPTURE else "refunded"
        raise AmountTooLarge(
            f"At most {maximum} {maximum.currency} can be {word} now.",
            path=("amount",),
            maximum=maximum,
        )
    if operation.amount_minor == 0:
        raise InProgress("The full amount is already pending.")


def _require_capturable(working: WorkingCopy, payment: Payment, operation: Operation) -> None:
    _takes_movements(payment)
    if payment.status is PaymentStatus.CANCELED:
        raise InvalidState("This payment is canceled.")
    if has_nothing_left_to_capture(payment):
        raise InvalidState("Nothing is left to capture.")
    if payment.cancellation_reason is not None:
        raise InvalidState(
            "This payment is about to be canceled, since its collection is canceled."
        )
    if payment.cancellation_id is not None:
        raise InProgress("A cancellation is pending.")
    if payment.capture_before is not None and payment.capture_before <= working.now:
        raise Expired("The time to capture this payment is over.")
    if operation.releases_rest and payment.capture_pending_minor > 0:
        raise InProgress("Another capture is pending.")


def _require_refundable(payment: Payment) -> None:
    _takes_movements(payment)
    if payment.captured_minor == 0:
        raise InvalidState("Nothing of this payment is captured.")
    if payment.refunded_minor == payment.captured_minor:
        raise InvalidState("All that was captured is refunded.")
    if payment.has_refunds_blocked:
        raise InvalidState(
            "A dispute has taken the money of this payment; its provider refunds nothing of it"
            " unless the dispute is won.",
        )
    if payment.disputed_minor >= payment.captured_minor - payment.refunded_minor:
        raise InvalidState("Disputes have taken all of this payment that was not refunded.")


def _takes_movements(payment: Payment) -> None:
    if payment.is_surplus:
        raise InvalidState("This payment is given back.")
    if payment.is_mismatched:
        raise InvalidState(
            "The provider reported another amount than requested; an operator has to look.",
        )
