"""The same rules in currencies without decimals (JPY) and with three (KWD)."""

from dataclasses import dataclass

import pytest

from tests.support.flow.looking import amounts_of, effect_facts, sums_of, unmoved
from tests.support.flow.shop import authorize, capture, open_collection, open_session, pay, refund
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Currency:
    """A currency with the amounts that the tests use, each as the server writes it."""

    code: str
    whole: str
    part: str
    rest: str
    unit: str
    above: str
    too_fine: str
    zero: str


CURRENCIES = [
    Currency("JPY", "1000", "300", "700", "1", "1001", "1.5", "0"),
    Currency("KWD", "10.000", "3.125", "6.875", "0.001", "10.001", "1.0005", "0.000"),
]
EACH = pytest.mark.parametrize("currency", CURRENCIES, ids=lambda currency: currency.code)


@pytest.mark.both
@EACH
def test_a_capture_and_a_refund_in_parts(server: RunningServer, currency: Currency) -> None:
    """Parts add up to the unit, and every amount has the currency's own number of decimals."""
    one = currency
    payment = pay(server, one.whole, currency=one.code)
    id, session = payment["id"], payment["paymentSession"]["id"]
    capture(server, id, amount=one.part)
    expected = ("PARTIALLY_CAPTURED", one.part, one.zero, one.zero, one.rest, one.part)
    assert amounts_of(server, id) == expected
    capture(server, id)
    refund(server, id, amount=one.rest)
    expected = ("PARTIALLY_REFUNDED", one.whole, one.rest, one.zero, one.zero, one.part)
    assert amounts_of(server, id) == expected
    assert effect_facts(server, session) == [
        ("authorize", one.whole, "approved", one.whole),
        ("capture", one.part, "approved", one.part),
        ("capture", one.rest, "approved", one.rest),
        ("refund", one.rest, "approved", one.rest),
    ]


@EACH
def test_a_unit_too_much(server: RunningServer, currency: Currency) -> None:
    """One smallest unit more is refused, with the maximum in the currency's own decimals."""
    payment = pay(server, currency.whole, currency=currency.code)
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = capture(server, payment["id"], amount=currency.above)
    assert (answer["code"], answer["maximumAmount"]) == ("AMOUNT_TOO_LARGE", currency.whole)


@EACH
def test_the_smallest_unit(server: RunningServer, currency: Currency) -> None:
    """The smallest unit can be paid and captured."""
    payment = pay(server, currency.unit, currency=currency.code)
    captured = capture(server, payment["id"])
    assert (captured["status"], captured["capturedAmount"]) == ("CAPTURED", currency.unit)


@EACH
def test_too_many_decimals(server: RunningServer, currency: Currency) -> None:
    """An amount finer than the currency's smallest unit is INVALID_INPUT, and is not rounded."""
    payment = pay(server, currency.whole, currency=currency.code)
    with unmoved(server, payment["paymentCollection"]["id"]):
        answer = capture(server, payment["id"], amount=currency.too_fine)
    assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["amount"])


@EACH
def test_a_collection_is_not_lowered_too_far(server: RunningServer, currency: Currency) -> None:
    """The minimum of a collection's amount has the currency's own decimals."""
    collection = open_collection(server, currency.whole, currency.code)["id"]
    authorize(server, open_session(server, collection, amount=currency.part)["id"])
    values = {"id": collection, "amount": currency.unit}
    with unmoved(server, collection):
        answer = server.change("updatePaymentCollection", values)
    assert (answer["code"], answer["minimumAmount"]) == ("AMOUNT_TOO_SMALL", currency.part)
    assert sums_of(server, collection) == (
        currency.part,
        currency.zero,
        currency.zero,
        currency.rest,
    )


@EACH
def test_a_final_capture(server: RunningServer, currency: Currency) -> None:
    """The remainder after a final capture is released exactly, to the minor unit."""
    payment = pay(server, currency.whole, currency=currency.code)
    capture(server, payment["id"], amount=currency.part, isFinal=True)
    expected = (
        "CAPTURED",
        currency.part,
        currency.zero,
        currency.rest,
        currency.zero,
        currency.part,
    )
    assert amounts_of(server, payment["id"]) == expected
