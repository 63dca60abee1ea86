"""A server of this folder's own, with a secret key: its streams know back ends from browsers."""

from collections.abc import Iterator

import pytest

from tests.conftest import QUICK_RECOVERY
from tests.support.running import RunningServer

SECRET_KEY = "the-secret-key-of-the-streams"


@pytest.fixture(scope="package")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server that demands a key; calls that name no credential bear it."""
    settings = {**QUICK_RECOVERY, "TILLGRAPH_SECRET_KEYS": SECRET_KEY}
    running = RunningServer(tmp_path_factory.mktemp("keyed"), settings)
    running.credential = SECRET_KEY
    running.start()
    yield running
    running.close()
