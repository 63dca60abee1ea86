"""Idempotency keys: read before anything else, and bound together with the intent."""

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
from payments.ports.store import Subject
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
    """Return the SHA-256, in hex, of a mutation's name and parsed input, whatever the order of JSON keys."""
    values = [type(command).__name__, canonical(command)]
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def canonical(command: KeyedCommand) -> dict[str, object]:
    """Return a command's values without its key, so that equal meanings have equal texts.

    Absent, null and default values are left out; decimals lose trailing zeros, so that 5, 5.0 and 5.00 are equal.
    """
    values: dict[str, object] = {}
    for field in fields(command):
        value = getattr(command, field.name)
        if field.name == "idempotency_key" or value in (None, {}, field.default):
            continue
        values[field.name] = _shortest(value) if isinstance(value, Decimal) else value
    return values


def _shortest(number: Decimal) -> str:
    """Return all of a number's digits except zeros at the end of its decimals."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def subject(call: Call, command: KeyedCommand, id: str | None) -> Subject:
    """Return what the transaction of a command is about: a thing's id, and the command's key."""
    key = command.idempotency_key
    return Subject(id, None if key is None else (call.caller.owner, key))


def bound_key(tx: Transaction, call: Call, command: KeyedCommand) -> StoredKey | None:
    """Return what a command's key is bound to; raises KeyReused where the input was another one."""
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
    """Lock a command's object, and return what its key is bound to then.

    Read before the lock, a key that the same request is just binding elsewhere would be missing, and this one would be
    refused because of the other's effect. Raises KeyReused before NotFound.
    """
    try:
        locked = lock()
    except NotFound:
        bound_key(tx, call, command)
        raise
    return bound_key(tx, call, command), locked


def bind_key(tx: Transaction, call: Call, command: KeyedCommand, *subject_ids: str) -> None:
    """Bind a command's key, if it has one, to what the command creates or works on."""
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
