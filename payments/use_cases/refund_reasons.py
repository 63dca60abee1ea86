"""The reasons for refunds, in the shop's own words: a short list that its staff choose from."""

from payments.flow.runtime import Flow
from payments.model.commands import UNCHANGED, CreateRefundReason, UpdateRefundReason
from payments.model.copies import replace
from payments.model.entities import RefundReason
from payments.model.errors import InvalidInput, InvalidState, NotFound
from payments.model.ids import REFUND_REASON, RefundReasonId, is_id, new_id
from payments.model.limits import REFUND_REASONS
from payments.ports.transactions import Transaction


async def create(flow: Flow, command: CreateRefundReason) -> RefundReason:
    """Add a reason; its code is sent to providers and never changes."""

    def work(tx: Transaction) -> RefundReason:
        there = tx.refund_reasons()
        if any(reason.code == command.code for reason in there):
            raise InvalidInput("There is a refund reason with this code already.", path=("code",))
        if len(there) >= REFUND_REASONS:
            raise InvalidState(f"There are at most {REFUND_REASONS} refund reasons.")
        reason = RefundReason(
            id=RefundReasonId(new_id(REFUND_REASON)),
            code=command.code,
            label=command.label,
            description=command.description,
            created_at=tx.now,
        )
        tx.insert_refund_reason(reason)
        return reason

    return await flow.store.transact(work)


async def update(flow: Flow, command: UpdateRefundReason) -> RefundReason:
    """Change a reason's texts."""

    def work(tx: Transaction) -> RefundReason:
        reason = usable(tx, command.id, path=("id",))
        if command.label is not UNCHANGED:
            reason = replace(reason, label=command.label)
        if command.description is not UNCHANGED:
            reason = replace(reason, description=command.description)
        tx.update_refund_reason(reason)
        return reason

    return await flow.store.transact(work)


async def delete(flow: Flow, id: str) -> None:
    """Remove a reason from the list; existing refunds keep showing it."""

    def work(tx: Transaction) -> None:
        reason = usable(tx, id, path=("id",))
        tx.update_refund_reason(replace(reason, deleted_at=tx.now))

    await flow.store.transact(work)


def usable(tx: Transaction, id: str, *, path: tuple[str, ...]) -> RefundReason:
    """Return a reason of the list; raises NotFound."""
    if is_id(id, REFUND_REASON):
        for reason in tx.refund_reasons():
            if reason.id == id:
                return reason
    raise NotFound("No refund reason has this id.", path=path)
