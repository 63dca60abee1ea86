"""The inputs that count as the same under an idempotency key, as tables of the function that compares."""

from dataclasses import MISSING, fields
from decimal import Decimal
from typing import get_args

import pytest

from payments.flow.idempotency import KeyedCommand, fingerprint
from payments.model.commands import CapturePayment, RefundPayment, SettledOutcome
from payments.model.outcomes import JsonObject

pytestmark = pytest.mark.once

PAIRS: dict[str, tuple[object, object]] = {
    "account_holder_id": ("acchld_1", "acchld_2"),
    "account_holder_ids": (("acchld_1", "acchld_2"), ("acchld_2", "acchld_1")),
    "allows_split_payment": (True, False),
    "amount": (Decimal("40.00"), Decimal("40.01")),
    "collection_id": ("pay_col_1", "pay_col_2"),
    "created_by": ("ann", "Ann"),
    "currency": ("USD", "EUR"),
    "customer_reference": ("customer 7", "customer 8"),
    "data": ({"token": "approve"}, {"token": "decline"}),
    "email": ("ada@shop.test", "ann@shop.test"),
    "evidence": ("line 14", "line 15"),
    "id": ("payses_1", "payses_2"),
    "is_final": (True, False),
    "metadata": ({"a": 1}, {"a": 2}),
    "name": ("Ada", "Ann"),
    "note": ("broken", "late"),
    "outcome": (SettledOutcome.SUCCEEDED, SettledOutcome.DECLINED),
    "payment_id": ("pay_1", "pay_2"),
    "payment_method_id": ("paymtd_1", "paymtd_2"),
    "provider_id": ("sandbox", "system"),
    "provider_ids": (("sandbox", "system"), ("system", "sandbox")),
    "reason_id": ("refrsn_1", "refrsn_2"),
    "reference": ("cart 7", "cart 8"),
    "region_id": ("eu", "us"),
    "return_url": ("http://shop.test/a", "http://shop.test/b"),
    "setup_id": ("setup_1", "setup_2"),
}
"""Two values of each field that any of these commands has."""

KEY = "idempotency_key"
COMMANDS = get_args(KeyedCommand)
FIELDS = [(kind, one.name) for kind in COMMANDS for one in fields(kind) if one.name != KEY]


def filled(kind: type[KeyedCommand], **more: object) -> KeyedCommand:
    """Make a command that says something in every field."""
    values = {one.name: PAIRS[one.name][0] for one in fields(kind) if one.name != KEY}
    return kind(**{KEY: "a key", **values, **more})  # type: ignore[arg-type]  # the table holds what fits


def fingerprint_of(**values: object) -> str:
    """Return the fingerprint of a capture."""
    return fingerprint(CapturePayment(payment_id="pay_1", idempotency_key="a key", **values))  # type: ignore[arg-type]  # the same


def test_every_command_is_another() -> None:
    """No two mutations have one fingerprint, and a key is no part of it."""
    assert len({fingerprint(filled(kind)) for kind in COMMANDS}) == len(COMMANDS) == 10
    for kind in COMMANDS:
        assert fingerprint(filled(kind)) == fingerprint(filled(kind, idempotency_key="another key"))


def test_inputs_that_read_the_same_in_two_mutations() -> None:
    """A capture and a refund of the same amount of the same payment are two."""
    inputs = {"payment_id": "pay_1", "amount": Decimal(40), "idempotency_key": "a key"}
    one, other = CapturePayment(**inputs), RefundPayment(**inputs)  # type: ignore[arg-type]  # the same
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{k.__name__}-{n}" for k, n in FIELDS])
def test_every_field_counts(kind: type[KeyedCommand], name: str) -> None:
    """Another value makes another input, and so does none where the field may be left out."""
    found = fingerprint(filled(kind))
    first, second = PAIRS[name]
    assert fingerprint(filled(kind, **{name: first})) == found
    assert fingerprint(filled(kind, **{name: second})) != found
    (default,) = [one.default for one in fields(kind) if one.name == name]
    if default is not MISSING:
        assert fingerprint(filled(kind, **{name: default})) != found


def test_an_absent_amount_stays_absent() -> None:
    """All is another input than the amount that all was."""
    assert fingerprint_of() != fingerprint_of(amount=Decimal("100.00"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("5", "5.0"), ("5", "5.00"), ("5.10", "5.1"), ("100", "100.0"), ("0.50", "0.5")],
)
def test_amounts_that_are_one(one: str, other: str) -> None:
    """Zeros at the end of an amount's decimals make no other amount."""
    assert fingerprint_of(amount=Decimal(one)) == fingerprint_of(amount=Decimal(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("5", "50"), ("100", "1"), ("5.01", "5.1"), ("5.00", f"5.{'0' * 30}1"), ("5", "-5")],
)
def test_amounts_that_are_two(one: str, other: str) -> None:
    """Every digit counts, after the thirtieth too."""
    assert fingerprint_of(amount=Decimal(one)) != fingerprint_of(amount=Decimal(other))


def test_json_is_compared_without_key_order() -> None:
    """Keys in another order, at every level, are the same input; empty metadata is none."""
    one: JsonObject = {"a": 1, "b": {"c": [1, 2], "d": None}}
    other: JsonObject = {"b": {"d": None, "c": [1, 2]}, "a": 1}
    assert fingerprint_of(metadata=one) == fingerprint_of(metadata=other)
    assert fingerprint_of(metadata={}) == fingerprint_of(metadata=None) == fingerprint_of()


@pytest.mark.parametrize(
    "other", [{"a": [2, 1]}, {"a": [1]}, {"a": [1, 2], "b": 1}, {"a": "1"}, {"a": None}]
)
def test_other_json_is_another_input(other: JsonObject) -> None:
    """The order of a list, a further key and another type make another input."""
    assert fingerprint_of(metadata={"a": [1, 2]}) != fingerprint_of(metadata=other)
