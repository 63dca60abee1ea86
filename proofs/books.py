"""Counts of the differences between a database and its gateway's ledger; assert_books_agree stops at the first."""

from collections import Counter
from decimal import Decimal

from tests.conftest import CHECKED
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import OPERATIONS, SUMS, open_operations

KINDS = ("authorize", "capture", "refund", "cancel")

GAPS = (
    "SELECT collection_id FROM payment_events GROUP BY collection_id"
    " HAVING min(sequence) <> 1 OR max(sequence) <> count(*)"
)

NONE_OF = frozenset(
    {
        "effects_without_intent",
        "sums_that_differ",
        "unfinished_operations",
        "gaps_in_the_log",
        "broken_invariants",
    }
)


def compare(server: RunningServer) -> dict[str, int]:
    """Count the gateway's effects and every way in which they differ from the database."""
    ledger = server.ledger()
    asked = {row[0]: tuple(row[1:4]) for row in server.rows(OPERATIONS)}
    moved = Counter[tuple[str, str]]()
    for entry in ledger:
        moved[entry["session"], entry["kind"]] += minor(entry["moved"])
    ours = Counter[tuple[str, str]]()
    for session_id, *amounts in server.rows(SUMS):
        ours.update(
            {(session_id, kind): amount for kind, amount in zip(KINDS, amounts, strict=True)}
        )
    return {
        "effects": sum(1 for entry in ledger if minor(entry["moved"])),
        "effects_without_intent": sum(1 for one in ledger if asked.get(one["key"]) != _ask(one)),
        "sums_that_differ": sum(1 for key in {*moved, *ours} if moved[key] != ours[key]),
        "unfinished_operations": len(open_operations(server)),
        "gaps_in_the_log": len(server.rows(GAPS)),
        "broken_invariants": _broken_invariants(server),
    }


def minor(amount: str) -> int:
    """Return an amount in US dollars as cents."""
    return int(Decimal(amount) * 100)


def _ask(entry: Json) -> tuple[str, str, int]:
    return entry["kind"], entry["currency"], minor(entry["amount"])


def _broken_invariants(server: RunningServer) -> int:
    found = server.check()
    return 0 if found == CHECKED else max(1, len(found[1].splitlines()))
