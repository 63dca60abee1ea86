"""Runs an operation as graphql-core does, counts the values of its answer, and gives way to others meanwhile."""

from collections.abc import Awaitable, Coroutine
from typing import Any

from graphql import Executor, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path

from edge import limits
from edge.errors import AnswerTooLarge
from edge.turns import Turns
from payments.access import Caller


class Room:
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


class CountingExecutor(Executor[object]):
    """Stops where there is no room for the answer, and gives way where it takes long."""

    room: Room
    turns: Turns

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: object,
    ) -> AwaitableOrValue[dict[str, object]]:
        """Execute the fields of one object; raises AnswerTooLarge."""
        self.room.take(len(grouped_field_set))
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
            await self.turns.wait()
            self.room.take(0)  # Nothing more is begun for an answer that is refused already.
        except BaseException:
            if isinstance(result, Coroutine):
                result.close()  # It has not begun, and never will.
            raise
        value = await result
        await self.turns.wait()
        return value
