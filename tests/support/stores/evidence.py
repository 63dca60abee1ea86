"""The durable evidence of a server: its database, and the gateway's own ledger."""

from pathlib import Path

from tests.support.program.running import SQLITE, RunningServer
from tests.support.stores import databases

TABLES = (
    "payment_collections",
    "payment_sessions",
    "payments",
    "operations",
    "idempotency_keys",
    "disputes",
    "refund_reasons",
    "account_holders",
    "payment_methods",
    "method_setups",
    "payment_events",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_lanes",
    "provider_reports",
    "disabled_providers",
    "gateway_accounts",
    "rate_counts",
)


Evidence = tuple[object, int]
"""The state of the database and of the ledger; if two are equal, nothing happened in between."""

EVERY_ROW = " UNION ALL ".join(
    f"SELECT '{table}' AS origin, {table}::text AS kept FROM {table}"  # noqa: S608
    for table in TABLES
)


def written_in(server: RunningServer) -> str:
    """Return every row and every effect at the gateway, as one text to search."""
    statements = [f"SELECT * FROM {table}" for table in TABLES]  # noqa: S608
    return repr((databases.rows_of_each(server.database, statements), server.ledger()))


def evidence_of(server: RunningServer) -> Evidence:
    """Return the state of everything: on SQLite whether anybody has committed, on PostgreSQL every row."""
    own = server.folder / "tillgraph-sandbox.db"
    ledger = databases.version(Path(server.environment.get("TILLGRAPH_SANDBOX_DATABASE", own)))
    if server.database.startswith(SQLITE):
        return databases.version(server.folder / "tillgraph.db"), ledger
    return frozenset(server.rows(EVERY_ROW)), ledger
