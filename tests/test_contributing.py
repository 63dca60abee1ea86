"""The worked examples of docs/contributing.md, followed in a copy of the checkout as a reader follows them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program.running import ROOT, clean_environment

PAGE = (ROOT / "docs" / "contributing.md").read_text()
LEFT_OUT = shutil.ignore_patterns(".*", "node_modules", "build", "__pycache__", "*.db*")
PYTEST_SECONDS = 300


def blocks(language: str) -> list[str]:
    """Return the page's blocks of code in a language, in their order."""
    return re.findall(rf"```{language}\n(.+?)```", PAGE, re.DOTALL)


def changed(source: str, diff: str) -> str:
    """Return a source with the changes that the page shows: a line replaced, or added below another one."""
    above = ""
    for line in diff.splitlines():
        text = line[1:]
        if line.startswith("+"):
            replaced = above[1:] + "\n"
            kept = "" if above.startswith("-") else replaced
            assert source.count(replaced) == 1, replaced
            source = source.replace(replaced, f"{kept}{text}\n")
        above = line
    return source


@pytest.mark.long
def test_the_worked_examples(tmp_path: Path) -> None:
    """The first test passes, and so do those of the first provider, with the files and the change that are shown."""
    copy = tmp_path / "tillgraph"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    first_test, provider, provider_test = blocks("python")
    (copy / "tests" / "rules" / "test_first.py").write_text(first_test)
    (copy / "providers" / "piggy.py").write_text(provider)
    (copy / "tests" / "providers" / "test_piggy.py").write_text(provider_test)
    registry = copy / "providers" / "registry.py"
    registry.write_text(changed(registry.read_text(), blocks("diff")[0]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "tests/rules/test_first.py", "tests/providers/test_piggy.py"],
        cwd=copy,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PYTEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
