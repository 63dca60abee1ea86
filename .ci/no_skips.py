"""Makes pytest fail where a test did not run: in CI a test that cannot run has failed."""

import pytest

NOT_RUN = ("skipped", "xfailed", "deselected")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if any test was skipped, expected to fail or left out."""
    if session.exitstatus == pytest.ExitCode.OK and _not_run(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(config: pytest.Config) -> None:
    """Say above pytest's closing line how many tests did not run, and why that matters."""
    counts = _not_run(config)
    if counts:
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        _reporter(config).write_line(f"CI fails: {told}; here every test has to run.", red=True)


def _not_run(config: pytest.Config) -> dict[str, int]:
    stats = _reporter(config).stats
    return {kind: len(stats[kind]) for kind in NOT_RUN if stats.get(kind)}


def _reporter(config: pytest.Config) -> pytest.TerminalReporter:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    return reporter
