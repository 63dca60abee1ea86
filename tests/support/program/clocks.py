"""The clocks of servers under test: a wall clock that stands still, so that no day ends during a test, and patience."""

from pathlib import Path

from tests.support.program.running import WRONG_CLOCK

DAY_SECONDS = 86_400
NOON = 20_700 * DAY_SECONDS + DAY_SECONDS // 2
"""A full minute of some day, in seconds since 1970."""

STANDING_CLOCK = WRONG_CLOCK
"""For a server with a stopped clock; a database with its own clock, such as PostgreSQL, keeps going."""


def stop_clock(folder: Path, at: int = NOON) -> None:
    """Stop the clock of a server that runs in a folder, at a time in seconds since 1970."""
    written = folder / "clock.new"
    written.write_text(f"@{at}")
    written.replace(folder / "clock")
