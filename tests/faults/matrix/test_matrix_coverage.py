"""Every row of the fault matrix has its test, named with its number."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.program.running import ROOT

ROWS = range(1, 51)

IN_PART = {
    17: "The sandbox's challenges have no end by themselves: only that they are looked up is shown.",
}
"""Rows of which a test shows a part, and what is missing."""

OF_EVERY_KIND = {*range(1, 6), *range(7, 12), 18, 19, 20, 23, 27, 33, 40, 41, 42}
"""Rows that are run through for every kind of mutation."""

NAMED = re.compile(r"test_")
NAME = re.compile(r"test((?:_f\d\d)+)_")


pytestmark = pytest.mark.once


def named_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the tests of a file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and NAMED.match(node.name):
            yield node


def rows_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    """Read the rows out of a test's name."""
    found = NAME.match(test.name)
    return {int(number) for number in re.findall(r"\d\d", found[1])} if found else set()


def is_of_every_kind(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a test has the kind of mutation as its parameter."""
    return any(argument.arg == "kind" for argument in test.args.args)


@cache
def all_tests() -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the tests of this folder and of its neighbours."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return [test for path in paths if "def test_f" in path.read_text() for test in named_in(path)]


def test_every_row_has_its_test() -> None:
    """The numbers in the tests' names are those of the matrix."""
    covered = set().union(*(rows_of(test) for test in all_tests()))
    assert covered == set(ROWS)
    assert covered >= set(IN_PART)


def test_every_kind_has_its_tests() -> None:
    """The rows that concern every kind of mutation have a test that is generated for the kinds."""
    generated = set().union(*(rows_of(test) for test in all_tests() if is_of_every_kind(test)))
    assert generated >= OF_EVERY_KIND
