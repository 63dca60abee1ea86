"""How many statements and transactions a flow sends to the database, counted at the driver by a test build."""

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench import servers
from bench.flows import pay_once, run_flows
from tests.support.program.running import RunningServer

FLOWS = 100
WARM_UP_FLOWS = 5

TELL_SECONDS = 1.2
"""A process of PostgreSQL adds to the statistics at the end of its first transaction after a second; the driver tells
of a statement a moment after it was sent."""

QUIET = {
    "TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600",
    "TILLGRAPH_CHECK_INTERVAL_SECONDS": "0",
}
"""What happens without a request is not a flow's."""

COMMITTED = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True)
class Statements:
    """What one flow costs the database, by count; one client, so that nothing waits or is tried again."""

    statements_a_flow: float
    """BEGIN and COMMIT among them: each is a round trip on PostgreSQL."""
    transactions_a_flow: float
    """By PostgreSQL's own count, where a statement outside of BEGIN and COMMIT is one, too, and so is what a listener
    does when a NOTIFY wakes it; on SQLite, each BEGIN."""
    by_kind: dict[str, float]
    """Statements by their first word."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far a server has come."""

    log_bytes: int
    transactions: int


async def count(kind: str) -> Statements:
    """Count a flow's statements on a database of one of databases.KINDS."""
    with tempfile.TemporaryDirectory(prefix="tillgraph-bench-") as folder:
        path = Path(folder) / "statements"
        settings = {**QUIET, "TILLGRAPH_TEST_STATEMENTS": str(path)}
        with servers.running(kind, settings, is_test_build=True) as server:
            await run_flows(server.port, pay_once, clients=1, flows=WARM_UP_FLOWS)
            first = await _mark(server, path)
            await run_flows(server.port, pay_once, clients=1, flows=FLOWS - 1)
            last = await _mark(server, path)
            lines = path.read_bytes()[first.log_bytes : last.log_bytes].decode().splitlines()
    kinds = Counter(line.partition(" ")[0].strip(";") for line in lines)
    is_on_postgresql = kind == servers.POSTGRESQL
    transactions = last.transactions - first.transactions if is_on_postgresql else kinds["BEGIN"]
    return Statements(
        statements_a_flow=round(len(lines) / FLOWS, 2),
        transactions_a_flow=round(transactions / FLOWS, 2),
        by_kind={word: round(times / FLOWS, 2) for word, times in kinds.most_common()},
    )


async def _mark(server: RunningServer, path: Path) -> _Mark:
    """Run one flow after a pause, which brings in what earlier ones have left untold, and leaves as much of its own."""
    await asyncio.sleep(TELL_SECONDS)
    await run_flows(server.port, pay_once, clients=1, flows=1)
    await asyncio.sleep(TELL_SECONDS)
    return _look(server, path)


def _look(server: RunningServer, path: Path) -> _Mark:
    is_on_postgresql = server.database.startswith(servers.POSTGRESQL)
    ((committed,),) = server.rows(COMMITTED) if is_on_postgresql else [(0,)]
    return _Mark(path.stat().st_size, int(committed))
