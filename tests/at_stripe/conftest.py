"""One site that the tests of this folder share, and sites of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.at_stripe.site import Site, site


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose Stripe reports at once."""
    with site(tmp_path_factory.mktemp("stripe")) as made:
        yield made


@pytest.fixture(scope="package")
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site that hears no report."""
    with site(tmp_path_factory.mktemp("deaf"), hears_reports=False) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """Give a site of a test's own, that hears no report."""
    with site(tmp_path, hears_reports=False) as made:
        yield made
