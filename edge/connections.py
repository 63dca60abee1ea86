"""Open streams and sockets, and the reasons to end them: shutdown, an expired credential, a stalled client."""

import asyncio
import time
from enum import Enum

import structlog

from edge import limits
from edge.authentication import StillKnows
from payments.model.callers import Caller

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")


class TooManyStreams(Exception):
    """An error: a client secret has as many sockets and event streams open as it may."""


class End(Enum):
    """The reasons why this side ends a connection."""

    SERVER_STOPS = "server stops"
    CREDENTIAL_ENDED = "credential ended"
    NO_INIT = "no init"
    STALLED = "stalled"


Ending = asyncio.Future[End]


class OpenConnections:
    """Every open stream and socket of this process, so that all can be ended together."""

    def __init__(self, still_knows: StillKnows) -> None:
        self._still_knows = still_knows
        self._open: dict[Ending, Caller | None] = {}
        """The credential of each connection; None for a socket that has not presented one yet."""
        self._stopped = False

    def enter(self) -> Ending:
        """Add a connection; return a future that is set when it has to end."""
        ending: Ending = asyncio.get_running_loop().create_future()
        if self._stopped:
            ending.set_result(End.SERVER_STOPS)
        self._open[ending] = None
        return ending

    def bind(self, ending: Ending, caller: Caller) -> None:
        """Note a connection's credential: the connection ends when that does; raises TooManyStreams."""
        if caller.is_browser and self._count(caller) >= limits.SOCKETS_PER_SECRET:
            _log.warning(
                "stream refused",
                collection_id=caller.collection_id,
                limit=limits.SOCKETS_PER_SECRET,
            )
            raise TooManyStreams
        self._open[ending] = caller
        _end_with(caller, ending)
        self._end_unless_known(ending, caller)

    def _count(self, caller: Caller) -> int:
        bound = [one for one in self._open.values() if one is not None]
        return sum(one.collection_id == caller.collection_id for one in bound)

    def look_again(self) -> None:
        """End every connection whose credential is no longer valid."""
        for ending, caller in self._open.items():
            if caller is not None:
                self._end_unless_known(ending, caller)

    def _end_unless_known(self, ending: Ending, caller: Caller) -> None:
        if not self._still_knows(caller):
            end(ending, End.CREDENTIAL_ENDED)

    def leave(self, ending: Ending) -> None:
        """Remove a connection."""
        self._open.pop(ending, None)
        ending.cancel()

    def stop(self) -> None:
        """End every open connection, and each later one."""
        self._stopped = True
        for ending in self._open:
            end(ending, End.SERVER_STOPS)

    def __len__(self) -> int:
        return len(self._open)


def end(ending: Ending, reason: End) -> None:
    """End a connection, unless it is ending already."""
    if not ending.done():
        ending.set_result(reason)


def _end_with(caller: Caller, ending: Ending) -> None:
    """End a connection when its credential expires."""
    if caller.ends_at is None or ending.done():
        return
    remaining_seconds = caller.ends_at / 1_000_000 - time.time()
    if remaining_seconds <= 0:
        end(ending, End.CREDENTIAL_ENDED)
        return
    # Checked again when the time is over: the wall clock may have been set meanwhile.
    timer = asyncio.get_running_loop().call_later(
        min(remaining_seconds, _LONGEST_TIMER_SECONDS), _end_with, caller, ending
    )
    ending.add_done_callback(lambda _: timer.cancel())


_LONGEST_TIMER_SECONDS = 3600.0
"""The clock may be set forward by more than a timer can take."""
