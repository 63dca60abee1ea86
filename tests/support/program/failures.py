"""The report of a failing test: its servers' log lines, and the command that repeats it alone."""

import shlex
from pathlib import Path

import pytest

MOST_LINES = 200
"""Lines of one server: the newest ones."""

_logs: dict[Path, int] = {}
"""The logs of this process's servers, and how long each was when the test began."""


def watch(log: Path) -> None:
    """Show a log if the running test fails."""
    _logs.setdefault(log, 0)


def begin() -> None:
    """Start a test's report: only later lines, and no logs of servers that are gone."""
    for log in list(_logs):
        if log.exists():
            _logs[log] = log.stat().st_size
        else:
            del _logs[log]


def sections(item: pytest.Item, seed: int) -> list[tuple[str, str]]:
    """Return a report's sections."""
    logged = [
        (f"{log.name} of {log.parent.name}", _written(log, since)) for log, since in _logs.items()
    ]
    return [*((title, lines) for title, lines in logged if lines), ("again", _command(item, seed))]


def _written(log: Path, since: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(since)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-MOST_LINES:])


def _command(item: pytest.Item, seed: int) -> str:
    database = item.config.getoption("--database")
    form = " --long" if item.config.getoption("--long") else ""
    nodeid = shlex.quote(item.nodeid)
    return f".venv/bin/python -m pytest --database {database}{form} --seed {seed} {nodeid}"
