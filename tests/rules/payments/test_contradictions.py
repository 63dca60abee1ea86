"""The only answer that contradicts a final outcome: the provider did what is declined here."""

import pytest

from payments.flow.recording import contradicts
from payments.model.entities import Operation
from payments.model.ids import CollectionId, OperationId, ProviderId, SessionId
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import Authorized, Declined, Moved, Outcome, Processing
from payments.model.statuses import OperationKind, OperationStatus

pytestmark = pytest.mark.once

AMOUNT = Money(10_000, "USD")
MOVED, AUTHORIZED = Moved(AMOUNT), Authorized(AMOUNT)
K = OperationKind


def operation(kind: OperationKind, status: OperationStatus) -> Operation:
    """Make an operation of a kind that stands at a status."""
    return Operation(
        id=OperationId("cncl_1"),
        kind=kind,
        status=status,
        collection_id=CollectionId("pay_col_1"),
        session_id=SessionId("payses_1"),
        provider_id=ProviderId("stripe"),
        currency=AMOUNT.currency,
        amount_minor=AMOUNT.minor,
        request_id="req_1",
        created_at=Instant(1),
        updated_at=Instant(1),
    )


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [
        (K.AUTHORIZE, AUTHORIZED, True),
        (K.CAPTURE, MOVED, True),
        (K.REFUND, MOVED, True),
        (K.CANCEL, MOVED, True),
        # A session that was paid instead of closed: the closing is declined for that very reason.
        (K.CANCEL, AUTHORIZED, False),
        (K.CAPTURE, Processing("pi_1"), False),
        (K.REFUND, Declined("charge_disputed"), False),
    ],
)
def test_what_contradicts_a_decline(kind: OperationKind, outcome: Outcome, expected: bool) -> None:
    """The word that it was done, in the words that its kind has."""
    assert contradicts(operation(kind, OperationStatus.DECLINED), outcome) is expected
    assert not contradicts(operation(kind, OperationStatus.SUCCEEDED), outcome)
