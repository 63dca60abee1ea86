"""What ends an open stream or socket from outside: the server, the clock, a client that stalls."""

import asyncio
import time
from enum import Enum

from payments.access import Caller


class End(Enum):
    """Names why a connection was ended by this side."""

    SERVER_STOPS = "server stops"
    CREDENTIAL_ENDED = "credential ended"
    NO_INIT = "no init"
    STALLED = "stalled"


Ending = asyncio.Future[End]


class Endings:
    """Is every open stream and socket of this process, so that they can be ended together."""

    def __init__(self) -> None:
        self._open: set[Ending] = set()
        self._stopped = False

    def enter(self) -> Ending:
        """Count a connection in; its future is set when it has to end."""
        ending: Ending = asyncio.get_running_loop().create_future()
        if self._stopped:
            ending.set_result(End.SERVER_STOPS)
        self._open.add(ending)
        return ending

    def leave(self, ending: Ending) -> None:
        """Count a connection out."""
        self._open.discard(ending)
        ending.cancel()

    def stop(self) -> None:
        """End every connection that is open, and each that still comes."""
        self._stopped = True
        for ending in self._open:
            end(ending, End.SERVER_STOPS)

    def __len__(self) -> int:
        return len(self._open)


def end(ending: Ending, reason: End) -> None:
    """End a connection, unless it is ending already."""
    if not ending.done():
        ending.set_result(reason)


def end_with(caller: Caller, ending: Ending) -> None:
    """End a connection when its credential does."""
    if caller.ends_at is None or ending.done():
        return
    remaining_seconds = caller.ends_at / 1_000_000 - time.time()
    if remaining_seconds <= 0:
        end(ending, End.CREDENTIAL_ENDED)
        return
    # Looked at again when the time is over: the wall clock may have been set meanwhile.
    timer = asyncio.get_running_loop().call_later(
        min(remaining_seconds, _LONGEST_TIMER_SECONDS), end_with, caller, ending
    )
    ending.add_done_callback(lambda _: timer.cancel())


_LONGEST_TIMER_SECONDS = 3600.0
"""The clock may be set forward by more than a timer knows."""
