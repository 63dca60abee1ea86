"""The execution of statements on full tables."""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Table, make_url

from db.statements.compiled import Statement
from tests.support.program.running import RunningServer

ROWS = 20_000

NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"  # noqa: S608
    f" WHERE n < {ROWS})"
)


def multiply(
    server: RunningServer, table: Table, own: Mapping[str, str], *, where: str = "TRUE"
) -> None:
    """Copy the one row of a table many times, with different values in some columns."""
    columns = [column.name for column in table.columns]
    names, values = ", ".join(columns), ", ".join(own.get(name, name) for name in columns)
    server.rows(
        f"{NUMBERS} INSERT INTO {table.name} ({names})"  # noqa: S608
        f" SELECT {values} FROM {table.name}, numbers WHERE {where}"
    )


def plan_of(server: RunningServer, statement: Statement, arguments: dict[str, Any]) -> list[str]:
    """Return the steps of SQLite's plan."""
    return [str(row[3]) for row in _asked(server, "EXPLAIN QUERY PLAN", statement, arguments)]


def visited(server: RunningServer, statement: Statement, arguments: dict[str, Any]) -> int:
    """Run a statement on PostgreSQL and return how many rows it read from tables, discarded ones included."""
    ((found,),) = _asked(server, "EXPLAIN (ANALYZE, FORMAT JSON)", statement, arguments)
    (whole,) = orjson.loads(found)
    return _visited_below(whole["Plan"])


def _asked(
    server: RunningServer, how: str, statement: Statement, arguments: dict[str, Any]
) -> list[Any]:
    compiled = statement.compiled(make_url(server.database).get_dialect()())
    return server.rows(f"{how} {compiled.sql}", *compiled.arguments(arguments))


def _visited_below(node: dict[str, Any]) -> int:
    own = 0
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    below = sum(_visited_below(child) for child in node.get("Plans", ()))
    return int(own * node["Actual Loops"]) + below
