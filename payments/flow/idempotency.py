"""Idempotency keys: looked at before anything else, bound together with the intent."""

import hashlib
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import TypeVar

import orjson

from payments.model.commands import (
    AuthorizePaymentSession,
    Call,
    CapturePayment,
    CreateAccountHolder,
    CreatePaymentCollection,
    CreatePaymentSession,
    CreatePaymentSessions,
    MarkPaymentCollectionAsPaid,
    RefundPayment,
    SavePaymentMethod,
    SettleOperation,
)
from payments.model.errors import KeyReused, NotFound
from payments.ports.stored import StoredKey
from payments.ports.transactions import Transaction

KeyedCommand = (
    CreatePaymentCollection
    | CreatePaymentSession
    | CreatePaymentSessions
    | AuthorizePaymentSession
    | CapturePayment
    | RefundPayment
    | SettleOperation
    | CreateAccountHolder
    | SavePaymentMethod
    | MarkPaymentCollectionAsPaid
)

Locked = TypeVar("Locked")


def fingerprint(command: KeyedCommand) -> str:
    """Digest a mutation's name and parsed input: SHA-256 in hex, blind to the order of JSON keys."""
    values = [type(command).__name__, canonical(command)]
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def canonical(command: KeyedCommand) -> dict[str, object]:
    """List a command's values but its key, so that what means the same reads the same.

    What is absent, null or the default is left out; decimals lose trailing zeros, so that 5, 5.0 and 5.00 are one.
    """
    values: dict[str, object] = {}
    for field in fields(command):
        value = getattr(command, field.name)
        if field.name == "idempotency_key" or value in (None, {}, field.default):
            continue
        values[field.name] = _shortest(value) if isinstance(value, Decimal) else value
    return values


def _shortest(number: Decimal) -> str:
    """Write all of a number's digits but the zeros at the end of its decimals."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bound_key(tx: Transaction, call: Call, command: KeyedCommand) -> StoredKey | None:
    """Find what a command's key is bound to; raises KeyReused where that is another input."""
    if command.idempotency_key is None:
        return None
    stored = tx.key(call.caller.owner, command.idempotency_key)
    if stored is not None and stored.fingerprint != fingerprint(command):
        raise KeyReused(
            "This idempotency key came with another mutation or input before; take a new one.",
            path=("idempotencyKey",),
        )
    return stored


def lock_and_read_key(
    tx: Transaction, call: Call, command: KeyedCommand, lock: Callable[[], Locked]
) -> tuple[StoredKey | None, Locked]:
    """Lock what a command is about, and find what its key is bound to then.

    Looked at before the lock, a key that another sending is just binding would not be there, and this one would be
    refused for what the other one has done. Raises KeyReused before NotFound.
    """
    try:
        locked = lock()
    except NotFound:
        bound_key(tx, call, command)
        raise
    return bound_key(tx, call, command), locked


def bind_key(tx: Transaction, call: Call, command: KeyedCommand, *subject_ids: str) -> None:
    """Bind a command's key, where it has one, to what the command makes or works on."""
    if command.idempotency_key is not None:
        tx.bind_key(
            StoredKey(
                call.caller.owner,
                command.idempotency_key,
                fingerprint(command),
                subject_ids,
                tx.now,
            )
        )
