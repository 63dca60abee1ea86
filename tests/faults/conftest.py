"""Servers of this folder's own: the books that are compared here hold nothing else."""

from collections.abc import Iterator

import pytest

from tests.conftest import CHECKED, QUICK_RECOVERY
from tests.faults.reporting import SECRET
from tests.running import RunningServer

NO_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600"}
"""What settles there was settled by something else."""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give one server that the tests of this folder share."""
    running = RunningServer(tmp_path_factory.mktemp("faults"), QUICK_RECOVERY).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture(scope="package")
def reported_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server whose recovery does not come within a test, with a webhook secret that the tests know."""
    settings = {**NO_RECOVERY, "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET}
    running = RunningServer(tmp_path_factory.mktemp("reported"), settings).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED
