"""Idempotency keys: looked at before anything else, bound together with the intent."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import orjson

from payments.commands import Call, KeyedCommand, canonical
from payments.errors import KeyReused, NotFound
from payments.store_ports import Transaction
from payments.stored import StoredKey

Locked = TypeVar("Locked")


def fingerprint(command: KeyedCommand) -> str:
    """Digest a mutation's name and parsed input: SHA-256 in hex, blind to the order of JSON keys."""
    values = [type(command).__name__, canonical(command)]
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


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


def behind_lock(
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
