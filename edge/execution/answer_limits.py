"""The limits of one answer: the number of its values, and the processor time of its turns."""

import asyncio
from collections import deque
from time import perf_counter, thread_time

from edge import limits
from edge.errors import AnswerTooLarge
from payments.model.callers import Caller

WAITING_PER_TURN = 1_000
"""Waiting fields that check in one turn whether time is left: as many as one batch loads."""


class AnswerBudget:
    """The number of values that an answer may still hold."""

    __slots__ = ("_left",)

    def __init__(self, caller: Caller) -> None:
        self._left = limits.BROWSER_VALUES if caller.is_browser else limits.BACK_END_VALUES

    def take(self, values: int) -> None:
        """Subtract so many values; raises AnswerTooLarge."""
        self._left -= values
        if self._left < 0:
            raise AnswerTooLarge(
                "The answer would be too large: ask for shorter pages, or for fewer lists within lists."
            )


class FairScheduling:
    """The processor time of one answer, after which others have their turn."""

    __slots__ = ("_began_at", "_is_next_planned", "_used_before", "_waiting")

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._used_before = 0.0
        """The thread's processor time at the beginning of the turn."""
        self._is_next_planned = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Return at once, or in a later turn if this answer has used the processor for long."""
        while self._is_over():
            own = asyncio.get_running_loop().create_future()
            self._waiting.append(own)
            await own

    def _is_over(self) -> bool:
        if self._began_at is None:
            self._began_at, self._used_before = perf_counter(), thread_time()
            self._plan_next()
            return False
        # The processor time is a system call, and never more than the time that has passed.
        if perf_counter() - self._began_at <= limits.TURN_SECONDS:
            return False
        return thread_time() - self._used_before > limits.TURN_SECONDS

    def _plan_next(self) -> None:
        # After all that is ready now; what arrived meanwhile, from other requests too, is ready then.
        if not self._is_next_planned:
            self._is_next_planned = True
            asyncio.get_running_loop().call_soon(self._begin_next)

    def _begin_next(self) -> None:
        self._is_next_planned = False
        self._began_at = None
        for _ in range(min(WAITING_PER_TURN, len(self._waiting))):
            waiting = self._waiting.popleft()
            if not waiting.done():  # Its request may have been canceled.
                waiting.set_result(None)
        if self._waiting:
            self._plan_next()
