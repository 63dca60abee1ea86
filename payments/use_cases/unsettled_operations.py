"""Operations that recovery could not resolve yet: requested again at once, or resolved by an operator with evidence."""

import asyncio
from dataclasses import dataclass
from typing import assert_never

import structlog

from payments.flow.asking import carry_out, read_again, read_snapshot, wait_for_outcome
from payments.flow.idempotency import bind_key, lock_and_read_key
from payments.flow.recording import apply_outcome, given_back
from payments.flow.runtime import Flow
from payments.flow.working_copy import WorkingCopy, lock
from payments.model.commands import Call, SettledOutcome, SettleOperation
from payments.model.entities import Operation, Snapshot
from payments.model.errors import InProgress, InvalidState, NotFound, ProviderDisabled
from payments.model.ids import OPERATION_PREFIXES, OperationId, is_id
from payments.model.limits import LEASE_SECONDS
from payments.model.money import Money
from payments.model.outcomes import Authorized, Declined, Moved, Opened, Outcome
from payments.model.statuses import EventSource, OperationKind
from payments.ports.transactions import ReadTransaction, Transaction

log = structlog.get_logger("flow")


@dataclass(frozen=True, slots=True)
class SettlingAnswer:
    """An operation as it is now, with its collection."""

    snapshot: Snapshot
    operation: Operation


async def ask_again(flow: Flow, call: Call, id: str) -> SettlingAnswer:
    """Ask a provider now about an unsettled operation, before recovery's next step; raises NotFound and InProgress.

    An operation with an outcome is returned as it is.
    """
    found = await flow.store.read(lambda tx: _found(tx, call, id))
    if found.provider_id not in flow.providers:
        raise ProviderDisabled("This provider is no longer configured.", path=("id",))
    asking = flow.asking.get(found.id)
    if asking is not None:
        await asyncio.wait({asking})
    elif not await _claim_and_ask(flow, found):
        await wait_for_outcome(flow, found)
    snapshot = await read_again(flow, found.collection_id, found.id)
    operation = snapshot.operation(found.id)
    if operation.is_without_outcome and operation.leased_by is not None:
        raise InProgress("Another process is contacting the provider; retry shortly.")
    return SettlingAnswer(snapshot, operation)


async def _claim_and_ask(flow: Flow, operation: Operation) -> bool:
    """Claim an operation and ask its provider; return whether there was something to claim."""
    process, seconds = flow.settings.process_name, flow.faults.wait(LEASE_SECONDS)
    claimed = await flow.store.transact(
        lambda tx: tx.claim(operation.id, leased_by=process, lease_seconds=seconds)
    )
    if claimed is None:
        return False
    snapshot = await flow.store.read(lambda tx: read_snapshot(tx, claimed.collection_id, [claimed]))
    await carry_out(flow, snapshot, claimed.id)
    return True


async def settle_by_hand(flow: Flow, call: Call, command: SettleOperation) -> SettlingAnswer:
    """Record an operator's decision on what recovery could not resolve; the log has the evidence.

    Raises NotFound, InProgress while the provider is being asked, and InvalidState where the outcome is already known.
    """

    def work(tx: Transaction) -> Snapshot:
        stored, (working, operation) = lock_and_read_key(
            tx, call, command, lambda: _locked(tx, call, command.id)
        )
        if stored is not None:
            return working.snapshot()
        _require_unsettled(working, operation)
        working.evidence = command.evidence
        apply_outcome(
            working, operation, _outcome(working, operation, command.outcome), flow.schedule
        )
        bind_key(tx, call, command, operation.id)
        return working.finish()

    snapshot = await flow.change("record", call.request_id, work)
    operation = snapshot.operation(OperationId(command.id))
    log.warning(
        "settled by a person",
        request_id=call.request_id,
        operation_id=operation.id,
        outcome=command.outcome.value,
    )
    return SettlingAnswer(snapshot, operation)


def _locked(tx: Transaction, call: Call, id: str) -> tuple[WorkingCopy, Operation]:
    found = _found(tx, call, id)
    working = lock(tx, found.collection_id, EventSource.PERSON)
    assert working is not None
    return working, working.operation(found.id)


def _found(tx: ReadTransaction, call: Call, id: str) -> Operation:
    if any(is_id(id, prefix) for prefix in OPERATION_PREFIXES.values()):
        operation = tx.operation(OperationId(id))
        if operation is not None and call.caller.reaches(operation.collection_id):
            return operation
    raise NotFound("No operation has this id.", path=("id",))


def _require_unsettled(working: WorkingCopy, operation: Operation) -> None:
    if not operation.is_without_outcome:
        raise InvalidState("The outcome of this operation is already known.", path=("id",))
    is_leased = operation.due_at is not None and operation.due_at > working.now
    if operation.leased_by is not None and is_leased:
        raise InProgress("The provider is being contacted now; retry shortly.", path=("id",))


def _outcome(working: WorkingCopy, operation: Operation, outcome: SettledOutcome) -> Outcome:
    """Return the outcome of an operator's decision for a kind of operation; the amount is the requested one."""
    if outcome is SettledOutcome.DECLINED:
        return Declined(operation.decline_code)
    amount = Money(operation.amount_minor, operation.currency)
    if operation.kind is OperationKind.CANCEL:
        amount = given_back(working, operation)
    if amount.minor > _left_minor(working, operation):
        raise InvalidState(
            "This was moved in another way meanwhile: settle it as DECLINED.", path=("outcome",)
        )
    match operation.kind:
        case OperationKind.OPEN | OperationKind.UPDATE:
            return Opened()
        case OperationKind.AUTHORIZE:
            return Authorized(amount)
        case OperationKind.CAPTURE | OperationKind.REFUND | OperationKind.CANCEL:
            return Moved(amount)
    assert_never(operation.kind)


def _left_minor(working: WorkingCopy, operation: Operation) -> int:
    """Return the most that an operation can have moved, including its own reservation."""
    payment = working.payments.get(operation.payment_id) if operation.payment_id else None
    if payment is None:
        return operation.amount_minor
    match operation.kind:
        case OperationKind.CAPTURE:
            return payment.remainder_minor + operation.reserved_minor
        case OperationKind.REFUND:
            others_minor = payment.refund_pending_minor - operation.reserved_minor
            return payment.captured_minor - payment.refunded_minor - others_minor
        case OperationKind.CANCEL:
            return payment.remainder_minor
        case OperationKind.OPEN | OperationKind.UPDATE | OperationKind.AUTHORIZE:
            return operation.amount_minor
    assert_never(operation.kind)
