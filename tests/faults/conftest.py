"""Servers of this folder's own: the books that are compared here hold nothing else."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKED, QUICK_RECOVERY
from tests.faults.reporting import SECRET
from tests.support.running import RunningServer
from tests.support.sites import Site, site

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


@pytest.fixture(scope="session")
def rounds(is_long: bool) -> int:
    """Give how often a race is run."""
    return 1_000 if is_long else 24


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Give a function that runs sites of a test's own; its arguments are those of `site`."""
    with ExitStack() as stack:

        def make(**how: Any) -> Site:
            folder = tmp_path / f"site-{secrets.token_hex(3)}"
            folder.mkdir()
            return stack.enter_context(site(folder, **how))

        yield make


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site that the tests of this folder share."""
    quickest = {"TILLGRAPH_RECOVERY_INTERVAL_SECONDS": "0.1"}
    with site(tmp_path_factory.mktemp("site"), settings=quickest) as made:
        yield made
