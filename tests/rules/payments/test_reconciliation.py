"""Our sums beside a provider's, each in its own currency."""

import pytest

from payments.model.entities import Payment, PaymentSession
from payments.model.ids import CollectionId, PaymentId, ProviderId, SessionId
from payments.model.instants import Instant
from payments.model.money import Money
from payments.model.outcomes import Authorized, Effect, Moved
from payments.model.statuses import OperationKind
from payments.recovery.reconciliation import differences

pytestmark = pytest.mark.once

SESSION = PaymentSession(
    id=SessionId("payses_1"),
    collection_id=CollectionId("pay_col_1"),
    provider_id=ProviderId("stripe"),
    currency="USD",
    amount_minor=10_000,
    created_at=Instant(0),
    updated_at=Instant(0),
)


def payment(amount_minor: int, captured_minor: int = 0) -> Payment:
    """Make the session's payment."""
    return Payment(
        id=PaymentId("pay_1"),
        collection_id=SESSION.collection_id,
        session_id=SESSION.id,
        provider_id=SESSION.provider_id,
        currency="USD",
        amount_minor=amount_minor,
        captured_minor=captured_minor,
        created_at=Instant(0),
        updated_at=Instant(0),
    )


def effects(currency: str) -> list[Effect]:
    """Make an authorization, and a capture of a part."""
    whole, part = Money(10_000, currency), Money(6_000, currency)
    return [
        Effect("auth", False, OperationKind.AUTHORIZE, SESSION.id, whole, Authorized(whole)),
        Effect("capt", False, OperationKind.CAPTURE, SESSION.id, part, Moved(part)),
    ]


def test_what_agrees() -> None:
    """Equal sums in the same currency are no difference."""
    assert differences(SESSION, payment(10_000, 6_000), effects("USD")) == []


def test_as_many_units_of_another_currency() -> None:
    """10,000 yen are not 100.00 dollars: each currency has a line of its own."""
    found = differences(SESSION, payment(10_000, 6_000), effects("JPY"))
    assert {(one.what, str(one.here), one.here.currency, str(one.there)) for one in found} == {
        ("authorized", "100.00", "USD", "0.00"),
        ("captured", "60.00", "USD", "0.00"),
        ("authorized", "0", "JPY", "10000"),
        ("captured", "0", "JPY", "6000"),
    }


def test_a_payment_of_nothing() -> None:
    """An amount in another currency at the provider is a difference of a payment of nothing."""
    found = differences(SESSION, payment(0), effects("JPY")[:1])
    assert [str(one) for one in found] == [
        "pay_1: authorized 0 JPY here, 10000 JPY at the provider ()"
    ]
