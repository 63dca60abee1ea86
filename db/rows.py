"""The mapping between records and rows: one for each table, with the columns in the table's own order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Table

from db.tables import payments as tables
from payments.model.account_holders import AccountHolder, MethodSetup, PaymentMethod
from payments.model.copies import maker_of
from payments.model.entities import (
    Dispute,
    Event,
    Operation,
    Payment,
    PaymentCollection,
    PaymentSession,
    RefundReason,
)
from payments.model.failures import FailureCode
from payments.model.instants import Instant
from payments.model.outcomes import (
    ConfirmWithSdk,
    CustomerAction,
    DisplayInstructions,
    PaidWith,
    RedirectToUrl,
)
from payments.model.statuses import (
    CancellationReason,
    CollectionStatus,
    DisputeStatus,
    EventSource,
    EventType,
    OperationKind,
    OperationStatus,
    PaymentStatus,
    SessionStatus,
)
from payments.ports.stored import StoredKey

Thing = TypeVar("Thing")
Converter = Callable[[Any], Any]

ACTIONS = {
    action.__name__: action for action in (RedirectToUrl, ConfirmWithSdk, DisplayInstructions)
}


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def _action_text(action: CustomerAction) -> str:
    return _json_text({"type": type(action).__name__, **asdict(action)})


def _action(value: str) -> CustomerAction:
    values = orjson.loads(value)
    return ACTIONS[values.pop("type")](**values)


def _paid_with(value: str) -> PaidWith:
    return PaidWith(**orjson.loads(value))


def enum_of(kind: type[Enum]) -> tuple[Converter, Converter]:
    """Return a column type that keeps an enum's members as their values."""
    return (lambda member: member.value), {member.value: member for member in kind}.__getitem__


JSON: tuple[Converter, Converter] = (_json_text, orjson.loads)
LIST: tuple[Converter, Converter] = (_json_text, lambda value: tuple(orjson.loads(value)))
ACTION: tuple[Converter, Converter] = (_action_text, _action)
PAID_WITH: tuple[Converter, Converter] = (lambda value: _json_text(asdict(value)), _paid_with)
FLAG: tuple[Converter, Converter] = (bool, bool)


class RowMap(Generic[Thing]):
    """The mapping of one kind of record. Column and field have the same name, except for those in `renamed`."""

    def __init__(
        self,
        kind: type[Thing],
        table: Table,
        converters: dict[str, tuple[Converter, Converter]],
        *,
        joined: tuple[str, ...] = (),
        renamed: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.columns = tuple(column.name for column in table.columns)
        names = (*self.columns, *joined)
        self._fields = tuple(renamed.get(name, name) for name in names)
        self._read = attrgetter(*self._fields[: len(self.columns)])
        self._make = maker_of(kind, self._fields)
        self._to_row = [(name, converters[name][0]) for name in self.columns if name in converters]
        self._from_row = [
            (index, converters[name][1]) for index, name in enumerate(names) if name in converters
        ]

    def values(self, thing: Thing) -> dict[str, Any]:
        """Return a record's values by column name."""
        values = dict(zip(self.columns, self._read(thing), strict=True))
        for name, convert in self._to_row:
            if values[name] is not None:
                values[name] = convert(values[name])
        return values

    def record(self, row: Sequence[Any]) -> Thing:
        """Return the record in a row that has the table's columns, in order, and then the joined ones."""
        values = list(row)
        for index, convert in self._from_row:
            if values[index] is not None:
                values[index] = convert(values[index])
        return self._make(values)


COLLECTIONS = RowMap(
    PaymentCollection,
    tables.payment_collections,
    {
        "status": enum_of(CollectionStatus),
        "allows_split_payment": FLAG,
        "claims_reference": FLAG,
        "account_holder_ids": LIST,
        "metadata": JSON,
    },
)

SESSIONS = RowMap(
    PaymentSession,
    tables.payment_sessions,
    {
        "status": enum_of(SessionStatus),
        "data": JSON,
        "client_data": JSON,
        "metadata": JSON,
        "opening_action": ACTION,
        "opening_status": enum_of(OperationStatus),
        "attempt_status": enum_of(OperationStatus),
    },
    joined=("opening_status", "attempt_status"),
)

PAYMENTS = RowMap(
    Payment,
    tables.payments,
    {
        "status": enum_of(PaymentStatus),
        "is_mismatched": FLAG,
        "has_refunds_blocked": FLAG,
        "paid_with": PAID_WITH,
        "record": JSON,
        "metadata": JSON,
        "cancellation_reason": enum_of(CancellationReason),
    },
    renamed={"record": "provider_record"},
)

OPERATIONS = RowMap(
    Operation,
    tables.operations,
    {
        "kind": enum_of(OperationKind),
        "status": enum_of(OperationStatus),
        "releases_rest": FLAG,
        "reason": enum_of(CancellationReason),
        "data": JSON,
        "action": ACTION,
        "failure_code": enum_of(FailureCode),
        "source": enum_of(EventSource),
        "metadata": JSON,
    },
    renamed={"holder": "leased_by"},
)

HOLDERS = RowMap(AccountHolder, tables.account_holders, {"metadata": JSON})

METHODS = RowMap(PaymentMethod, tables.payment_methods, {"details": PAID_WITH})

SETUPS = RowMap(
    MethodSetup,
    tables.method_setups,
    {"data": JSON, "failure_code": enum_of(FailureCode)},
)

REASONS = RowMap(RefundReason, tables.refund_reasons, {})

DISPUTES = RowMap(
    Dispute,
    tables.disputes,
    {"status": enum_of(DisputeStatus), "takes_money": FLAG, "blocks_refunds": FLAG},
)

EVENTS = RowMap(
    Event,
    tables.payment_events,
    {
        "type": enum_of(EventType),
        "source": enum_of(EventSource),
        "failure_code": enum_of(FailureCode),
        "collection_status": enum_of(CollectionStatus),
        "session_status": enum_of(SessionStatus),
        "payment_status": enum_of(PaymentStatus),
    },
)

EVENT_COLUMNS = [tables.payment_events.c[name] for name in EVENTS.columns]


def key_of(row: Sequence[Any]) -> StoredKey:
    """Return the idempotency key in a row."""
    owner, key, fingerprint, _, subject_ids, created_at = row
    return StoredKey(owner, key, fingerprint, tuple(orjson.loads(subject_ids)), Instant(created_at))


def values_of_key(stored: StoredKey) -> dict[str, Any]:
    """Return the row of an idempotency key."""
    return {
        "owner": stored.owner,
        "key": stored.key,
        "fingerprint": stored.fingerprint,
        "subject_id": stored.subject_ids[0],
        "subject_ids": orjson.dumps(stored.subject_ids).decode(),
        "created_at": stored.created_at,
    }
