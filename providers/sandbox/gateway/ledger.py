"""The gateway's own durable ledger, a SQLite file. It is another system's database: its SQL is not the server's."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from payments.model.instants import Instant, after
from providers.sandbox.gateway.rules import Book
from providers.sandbox.gateway.wallet_records import Customer, Saving, saving_from_row
from providers.sandbox.gateway.wire import ENTRY_COLUMNS, Entry, entry_from_row
from providers.settings import ProviderFault

Answer = TypeVar("Answer")

LOCK_SECONDS = 2.0
"""How long a transaction waits for another process's; well within the callers' time limit for the gateway."""

OPENING_TRIES = 20
"""SQLite does not wait when two processes switch a new file to write-ahead logging at the same time."""

OPENING_PAUSE_SECONDS = 0.05

VERSION = 2

SCHEMA = """
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('authorize', 'capture', 'refund', 'cancel')),
    session TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 1),
    status TEXT NOT NULL CHECK (status IN ('approved', 'declined', 'pending', 'challenged')),
    moved_minor INTEGER NOT NULL CHECK (moved_minor >= 0),
    held_minor INTEGER NOT NULL CHECK (held_minor >= 0),
    released_minor INTEGER NOT NULL CHECK (released_minor >= 0),
    failure TEXT,
    decline_code TEXT,
    is_captured INTEGER NOT NULL,
    capture_before INTEGER,
    token TEXT,
    challenge_key TEXT,
    return_url TEXT,
    closes_session INTEGER NOT NULL,
    releases_rest INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    asked INTEGER NOT NULL CHECK (asked >= 1),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_of_session ON entries (session, number);
