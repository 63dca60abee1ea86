"""The command that looks for rows that break an invariant: slice by slice, beside any server.

Interrupted, it goes on from its last slice.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.output import OutputLost, complain, say
from app.progress import Progress
from app.settings import Settings
from db.engine.database import Database, create_database
from db.invariants import SqlInvariants
from db.mismatches import SqlMismatches
from payments.ports.invariants import BROKEN_MAX, BrokenInvariant
from payments.recovery.invariant_checks import slices

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

SHARE_MIN = 0.001
"""Of the time: with less, a pause after one slice would take minutes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator wants checked."""

    gateway: str | None = None
    after: str = ""
    """The id of the last row that an interrupted check has read; empty: it begins."""
    share: float = 1.0
    """Of the time that it reads at most, above 0."""


@dataclass(slots=True)
class Found:
    """What one run of the command has read and found."""

    last: str
    """The id of the last row that was read."""
    rows: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    """Rows, by invariant."""


async def check_rows(settings: Settings, wanted: Wanted) -> bool | None:
    """Print what breaks an invariant; return whether anything does, or None where not everything was read."""
    # A slice is bounded by its rows and not by a request's time: a slow disk is not a failure.
    database = create_database(settings.database_url, command_seconds=None)
    found, progress = Found(wanted.after), Progress()
    task = asyncio.current_task()
    assert task is not None
    for one in INTERRUPTS:
        asyncio.get_running_loop().add_signal_handler(one, task.cancel)
    try:
        await database.open()
        await _look(database, wanted, found, progress)
    except OutputLost:
        raise
    except asyncio.CancelledError:
        progress.clear()
        complain(f"Interrupted.{_going_on(found)}")
        return None
    except Exception as error:  # noqa: BLE001 - an outermost edge: whatever the driver raises is the operator's to read
        progress.clear()
        reason = str(error) or type(error).__name__
        complain(f"Not all was read: run it again. {reason}{_going_on(found)}")
        return None
    finally:
        for one in INTERRUPTS:
            asyncio.get_running_loop().remove_signal_handler(one)
        await database.close()
    return bool(found.broken)


def _going_on(found: Found) -> str:
    """Return the sentence with the command that goes on."""
    return f" Go on: python server.py check --after {found.last}" if found.last else ""


async def _look(database: Database, wanted: Wanted, found: Found, progress: Progress) -> None:
    invariants, mismatches = SqlInvariants(database), SqlMismatches(database)
    if progress.is_shown and not wanted.after:
        progress.whole = await invariants.row_estimate()
    async for one in slices(invariants, after=wanted.after, share=wanted.share):
        _name(one.broken, found, progress)
        found.last = one.last or found.last
        found.rows += one.rows
        progress.show(found.rows)
    _name(await invariants.overdue(), found, progress)
    mismatched, named = await mismatches.count(), await mismatches.found()
    progress.clear()
    for name, count in found.broken.items():
        if count > BROKEN_MAX:
            say(f"{count - BROKEN_MAX} more rows break this: {name}")
    if not found.broken:
        say(
            f"Every invariant holds after {wanted.after}."
            if wanted.after
            else "Every invariant holds."
        )
    for mismatch in named:
        say(mismatch)
    if mismatched:
        say(f"Mismatched payments: {mismatched}. Each waits for an operator.")


def _name(broken: Sequence[BrokenInvariant], found: Found, progress: Progress) -> None:
    """Print the rows that break an invariant, at most 100 of each one."""
    for one in broken:
        found.broken[one.name] += 1
        if found.broken[one.name] <= BROKEN_MAX:
            progress.clear()
            say(one)
