"""What a server's clocks are for a test: a wall clock that stands, so that no day ends in its middle, and patience."""

from pathlib import Path

from tests.support.program.running import WRONG_CLOCK

DAY_SECONDS = 86_400
NOON = 20_700 * DAY_SECONDS + DAY_SECONDS // 2
"""Of some day, in seconds since 1970; it is a full minute, too."""

STANDING_CLOCK = WRONG_CLOCK
"""For a server whose clock `stop_clock` stops; where a database tells the time, as PostgreSQL does, that goes on."""


def stop_clock(folder: Path, at: int = NOON) -> None:
    """Let the clock of a server that runs in a folder stand from now on, at a time in seconds since 1970."""
    written = folder / "clock.new"
    written.write_text(f"@{at}")
    written.replace(folder / "clock")
