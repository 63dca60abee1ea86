"""What every test can use: a server that many tests share, and servers of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.running import RunningServer

CHECKED = (0, "Every invariant holds.\n")
"""What `python server.py check` says behind every test, whatever it did."""

QUICK_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.5"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the kind of database that servers are tested on."""
    parser.addoption("--database", choices=databases.KINDS, default=databases.KINDS[0])


def pytest_configure(config: pytest.Config) -> None:
    """Say it to every server that a test starts."""
    databases.use(config.getoption("--database"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give one server that the whole session shares; tests make collections of their own on it."""
    running = RunningServer(tmp_path_factory.mktemp("server"), QUICK_RECOVERY).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Give a function that makes servers, not started yet; settings are its keyword arguments."""
    made: list[RunningServer] = []

    def make(*, is_test_build: bool = False, **settings: str) -> RunningServer:
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        environment = {**QUICK_RECOVERY, **settings}
        made.append(RunningServer(folder, environment, is_test_build=is_test_build))
        return made[-1]

    yield make
    found = []
    for running in made:
        if running.process is not None:
            found.append(running.check())
        running.close()
    assert found == [CHECKED] * len(found)
