"""Runs an operation as graphql-core does, and counts the values of its answer."""

from graphql import Executor, GraphQLObjectType
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path

from edge import limits
from edge.errors import AnswerTooLarge
from payments.access import Caller


class Room:
    """Is how many values an answer may still hold."""

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
    """Stops where there is no room for the answer."""

    room: Room

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
