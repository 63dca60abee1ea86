"""The server of this folder."""

from collections.abc import Iterator

import pytest

from tests.conftest import CHECKED
from tests.support.program.running import NO_RECOVERY, RunningServer


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return one server that the tests of this folder share: what is unknown there stays so until `recover`."""
    running = RunningServer(tmp_path_factory.mktemp("rules"), NO_RECOVERY).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED
