"""What every test can use: a server that many tests share, and servers of a test's own."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases
from tests.support.running import RunningServer

CHECKED = (0, "Every invariant holds.\n")
"""What `python server.py check` says behind every test, whatever it did."""

SEED = pytest.StashKey[int]()

QUICK_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.5"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the kind of database that servers are tested on, and the form of the fault suite."""
    parser.addoption("--database", choices=databases.KINDS, default=databases.KINDS[0])
    parser.addoption("--long", action="store_true", help="run the fault suite in its long form")
    parser.addoption("--seed", type=int, help="repeat what a run did at random")
    parser.addoption("--chaos-seconds", type=float, help="how long chaos lasts")


def pytest_configure(config: pytest.Config) -> None:
    """Say it to every server that a test starts, and choose the seed once for all processes of a run."""
    databases.use(config.getoption("--database"))
    config.addinivalue_line("markers", "long: of the long form of the fault suite alone")
    given = getattr(config, "workerinput", {}).get("seed", config.getoption("--seed"))
    config.stash[SEED] = secrets.randbits(32) if given is None else given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to the processes that the tests are spread over."""
    node.workerinput["seed"] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say how what happens at random is repeated."""
    form = "long" if config.getoption("--long") else "short"
    return [f"seed: {config.stash[SEED]} (--seed), {form} form of the fault suite (--long)"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long form's own tests out of the short one."""
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long") is not None]
        items[:] = [item for item in items if item.get_closest_marker("long") is None]
        if left_out:
            config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Give the seed of what a test does at random; printed, and so shown where it fails."""
    chosen = request.config.stash[SEED]
    print(f"seed {chosen}")  # noqa: T201 - repeats the run
    return chosen


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    """Tell whether this is the long form of the fault suite."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def chaos_seconds(request: pytest.FixtureRequest, is_long: bool) -> float:
    """Give how long chaos lasts."""
    given: float | None = request.config.getoption("--chaos-seconds")
    return (600.0 if is_long else 20.0) if given is None else given


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give one server that the whole session shares; tests make collections of their own on it."""
    folder = tmp_path_factory.mktemp("server")
    running = RunningServer(folder, QUICK_RECOVERY, is_started_afresh=True).start()
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
