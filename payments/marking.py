"""Settling what is outstanding outside of any gateway: in cash, by a bank transfer, on account."""

from payments import authorizing, checks, movements, sessions
from payments.change import Change
from payments.commands import Call, CapturePayment, MarkPaymentCollectionAsPaid
from payments.errors import InvalidState
from payments.flow import Flow
from payments.ids import ProviderId
from payments.keys import behind_lock, bind_key
from payments.records import Snapshot
from payments.store_ports import Transaction

SYSTEM = ProviderId("system")
"""Decides within the transaction: nobody is asked."""


async def mark_as_paid(flow: Flow, call: Call, command: MarkPaymentCollectionAsPaid) -> Snapshot:
    """Write a payment of all that is outstanding, authorized and captured, in one transaction."""

    def work(tx: Transaction) -> Snapshot:
        stored, change = behind_lock(
            tx, call, command, lambda: checks.locked_collection(tx, call, command.id)
        )
        if stored is not None:
            return change.snapshot()
        _may_be_marked(change)
        provider = checks.usable_provider(flow, change, call, SYSTEM, path=None)
        session = sessions.new_session(change, provider, change.collection.outstanding_minor)
        id = sessions.add(flow, change, call, session)
        authorizing.authorize_at_once(flow, change, call, change.sessions[id])
        payment = change.payment_of(change.sessions[id])
        assert payment is not None, "the system provider decides at once"
        capture = CapturePayment(
            payment_id=payment.id,
            created_by=command.created_by,
            idempotency_key=command.idempotency_key,
        )
        movements.capture_at_once(flow, change, call, capture, payment)
        bind_key(tx, call, command, change.collection.id)
        return change.finish()

    return await flow.change("prepare", call.request_id, work)


def _may_be_marked(change: Change) -> None:
    sessions.may_open(change)
    if any(session.is_in_flight for session in change.sessions.values()):
        raise InvalidState(
            "An authorization is in flight; its outcome decides what is left to pay."
        )
