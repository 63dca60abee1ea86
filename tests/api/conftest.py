"""Servers of this folder's own: nothing but its tests changes their rows, so that "nothing changed" can be exact."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.api.evidence import Evidence, evidence_of
from tests.running import RunningServer

SECRET_KEY = "the-secret-key-of-these-tests"
HASHED_KEY = "the-key-that-is-kept-as-a-hash"
KEYS = {
    "TILLGRAPH_SECRET_KEYS": f"{SECRET_KEY},sha256:{hashlib.sha256(HASHED_KEY.encode()).hexdigest()}"
}

NO_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "3600"}
"""What one test leaves unsettled does not move in another one."""


@pytest.fixture(scope="package")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server without secret keys, which trusts this machine."""
    running = RunningServer(tmp_path_factory.mktemp("open"), NO_RECOVERY).start()
    yield running
    running.close()


@pytest.fixture(scope="package")
def keyed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server with a secret key and a hashed one; calls that name no credential bear the first."""
    running = RunningServer(tmp_path_factory.mktemp("keyed"), {**NO_RECOVERY, **KEYS})
    running.credential = SECRET_KEY
    running.start()
    yield running
    running.close()


@pytest.fixture
def unchanged(open_server: RunningServer) -> Iterator[None]:
    """Hold a test to this: every row, event and effect at the gateway is afterwards what it was before."""
    before: Evidence = evidence_of(open_server)
    yield
    assert evidence_of(open_server) == before
