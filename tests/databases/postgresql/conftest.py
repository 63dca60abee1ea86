"""Servers on PostgreSQL, whatever the other tests run on."""

from collections.abc import Iterator, Mapping

import pytest

from tests.support.program.running import QUICK_RECOVERY, URL, RunningServer
from tests.support.stores import databases

QUICK_POLL = {"TILLGRAPH_TEST_POLL_SECONDS": "0.2"}
"""For a test build; the long form polls as shipped."""


@pytest.fixture(scope="package")
def poll(is_long: bool) -> Mapping[str, str]:
    """Return how often a server of this form looks for what no hint has told of."""
    return {} if is_long else QUICK_POLL


@pytest.fixture(scope="package")
def database() -> Iterator[str]:
    """Return the address of a database that the servers of this folder share."""
    address = databases.create_migrated()
    yield address
    databases.drop_database(address)


@pytest.fixture(scope="package")
def shared(
    tmp_path_factory: pytest.TempPathFactory, database: str, poll: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the settings of servers on one database, with one sandbox."""
    return {
        **QUICK_RECOVERY,
        **poll,
        URL: database,
        "TILLGRAPH_SANDBOX_DATABASE": str(tmp_path_factory.mktemp("sandbox") / "ledger.db"),
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": "the-webhook-secret-of-these-tests",
    }


@pytest.fixture(scope="package")
def neighbours(
    tmp_path_factory: pytest.TempPathFactory, shared: Mapping[str, str]
) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Return two servers on one database."""
    first, second = (
        RunningServer(tmp_path_factory.mktemp(name), shared, is_test_build=True) for name in "ab"
    )
    yield first.start(), second.start()
    second.close()
    first.close()


@pytest.fixture
def own_database() -> Iterator[str]:
    """Return the address of a database of a test's own."""
    address = databases.create_migrated()
    yield address
    databases.drop_database(address)
