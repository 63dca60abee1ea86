"""ariadne-codegen's client: every union narrows, in a program that runs against a real server, of today or of later."""

import re
import sys

import pytest

from tests.clients import expected, narrowing
from tests.clients.conftest import KEY, PYTHON, Project
from tests.clients.unions import Union
from tests.support.program.running import ROOT, RunningServer

CACHE = ROOT / ".mypy_cache" / "clients"
"""The cache of mypy: a file that is unchanged since another run is not checked again."""

MYPY = (
    *(sys.executable, "-m", "mypy", "--python-executable", str(PYTHON)),
    *("--cache-dir", str(CACHE), "."),
)


@pytest.fixture(scope="module")
def checked(python: Project) -> Project:
    """Return the project, checked in strict mode; what it narrows is every union of every document."""
    assert python.must_run(*MYPY).startswith("Success: no issues found")
    return python


def test_every_union_narrows(checked: Project, unions: list[Union]) -> None:
    """The checker takes a program that narrows to each member and leaves none, and refuses what is another's."""
    program = (checked.folder / "every_union.py").read_text()
    assert program.count("    assert_never(result)") == len(unions)
    assert program.count("# type: ignore[attr-defined]") > len(unions)


def test_a_forgotten_member_is_seen(checked: Project, unions: list[Union]) -> None:
    """If one member of each union is forgotten, the type checker reports each of them."""
    forgetful = checked.folder / "forgetful.py"
    forgetful.write_text(narrowing.python(one.without_last_member() for one in unions))
    ended = checked.run(*MYPY)
    forgetful.unlink()
    assert ended.returncode != 0
    found = re.findall(
        r'^forgetful\.py.*"assert_never" has incompatible type.*\[(.*)\]$', ended.stdout, re.M
    )
    assert found == ["arg-type"] * len(unions)


def test_the_flow(checked: Project, today: RunningServer) -> None:
    """The client opens, authorizes, watches, captures, refunds and lists, and reads each answer as what it is."""
    printed = checked.must_run(PYTHON, "-W", "error", "shop.py", today.url, KEY)
    assert printed.splitlines() == expected.flow(action="REDIRECT", failure="CaptureFailed")


def test_every_refusal(checked: Project, today: RunningServer, unions: list[Union]) -> None:
    """Each mutation of each document reads code, message and retryable where successes are sorted out first."""
    given = expected.refused_inputs(unions)
    printed = checked.must_run(PYTHON, "-W", "error", "every_union.py", today.url, KEY, given)
    assert expected.read_refusals(printed) == expected.refusals(unions, missing="NOT_FOUND")


def test_the_flow_on_a_later_server(checked: Project, later: RunningServer) -> None:
    """An action and a failure that are not known are read by their interfaces, and the flow goes on."""
    printed = checked.must_run(PYTHON, "-W", "error", "shop.py", later.url, KEY)
    assert printed.splitlines() == expected.flow(action="SCAN", failure="HeldBack")


@pytest.mark.long
def test_every_refusal_of_a_later_server(
    checked: Project, later: RunningServer, unions: list[Union]
) -> None:
    """A member of any result union that is not known, with a code that is not known, is read as a Failure."""
    given = expected.refused_inputs(unions)
    printed = checked.must_run(PYTHON, "-W", "error", "every_union.py", later.url, KEY, given)
    assert expected.read_refusals(printed) == expected.refusals(unions, missing="GONE")
