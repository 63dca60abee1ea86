"""Runs an operation as graphql-core does, counts the values of its answer, and gives way to others meanwhile."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from time import thread_time
from typing import Any

from graphql import Executor, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path

from edge import limits
from edge.errors import AnswerTooLarge
from payments.model.callers import Caller

WAITING_PER_TURN = 1_000
"""Those that wait and look, in one turn at most, whether there is time left: so many as are asked for in one batch."""


class AnswerBudget:
    """How many values an answer may still hold."""

    __slots__ = ("_left",)

    def __init__(self, caller: Caller) -> None:
        self._left = limits.BROWSER_VALUES if caller.is_browser else limits.BACK_END_VALUES

    def take(self, values: int) -> None:
        """Count so many more; raises AnswerTooLarge."""
        self._left -= values
        if self._left < 0:
            raise AnswerTooLarge(
                "The answer would be too large: ask for shorter pages, or for fewer lists within lists."
            )


class FairScheduling:
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
        for _ in range(min(WAITING_PER_TURN, len(self._waiting))):
            waiting = self._waiting.popleft()
            if not waiting.done():  # Its request may have been canceled.
                waiting.set_result(None)
        if self._waiting:
            self._plan_next()


class CountingExecutor(Executor[object]):
    """Stops where there is no room for the answer, and gives way where it takes long."""

    budget: AnswerBudget
    scheduling: FairScheduling

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: object,
    ) -> AwaitableOrValue[dict[str, object]]:
        """Execute the fields of one object; raises AnswerTooLarge."""
        self.budget.take(len(grouped_field_set))
        return super().execute_fields(
            parent_type, source_value, path, grouped_field_set, position_context
        )

    async def complete_awaitable_value(  # noqa: PLR0917 - graphql-core's
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: object,
    ) -> Any:
        """Complete a value that is waited for, each part of that in a turn of this answer's."""
        return await super().complete_awaitable_value(
            return_type, field_details_list, info, path, self._in_turn(result), position_context
        )

    async def _in_turn(self, result: Awaitable[object]) -> object:
        try:
            await self.scheduling.wait()
            self.budget.take(0)  # Nothing more is begun for an answer that is refused already.
        except BaseException:
            if isinstance(result, Coroutine):
                result.close()  # It has not begun, and never will.
            raise
        value = await result
        await self.scheduling.wait()
        return value
