"""Clients that the generators make, and servers for them: one of today and one of a later day."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import narrowing
from tests.clients.unions import Union, every_union
from tests.conftest import CHECKED
from tests.support.callers.schema import committed_schema
from tests.support.program.running import (
    DOCUMENTS,
    QUERIES,
    QUICK_RECOVERY,
    ROOT,
    RunningServer,
    clean_environment,
)

HERE = Path(__file__).parent
TOOLS = ROOT / ".venv-clients" / "bin"
MODULES = HERE / "typescript" / "node_modules"
PYTHON = TOOLS / "python"

KEY = "sk_of_the_typed_clients_of_the_tests"
SETTINGS = {**QUICK_RECOVERY, "TILLGRAPH_SECRET_KEYS": KEY}
TOOL_SECONDS = 300.0
"""How long a generator, a compiler or a program may take on a machine that is busy."""


class LaterServer(RunningServer):
    """Runs from tests/clients/later.py: its unions have further members."""

    @property
    def _command(self) -> tuple[str, ...]:
        return (sys.executable, "-W", "error", str(HERE / "later.py"))


@dataclass(frozen=True, slots=True)
class Project:
    """A folder as a user of a generator has it: the schema, the documents, a configuration and a program."""

    folder: Path

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder."""
        path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**clean_environment(), "PATH": path},
            capture_output=True,
            text=True,
            timeout=TOOL_SECONDS,
            check=False,
        )

    def must_run(self, *command: str | Path) -> str:
        """Run a command that has to succeed; return what it printed."""
        ended = self.run(*command)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="session")
def unions() -> list[Union]:
    """Return every place at which a document answers with a union."""
    return every_union(committed_schema())


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory, unions: list[Union]) -> Project:
    """Return a project with the client that graphql-codegen made, compiled."""
    project = _new_project(tmp_path_factory, "typescript")
    (project.folder / "node_modules").symlink_to(MODULES)
    (project.folder / "every_union.ts").write_text(narrowing.typescript(unions))
    project.must_run("node_modules/.bin/graphql-codegen")
    return project


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, unions: list[Union]) -> Project:
    """Return a project with the client that ariadne-codegen made."""
    project = _new_project(tmp_path_factory, "python")
    (project.folder / "every_union.py").write_text(narrowing.python(unions))
    project.must_run(PYTHON, "-m", "ariadne_codegen")
    return project


def _new_project(tmp_path_factory: pytest.TempPathFactory, language: str) -> Project:
    for tool in (PYTHON, MODULES / ".installed"):
        assert tool.exists(), f"{tool.relative_to(ROOT)} is missing: run make test, which makes it."
    folder = tmp_path_factory.mktemp(language) / "project"
    shutil.copytree(HERE / language, folder, ignore=shutil.ignore_patterns("node_modules", ".*"))
    shutil.copytree(QUERIES, folder / "queries")
    shutil.copytree(DOCUMENTS / "complete", folder / "queries" / "complete")
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    return Project(folder)


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Return the settings of the servers; a module whose client needs others has a fixture of this name."""
    return SETTINGS


@pytest.fixture(scope="module")
def today(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> Iterator[RunningServer]:
    """Return a server of today."""
    running = RunningServer(tmp_path_factory.mktemp("today"), settings).start()
    yield running
    checked = running.check()
    running.close()
    assert checked == CHECKED


@pytest.fixture(scope="module")
def later(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> Iterator[RunningServer]:
    """Return a server whose unions have members that the clients do not know."""
    running = LaterServer(
        tmp_path_factory.mktemp("later"), settings, is_started_afresh=True
    ).start()
    yield running
    running.close()
