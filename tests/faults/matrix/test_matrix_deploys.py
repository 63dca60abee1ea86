"""An old and a new version on one database: the schema grows, and nothing that the old one uses goes away.

The old version itself is not here to be run: what is held is what lets it go on.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program.running import ROOT

pytestmark = pytest.mark.once

VERSIONS = sorted((ROOT / "db" / "migrations" / "versions").glob("0*.py"))
NEWER = [path for path in VERSIONS if not path.name.startswith("0001")]

UNNOTICED = {"add_column", "create_table", "create_index", "drop_index"}
"""The steps that an older program does not notice; without an index it is slower, and as right as before."""

WIDENED = {"0014_payments_of_nothing": "amount_minor >= 1"}
"""Migrations that replace a check by one that holds wherever it held, with the check as it was."""

FILLING_IN = {"execute", "bulk_insert"}

ASKING = {"get_bind"}
"""Which database it is; nothing is done to it."""


def operations_of(path: Path) -> Iterator[ast.Call]:
    """Return what the migration does to a database that it brings up to date: the calls of Alembic's `op`."""
    (upgrade,) = (
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    for node in ast.walk(upgrade):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "op"
        ):
            yield node


def tables_made_by(path: Path) -> set[str]:
    """Return the names by which a migration calls the tables that it makes itself."""
    return {
        ast.unparse(target)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("op.create_table(")
        for target in node.targets
    }


def name_of(operation: ast.Call) -> str:
    """Return an operation's name."""
    assert isinstance(operation.func, ast.Attribute)
    return operation.func.attr


@pytest.mark.parametrize("path", NEWER, ids=lambda path: path.stem)
def test_f49_a_newer_migration_takes_nothing_away(path: Path) -> None:
    """The version before goes on after it: nothing is dropped, renamed or narrowed."""
    if path.stem in WIDENED:
        assert f'WIDER = "{WIDENED[path.stem]} OR ' in path.read_text()
        return
    operations = list(operations_of(path))
    assert {name_of(operation) for operation in operations} <= UNNOTICED | FILLING_IN | ASKING
    for operation in operations:
        if name_of(operation) == "execute":
            # A value may be filled in.
            assert ast.literal_eval(operation.args[0]).startswith("UPDATE ")
        if name_of(operation) == "bulk_insert":
            # So may rows, of a table that the version before does not know.
            assert ast.unparse(operation.args[0]) in tables_made_by(path)


@pytest.mark.parametrize("path", NEWER, ids=lambda path: path.stem)
def test_f49_a_new_column_needs_no_value(path: Path) -> None:
    """Rows that the version before writes leave it out, and are taken."""
    for operation in operations_of(path):
        if name_of(operation) == "add_column":
            column = ast.unparse(operation.args[1])
            assert "nullable=True" in column or "server_default=" in column, column
