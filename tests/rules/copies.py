"""Many of a kind, put down instead of asked for one by one."""

from sqlalchemy import Table

from tests.support.program.running import RunningServer

DIGITS = 4


def copy_row(server: RunningServer, table: Table, id: str, times: int) -> None:
    """Put further rows beside one, each the same but for its id."""
    values = {one.name: one.name for one in table.columns}
    # Its last digits are a number, and the one before them is another than the first row's.
    last = f"length(id) - {DIGITS}"
    other = f"CASE WHEN substr(id, {last}, 1) = '0' THEN '1' ELSE '0' END"
    number = f"CAST({10 ** (DIGITS - 1)} + number AS text)"
    values["id"] = f"substr(id, 1, {last} - 1) || {other} || {number}"
    server.rows(
        "WITH RECURSIVE numbers(number) AS"  # noqa: S608
        f" (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {times})"
        f" INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())}"
        f" FROM {table.name}, numbers WHERE id = ?",
        id,
    )
