"""Servers of this folder's own: the records that are compared here hold nothing else."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKED
from tests.faults.reporting import SECRET
from tests.support.gateways.sites import Site, site
from tests.support.program.running import LONG_WAITS, NO_RECOVERY, RunningServer

QUICKEST_RECOVERY = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.1"}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return one server that the tests of this folder share."""
    settings = {**QUICKEST_RECOVERY, **LONG_WAITS}
    folder = tmp_path_factory.mktemp("faults")
    with checked(RunningServer(folder, settings, is_test_build=True)) as running:
        yield running


@pytest.fixture(scope="package")
def reported_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server whose recovery does not come within a test, with a webhook secret that the tests know."""
    settings = {**NO_RECOVERY, **LONG_WAITS, "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET}
    folder = tmp_path_factory.mktemp("reported")
    with checked(RunningServer(folder, settings, is_test_build=True)) as running:
        yield running


@pytest.fixture(scope="package")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Return a server that nobody attacks."""
    with checked(RunningServer(tmp_path_factory.mktemp("beside"), NO_RECOVERY)) as running:
        yield running


@contextmanager
def checked(server: RunningServer) -> Iterator[RunningServer]:
    """Run a server that many tests share; once they are over, every invariant has to hold."""
    try:
        yield server.start()
        found = server.check()
    finally:
        server.close()
    assert found == CHECKED


@pytest.fixture(scope="package")
def rounds(is_long: bool) -> int:
    """Return how often a race is run."""
    return 100 if is_long else 3


@pytest.fixture(scope="package")
def many_rounds(is_long: bool) -> int:
    """Return how often the race is run that all others have a part of: two captures of one authorization."""
    return 1_000 if is_long else 3


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Return a function that runs sites of a test's own; its arguments are those of `site`."""
    with ExitStack() as stack:

        def make(**how: Any) -> Site:
            folder = tmp_path / f"site-{secrets.token_hex(3)}"
            folder.mkdir()
            return stack.enter_context(site(folder, **how))

        yield make


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site that the tests of this folder share, and that nobody kills."""
    with site(tmp_path_factory.mktemp("site"), settings=QUICKEST_RECOVERY) as made:
        yield made


@pytest.fixture(scope="package")
def killed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server is killed, or stopped, and started again by each test."""
    with site(tmp_path_factory.mktemp("killed")) as made:
        yield made


@pytest.fixture(scope="package")
def deaf_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server hears what the tests report alone, and whose recovery does not come."""
    folder = tmp_path_factory.mktemp("deaf")
    with site(folder, hears_reports=False, settings=NO_RECOVERY) as made:
        yield made
