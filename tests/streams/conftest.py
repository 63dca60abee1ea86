"""A server of this folder's own, with a secret key: its streams know back ends from browsers.

It never polls the log: what comes to its subscribers came by a hint.
"""

from collections.abc import Iterator

import pytest

from tests.support.callers.streams import TRANSPORTS
from tests.support.program.running import NEVER_POLLS, QUICK_RECOVERY, RunningServer

SECRET_KEY = "the-secret-key-of-the-streams"

both = pytest.mark.parametrize("transport", TRANSPORTS)
"""The test runs over a WebSocket and over an event stream."""


@pytest.fixture(scope="package")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that demands a key; calls that name no credential bear it."""
    settings = {**QUICK_RECOVERY, **NEVER_POLLS, "TILLGRAPH_SECRET_KEYS": SECRET_KEY}
    running = RunningServer(tmp_path_factory.mktemp("keyed"), settings, is_test_build=True)
    running.credential = SECRET_KEY
    running.start()
    yield running
    running.close()
