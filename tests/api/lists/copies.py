"""Many collections with all that belongs to them, written past the server: each is a copy of one that the API made."""

from sqlalchemy import String, Table

from db.tables import payments as tables
from tests.support.program.running import RunningServer

COPIED = (
    tables.account_holders,
    tables.payment_methods,
    tables.payment_collections,
    tables.payment_sessions,
    tables.payments,
    tables.operations,
    tables.payment_events,
)
"""Each after what it refers to."""

ULID_CHARACTERS = 26
NUMBER_CHARACTERS = 4
"""Of an id: where they stand, all that was made in the same years has the same ones."""

POSITIONS = 1_000_000
"""Between two copies of an event: far from what comes of itself."""


def copy_everything(server: RunningServer, times: int) -> None:
    """Copy every collection, holder and method so many times, each with ids of its own."""
    ids = [row[0] for table in COPIED for row in server.rows(f"SELECT id FROM {table.name}")]  # noqa: S608
    for table in COPIED:
        names = ", ".join(column.name for column in table.columns)
        values = ", ".join(_values(table, ids))
        server.rows(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"  # noqa: S608
            f" WHERE n < {times}) INSERT INTO {table.name} ({names})"
            f" SELECT {values} FROM {table.name}, numbers"
        )


def _values(table: Table, ids: list[str]) -> list[str]:
    return [_value(column.name, column.type, ids) for column in table.columns]


def _value(name: str, type: object, ids: list[str]) -> str:
    if name == "customer_reference":
        return "customer_reference || '-' || n"
    if name == "position":
        return f"position + n * {POSITIONS}"
    if not isinstance(type, String):
        return name
    value = name
    for id in ids:
        value = f"replace({value}, '{id}', {_numbered(id)})"
    return value


def _numbered(id: str) -> str:
    """Write an id with the copy's number in it, whose four digits begin with 1."""
    begin = len(id) - ULID_CHARACTERS
    head, tail = id[:begin], id[begin + NUMBER_CHARACTERS :]
    return f"'{head}' || (1000 + n) || '{tail}'"
