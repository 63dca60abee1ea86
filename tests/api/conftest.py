"""Servers of this folder's own: nothing but its tests changes their rows, so that "nothing changed" can be exact."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.api.evidence import Evidence, evidence_of
from tests.conftest import QUICK_RECOVERY
from tests.running import RunningServer

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
HASHED_KEY = "sk_test_kept_as_a_hash_only_0001"
KEYS = {
    "TILLGRAPH_SECRET_KEYS": f"{SECRET_KEY},sha256:{hashlib.sha256(HASHED_KEY.encode()).hexdigest()}"
}


@pytest.fixture(scope="package")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server without secret keys, which trusts this machine."""
    running = RunningServer(tmp_path_factory.mktemp("open"), QUICK_RECOVERY).start()
    yield running
    running.close()


@pytest.fixture(scope="package")
def keyed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server with a secret key and a hashed one; calls that name no credential bear the first."""
    running = RunningServer(tmp_path_factory.mktemp("keyed"), {**QUICK_RECOVERY, **KEYS})
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
