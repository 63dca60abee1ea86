"""Servers on PostgreSQL, whatever the other tests run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import QUICK_RECOVERY
from tests.support import databases
from tests.support.running import URL, RunningServer


@pytest.fixture(scope="package")
def database() -> Iterator[str]:
    """Give the address of a database that the servers of this folder share."""
    address = databases.create_database()
    yield address
    databases.drop_database(address)


@pytest.fixture(scope="package")
def neighbours(
    tmp_path_factory: pytest.TempPathFactory, database: str
) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Give two servers on one database, with one sandbox."""
    ledger = tmp_path_factory.mktemp("sandbox") / "ledger.db"
    secret = "the-webhook-secret-of-these-tests"
    settings = {
        **QUICK_RECOVERY,
        URL: database,
        "TILLGRAPH_SANDBOX_DATABASE": str(ledger),
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": secret,
    }
    first, second = (RunningServer(tmp_path_factory.mktemp(name), settings) for name in ("a", "b"))
    yield first.start(), second.start()
    second.close()
    first.close()


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[str]:
    """Give the address of a database of a test's own."""
    address = databases.create_database()
    yield address
    databases.drop_database(address)
