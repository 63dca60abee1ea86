"""One site that the tests of this folder share, and sites of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.stripe.site import Site, site
from tests.support.program.running import LONG_WAITS


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose Stripe reports at once."""
    with site(tmp_path_factory.mktemp("stripe")) as made:
        yield made


@pytest.fixture
def deaf(shop: Site) -> Iterator[Site]:
    """Return that site while its Stripe reports only what it is told to; what happens meanwhile it never reports."""
    with shop.stripe.silence():
        yield shop


@pytest.fixture(scope="package")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose server waits as long as it takes, and whose Stripe reports only what it is told to."""
    folder = tmp_path_factory.mktemp("patient")
    with site(folder, hears_reports=True, is_test_build=True, **LONG_WAITS) as made:
        made.stripe.hold(holds=True)
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """Return a site of a test's own, that hears no report."""
    with site(tmp_path, hears_reports=False) as made:
        yield made


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site that captures at once."""
    folder = tmp_path_factory.mktemp("at_once")
    with site(folder, TILLGRAPH_STRIPE_CAPTURE_METHOD="automatic") as made:
        yield made
