"""Disputes: recorded with their provider's status, shown on the payment, and streamed."""

from collections.abc import Iterable
from typing import assert_never

from payments.flow.working_copy import WorkingCopy, lock
from payments.model.copies import replace
from payments.model.entities import Dispute, Payment, Snapshot
from payments.model.ids import DISPUTE, DisputeId, ProviderId, new_id
from payments.model.outcomes import DisputeFound
from payments.model.statuses import DISPUTE_OVER, DisputeStatus, EventSource, EventType
from payments.ports.transactions import Transaction


def _can_become(known: Dispute, found: DisputeFound) -> bool:
    """Return whether a dispute's recorded status can change to another: a stale read reopens nothing that is decided.

    A dispute closed without a decision may reopen; a lost one may be appealed and then won. A decision otherwise stays:
    only the amount it takes may still be new, since older versions did not record it.
    """
    match known.status:
        case DisputeStatus.WON:
            return found.status is DisputeStatus.WON
        case DisputeStatus.LOST:
            return found.is_appeal or found.status in (DisputeStatus.LOST, DisputeStatus.WON)
        case DisputeStatus.NEEDS_RESPONSE | DisputeStatus.UNDER_REVIEW | DisputeStatus.CLOSED:
            return True
    assert_never(known.status)


def record_dispute(
    tx: Transaction, provider_id: ProviderId, found: DisputeFound, *, told_by: EventSource
) -> Snapshot | None:
    """Record a dispute's state once; return None where its payment is not known here. It moves nothing."""
    collection_id = tx.collection_of_session(found.session_id)
    if collection_id is None:
        return None
    working = lock(tx, collection_id, told_by)
    assert working is not None
    session = working.sessions[found.session_id]
    payment = working.payment_of(session)
    if payment is None or session.provider_id != (found.provider_id or provider_id):
        return None
    disputes = {dispute.reference: dispute for dispute in tx.disputes_of(payment.id)}
    known = disputes.get(found.reference)
    if known is None:
        dispute = _made(working, payment, found)
        tx.insert_dispute(dispute)
        _sum_up(working, payment, [*disputes.values(), dispute])
        _tell(working, payment, dispute, EventType.DISPUTE_OPENED)
        if found.status in DISPUTE_OVER:
            _tell(working, payment, dispute, EventType.DISPUTE_CLOSED)
    elif _can_become(known, found) and (dispute := _as_found(known, found)) != known:
        tx.update_dispute(replace(dispute, updated_at=working.now))
        _sum_up(working, payment, (disputes | {dispute.reference: dispute}).values())
        is_over = found.status in DISPUTE_OVER
        type = EventType.DISPUTE_CLOSED if is_over else EventType.DISPUTE_UPDATED
        _tell(working, payment, dispute, type)
    return working.finish()


def _sum_up(working: WorkingCopy, payment: Payment, disputes: Iterable[Dispute]) -> None:
    """Note on a payment what disputes took of it."""
    taking = [dispute for dispute in disputes if dispute.takes_money]
    working.put_payment(
        replace(
            payment,
            disputed_minor=sum(
                dispute.amount_minor for dispute in taking if dispute.currency == payment.currency
            ),
            has_refunds_blocked=any(dispute.blocks_refunds for dispute in taking),
        )
    )


def _made(working: WorkingCopy, payment: Payment, found: DisputeFound) -> Dispute:
    return Dispute(
        id=DisputeId(new_id(DISPUTE)),
        collection_id=payment.collection_id,
        payment_id=payment.id,
        provider_id=payment.provider_id,
        reference=found.reference,
        status=found.status,
        reason=found.reason,
        currency=found.amount.currency,
        amount_minor=found.amount.minor,
        takes_money=found.takes_money,
        blocks_refunds=found.blocks_refunds,
        respond_before=found.respond_before,
        created_at=working.now,
        updated_at=working.now,
    )


def _as_found(known: Dispute, found: DisputeFound) -> Dispute:
    return replace(
        known,
        status=found.status,
        reason=found.reason,
        amount_minor=found.amount.minor,
        takes_money=found.takes_money,
        blocks_refunds=found.blocks_refunds,
        respond_before=found.respond_before,
    )


def _tell(working: WorkingCopy, payment: Payment, dispute: Dispute, type: EventType) -> None:
    # An event's amount is in its collection's currency; the dispute itself has its own.
    is_same_currency = dispute.currency == payment.currency
    amount_minor = dispute.amount_minor if is_same_currency else None
    working.emit(type, payment=payment, dispute=dispute, amount_minor=amount_minor)
