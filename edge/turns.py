"""Lets a large answer give way, so that other requests have their turn while it is worked out."""

import asyncio
from collections import deque
from time import thread_time

from edge import limits

LET_IN = 1_000
"""Those that wait and look, in one turn at most, whether there is time left: so many as are asked for in one batch."""


class Turns:
    """What one answer does before others have their turn."""

    __slots__ = ("_began_at", "_is_next_planned", "_waiting")

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._is_next_planned = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Come back at once, or in a later turn where this one has taken the processor for long."""
        while self._is_over():
            own = asyncio.get_running_loop().create_future()
            self._waiting.append(own)
            await own

    def _is_over(self) -> bool:
        if self._began_at is None:
            self._began_at = thread_time()
            self._plan_next()
            return False
        return thread_time() - self._began_at > limits.TURN_SECONDS

    def _plan_next(self) -> None:
        # Behind all that is ready now; what came in meanwhile, from others too, is ready then.
        if not self._is_next_planned:
            self._is_next_planned = True
            asyncio.get_running_loop().call_soon(self._begin_next)

    def _begin_next(self) -> None:
        self._is_next_planned = False
        self._began_at = None
        for _ in range(min(LET_IN, len(self._waiting))):
            waiting = self._waiting.popleft()
            if not waiting.done():  # Its request may have been canceled.
                waiting.set_result(None)
        if self._waiting:
            self._plan_next()
