"""What a server has to show for itself: every row of its database, and the gateway's own ledger."""

from tests.support import databases
from tests.support.running import RunningServer

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
    "rate_counts",
)


Evidence = frozenset[str]
"""All that there is, a line each; two that are equal mean that nothing happened in between."""


def evidence_of(server: RunningServer) -> Evidence:
    """Read everything."""
    statements = [f"SELECT * FROM {table}" for table in TABLES]  # noqa: S608
    read = databases.rows_of_each(server.database, statements)
    written = {f"{table}: {row}" for table, rows in zip(TABLES, read, strict=True) for row in rows}
    return frozenset(written | {f"ledger: {entry}" for entry in server.ledger()})
