"""The server's file: objects, idempotency keys with their answers, and the ledger of its effects."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER, answer BLOB, asked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, intent TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, key TEXT
);
"""

Body = dict[str, Any]


class Store:
    """The file; every change is committed at once."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {SCHEMA}")
        # Requests that used these when the process ended are gone: nothing was done.
        self._file.execute("DELETE FROM keys WHERE status IS NULL")
        (self._count,) = self._file.execute(
            "SELECT COALESCE(MAX(number), 0) FROM objects"
        ).fetchone()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def new_id(self, prefix: str) -> str:
        """Return a new id, such as pi_test00000001."""
        self._count += 1
        return f"{prefix}_test{self._count:08d}"

    def put(self, body: Body) -> Body:
        """Add or change an object."""
        self._file.execute(
            "INSERT INTO objects (id, kind, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (body["id"], body["object"], orjson.dumps(body)),
        )
        return body

    def delete(self, id: str) -> None:
        """Remove an object."""
        self._file.execute("DELETE FROM objects WHERE id = ?", (id,))

    def get(self, id: str, kind: str) -> Body | None:
        """Return an object."""
        found = self._file.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (id, kind)
        ).fetchone()
        return None if found is None else orjson.loads(found[0])

    def each(self, kind: str) -> Iterator[Body]:
        """Return every object of a kind, newest first."""
        for (body,) in self._file.execute(
            "SELECT body FROM objects WHERE kind = ? ORDER BY number DESC", (kind,)
        ):
            yield orjson.loads(body)

    def begin(self, key: str, fingerprint: str) -> tuple[str, int | None, bytes | None] | None:
        """Take a key; return its earlier request and answer, if there are any."""
        found = self._file.execute(
            "SELECT fingerprint, status, answer FROM keys WHERE key = ?", (key,)
        ).fetchone()
        if found is not None:
            self._file.execute("UPDATE keys SET asked = asked + 1 WHERE key = ?", (key,))
            return found[0], found[1], found[2]
        self._file.execute(
            "INSERT INTO keys (key, fingerprint, asked) VALUES (?, ?, 1)", (key, fingerprint)
        )
        return None

    def end(self, key: str, status: int, answer: bytes) -> None:
        """Store the answer of a key."""
        self._file.execute(
            "UPDATE keys SET status = ?, answer = ? WHERE key = ?", (status, answer, key)
        )

    def let_go(self, key: str) -> None:
        """Forget a key: nothing was done with it."""
        self._file.execute("DELETE FROM keys WHERE key = ?", (key,))

    def forget_keys(self) -> None:
        """Forget all keys, as Stripe does after a day."""
        self._file.execute("DELETE FROM keys")

    def note(self, kind: str, intent: Body, amount: int, key: str | None) -> None:
        """Record a movement of money in the ledger."""
        self._file.execute(
            "INSERT INTO ledger (kind, intent, amount, currency, key) VALUES (?, ?, ?, ?, ?)",
            (kind, intent["id"], amount, intent["currency"], key),
        )

    def ledger(self, intent: str | None) -> list[Body]:
        """Return the movements of money, optionally of one intent, oldest first."""
        rows = self._file.execute(
            "SELECT kind, intent, amount, currency, key FROM ledger WHERE intent = ?1 OR ?1 IS NULL"
            " ORDER BY number",
            (intent,),
        )
        names = ("kind", "intent", "amount", "currency", "key")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def keys(self) -> dict[str, int]:
        """Return how often each key was sent."""
        return dict(self._file.execute("SELECT key, asked FROM keys"))


def now() -> int:
    """Return the time as Stripe writes it, in whole seconds."""
    return int(time.time())
