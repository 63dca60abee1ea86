"""The progress of a long command: one line on the terminal, rewritten; nothing where no terminal is."""

import sys
import time

from app.output import complain_in_place

BAR_CHARACTERS = 30

CLEAR_LINE = "\r\x1b[K"
"""Source: ECMA-48, erase in line."""

SHOW_SECONDS = 0.2
"""Between two writes of the line: a slow terminal does not slow the command."""


class Progress:
    """A count with a bar and the time that is left, on standard error."""

    def __init__(self, whole: int | None = None) -> None:
        self.whole = whole
        """About as many as there are; None: unknown."""
        self.is_shown = sys.stderr is not None and sys.stderr.isatty()
        self._began = time.monotonic()
        self._shown_at = -SHOW_SECONDS
        self._is_there = False

    def show(self, count: int) -> None:
        """Write the line anew, if there is a terminal."""
        now = time.monotonic()
        if self.is_shown and now >= self._shown_at + SHOW_SECONDS:
            self._shown_at, self._is_there = now, True
            complain_in_place(CLEAR_LINE + line(count, self.whole, now - self._began))

    def clear(self) -> None:
        """Take the line away: something else is printed now."""
        if self._is_there:
            self._is_there, self._shown_at = False, -SHOW_SECONDS
            complain_in_place(CLEAR_LINE)


def line(count: int, whole: int | None, passed_seconds: float) -> str:
    """Return the line: a bar where it is known how much there is, and the time left at the pace so far."""
    if not whole:
        return f"{count:,} rows"
    share = min(1.0, count / whole)
    done = int(share * BAR_CHARACTERS)
    left_seconds = passed_seconds * (1 - share) / share if share else 0
    bar = "█" * done + "░" * (BAR_CHARACTERS - done)
    return f"{bar} {share:4.0%}  {count:,} of about {whole:,} rows, {left_seconds:,.0f} s left"
