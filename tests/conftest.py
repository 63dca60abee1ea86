"""The fixtures of every test: a server that many tests share, and servers of a test's own."""

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import failures, starting
from tests.support.program.running import QUICK_RECOVERY, RunningServer
from tests.support.stores import databases

IS_ROOT = os.geteuid() == 0

BEGUN_FIRST = (
    *("clients", "browser", "streams", "databases/postgresql", "providers/stripe"),
    *("faults", "webhooks", "proofs", "databases/redis", "databases/sqlite"),
    *("transport/server", "api"),
)
"""Folders whose files take longest: started first, so that no process is left alone with one at the end."""

CHECKED = (0, "Every invariant holds.\n")
"""The output of `python server.py check` after every test."""

SEED = pytest.StashKey[int]()
SHORT_SEED = 12
"""The seed of the short form, which is the same in every run."""

MEMORY = Path("/dev/shm")  # noqa: S108 - no file, and read by nobody else
MEMORY_BYTES = 2 * 1024**3
"""A run writes some 500 MB; with less than this free, its folders stay on the disk."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the kind of database and the form of the fault suite."""
    parser.addoption("--database", choices=databases.KINDS, default=databases.KINDS[0])
    parser.addoption(
        "--long", action="store_true", help="run everything, at the clocks that are shipped"
    )
    parser.addoption("--seed", type=int, help="repeat what a run did at random")
    parser.addoption("--chaos-seconds", type=float, help="how long chaos lasts")


def pytest_configure(config: pytest.Config) -> None:
    """Pass the options to every server that a test starts, and choose the seed once for all processes of a run."""
    _keep_folders_in_memory()
    databases.use(config.getoption("--database"))
    config.addinivalue_line("markers", "root: mounts a disk, or becomes somebody else")
    config.addinivalue_line("markers", "long: of the long form alone, `make test-long`")
    config.addinivalue_line(
        "markers",
        "once: about what is decided before the database is asked; in the short form on SQLite alone",
    )
    config.addinivalue_line(
        "markers",
        "sqlite: about SQLite itself, or minutes without a part of the database's; there alone in either form",
    )
    config.addinivalue_line("markers", "both: runs on both, in a module that otherwise runs once")
    handed = getattr(config, "workerinput", {})
    if "forker" in handed:
        starting.use(handed["forker"])
    given = handed.get("seed", config.getoption("--seed"))
    drawn = secrets.randbits(32) if config.getoption("--long") else SHORT_SEED
    config.stash[SEED] = drawn if given is None else given


def _keep_folders_in_memory() -> None:
    """Put temporary folders in memory, unless a place was chosen for them."""
    is_there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if "TMPDIR" not in os.environ and is_there and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass on the seed, and the address of the process that forks servers, to the processes that run tests."""
    node.workerinput["seed"] = node.config.stash[SEED]
    node.workerinput["forker"] = starting.forker()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Show how to repeat random choices."""
    form = "long" if config.getoption("--long") else "short"
    left_out = "" if IS_ROOT else ", without what only root may do"
    return [f"seed: {config.stash[SEED]} (--seed), {form} form (--long){left_out}"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Collect the tests for this form and this database. Tests left out by hand are deselected, and reported."""
    is_long = config.getoption("--long")
    is_first = config.getoption("--database") == databases.KINDS[0]

    def is_meant(item: pytest.Item) -> bool:
        marks = {mark.name for mark in item.iter_markers()}
        if ("sqlite" in marks and not is_first) or ("root" in marks and not IS_ROOT):
            return False
        if is_long:
            return True
        return "long" not in marks and (is_first or "once" not in marks or "both" in marks)

    items[:] = sorted(filter(is_meant, items), key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return the place of a test's folder in a run."""
    path = item.nodeid.removeprefix("tests/")
    turns = (turn for turn, folder in enumerate(BEGUN_FIRST) if path.startswith(f"{folder}/"))
    return next(turns, len(BEGUN_FIRST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Note the position of servers' logs before this test."""
    failures.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure its servers' log lines, and the command that repeats it alone."""
    report = yield
    if report.failed:
        report.sections += failures.sections(item, item.config.stash[SEED])
    return report


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of a test's random choices, which is printed if it fails."""
    chosen = request.config.stash[SEED]
    print(f"seed {chosen}")  # noqa: T201 - repeats the run
    return chosen


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Return the generator that chooses the instants."""
    return random.Random(seed)  # noqa: S311 - guards nothing


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    """Return whether this is the long form."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def chaos_seconds(request: pytest.FixtureRequest, is_long: bool) -> float:
    """Return how long chaos lasts."""
    given: float | None = request.config.getoption("--chaos-seconds")
    return (600.0 if is_long else 20.0) if given is None else given


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return one server that the whole session shares; tests make collections of their own on it."""
    folder = tmp_path_factory.mktemp("server")
    running = RunningServer(folder, QUICK_RECOVERY).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Return a function that makes servers, not started yet; settings are its keyword arguments."""
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
