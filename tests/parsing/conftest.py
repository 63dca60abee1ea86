"""The pure functions that decide what a request, a setting or a document may be. No server runs here."""

import os
from pathlib import Path

import pytest

from tests.support.program.running import clean_environment


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, without any of this process's settings."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