CREATE TABLE reports (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    delivered_at INTEGER
) STRICT;
CREATE INDEX reports_due ON reports (session, number) WHERE due_at IS NOT NULL;
"""
"""A report with due_at NULL is delivered or given up."""

CUSTOMERS_SCHEMA = """
CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    email TEXT,
    name TEXT
) STRICT;
CREATE TABLE savings (
    key TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    token TEXT,
    status TEXT NOT NULL CHECK (status IN ('approved', 'declined', 'challenged')),
    failure TEXT,
    decline_code TEXT,
    challenge_key TEXT
) STRICT;
CREATE INDEX savings_of_customer ON savings (customer);
"""
"""Since version 2. A payment method is an approved saving, identified by its key."""

SCHEMAS = (SCHEMA, CUSTOMERS_SCHEMA)
"""The statements that each version added."""

_COLUMNS = ", ".join(ENTRY_COLUMNS)
SELECT = f"SELECT {_COLUMNS} FROM entries"  # noqa: S608 - the names of our own columns
INSERT = (
    f"INSERT INTO entries ({_COLUMNS})"  # noqa: S608 - likewise
    f" VALUES ({', '.join(':' + name for name in ENTRY_COLUMNS)})"
)
UPDATE = (
    f"UPDATE entries SET {', '.join(f'{name} = :{name}' for name in ENTRY_COLUMNS)}"  # noqa: S608
    " WHERE key = :key"
)

PAGE = (
    f"SELECT number, {_COLUMNS} FROM entries"  # noqa: S608 - likewise
    " WHERE number > ? AND created_at >= ? ORDER BY number LIMIT ?"
)

_SAVING = tuple(one.name for one in fields(Saving))
PUT_SAVING = (
    f"INSERT OR REPLACE INTO savings ({', '.join(_SAVING)})"  # noqa: S608 - likewise
    f" VALUES ({', '.join(':' + name for name in _SAVING)})"
)

IS_OLDEST = """
NOT EXISTS (
    SELECT 1 FROM reports AS older
    WHERE older.session = report.session AND older.number < report.number
    AND older.due_at IS NOT NULL
)
"""
"""The oldest report of each session goes first, so that they arrive in order."""

DUE_REPORT = (
    "SELECT id, body, attempts FROM reports AS report"  # noqa: S608 - a constant of ours
    f" WHERE due_at <= ? AND {IS_OLDEST} ORDER BY number LIMIT 1"
)
NEXT_REPORT = f"SELECT min(due_at) FROM reports AS report WHERE {IS_OLDEST}"  # noqa: S608 - likewise


class LedgerBusy(Exception):
    """An error: another process holds the ledger, and nothing was done."""


class LedgerUnusable(ProviderFault):
    """An error: the ledger's file can't be used; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report to be sent to the server."""

    id: str
    body: bytes
    attempts: int
    """Attempts before this one."""


class LedgerTransaction:
    """An open transaction of the ledger; used in the ledger's thread alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def entry(self, key: str) -> Entry | None:
        """Return a key's effect."""
        row = self._connection.execute(f"{SELECT} WHERE key = ?", (key,)).fetchone()
        return entry_from_row(row) if row is not None else None

    def book(self, session: str) -> Book:
        """Return everything that a session has."""
        rows = self._connection.execute(f"{SELECT} WHERE session = ? ORDER BY number", (session,))
        return Book([entry_from_row(row) for row in rows])

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first."""
        rows = self._connection.execute(f"{SELECT} ORDER BY number")
        return [entry_from_row(row) for row in rows]

    def page(self, *, since: Instant, behind: int, limit: int) -> list[tuple[int, Entry]]:
        """Return the entries created since an instant, after a number, each with its number, oldest first."""
        rows = self._connection.execute(PAGE, (behind, since, limit))
        return [(row["number"], entry_from_row(_without_number(row))) for row in rows]

    def insert(self, entry: Entry) -> None:
        """Add an entry."""
        self._connection.execute(INSERT, entry.to_row())

    def update(self, entry: Entry) -> None:
        """Change an entry."""
        self._connection.execute(UPDATE, entry.to_row())

    def put_customer(self, customer: Customer) -> None:
        """Add a customer, or update an existing one."""
        self._connection.execute(
            "INSERT INTO customers (id, reference, email, name) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name",
            (customer.id, customer.reference, customer.email, customer.name),
        )

    def customer(self, id: str) -> Customer | None:
        """Return a customer."""
        row = self._connection.execute("SELECT * FROM customers WHERE id = ?", (id,)).fetchone()
        return None if row is None else Customer(**row)

    def delete_customer(self, id: str) -> None:
        """Delete a customer with their saved payment methods."""
        self._connection.execute("DELETE FROM savings WHERE customer = ?", (id,))
        self._connection.execute("DELETE FROM customers WHERE id = ?", (id,))

    def saving(self, key: str) -> Saving | None:
        """Return a saving."""
        row = self._connection.execute("SELECT * FROM savings WHERE key = ?", (key,)).fetchone()
        return None if row is None else saving_from_row(row)

    def put_saving(self, saving: Saving) -> None:
        """Add a saving, or update it."""
        self._connection.execute(PUT_SAVING, saving.to_row())

    def delete_saving(self, key: str) -> None:
        """Delete a payment method."""
        self._connection.execute("DELETE FROM savings WHERE key = ?", (key,))

    def insert_report(self, id: str, session: str, body: bytes, now: Instant) -> None:
        """Add a report, due at once."""
        self._connection.execute(
            "INSERT INTO reports (id, session, body, due_at) VALUES (?, ?, ?, ?)",
            (id, session, body, now),
        )

    def claim_report(self, now: Instant, *, lease_seconds: float) -> StoredReport | None:
        """Take the oldest due report; should this process die, it is due again after the lease."""
        row = self._connection.execute(DUE_REPORT, (now,)).fetchone()
        if row is None:
            return None
        self._connection.execute(
            "UPDATE reports SET attempts = attempts + 1, due_at = ? WHERE id = ?",
            (after(now, lease_seconds), row["id"]),
        )
        return StoredReport(row["id"], row["body"], row["attempts"])

    def next_report_at(self) -> Instant | None:
        """Return when the next report is due."""
        return self._connection.execute(NEXT_REPORT).fetchone()[0]  # type: ignore[no-any-return]  # an integer column

    def end_report(self, id: str, delivered_at: Instant | None) -> None:
        """Mark a report as delivered, or given up."""
        self._connection.execute(
            "UPDATE reports SET due_at = NULL, delivered_at = ? WHERE id = ?", (delivered_at, id)
        )

    def postpone_report(self, id: str, due_at: Instant) -> None:
        """Postpone a report that was not accepted."""
        self._connection.execute("UPDATE reports SET due_at = ? WHERE id = ?", (due_at, id))


def _without_number(row: sqlite3.Row) -> dict[str, object]:
    return {name: row[name] for name in ENTRY_COLUMNS}


class Ledger:
    """The ledger: transactions run one after the other, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-ledger")
        self._connection: sqlite3.Connection | None = None

    async def transact(self, work: Callable[[LedgerTransaction], Answer]) -> Answer:
        """Run a function in one transaction and commit; what it raises rolls back. Raises LedgerBusy."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, "BEGIN IMMEDIATE", work)

    async def read(self, work: Callable[[LedgerTransaction], Answer]) -> Answer:
        """Run a read-only function. Raises LedgerBusy."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, "BEGIN", work)

    async def close(self) -> None:
        """Finish the current transaction and close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _run(self, begin: str, work: Callable[[LedgerTransaction], Answer]) -> Answer:
        connection = self._opened()
        _begin(connection, begin)
        try:
            answer = work(LedgerTransaction(connection))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return answer

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _usable(self._path)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        for _ in range(OPENING_TRIES - 1):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:
                time.sleep(OPENING_PAUSE_SECONDS)  # In the ledger's thread: the event loop goes on.
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk before the gateway answers, as at a real one.
        connection.execute("PRAGMA synchronous = FULL")
        _create_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _usable(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.Error as error:
        raise LedgerUnusable(f"The sandbox's ledger {path} can't be used: {error}.") from error


def _create_tables(connection: sqlite3.Connection) -> None:
    _begin(connection, "BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise LedgerUnusable(f"The sandbox's ledger is of version {version}, not {VERSION}.")
        for added in SCHEMAS[version:]:
            for statement in added.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection, how: str) -> None:
    try:
        connection.execute(how)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LedgerBusy("The ledger is busy.") from None
        raise
