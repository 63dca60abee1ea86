"""The executor of operations: graphql-core's, with a shorter way for what most answers are made of.

It counts the values of an answer, and lets other requests run meanwhile.
"""

from collections.abc import Awaitable, Coroutine
from typing import Any

from graphql import Executor, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, Undefined
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path

from edge.execution.answer_limits import AnswerBudget, FairScheduling
from edge.execution.plain_fields import PlainFields

Selected = dict[tuple[object, ...], CollectedFields]
"""What a document selects below its fields, by the type there and the identities of the fields' nodes."""


class AnswerExecutor(Executor[object]):
    """The executor of one operation, or of one item of a stream."""

    budget: AnswerBudget
    scheduling: FairScheduling
    plain_fields: PlainFields
    selected: Selected | None
    """What was selected below each field, where it is the same for all variables."""

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Return what is selected of one type below a field; for most documents it is collected once."""
        if self.selected is None:
            return super().collect_subfields(return_type, field_details_list)
        key = (return_type.name, *[id(details.node) for details in field_details_list])
        found = self.selected.get(key)
        if found is None:
            found = super().collect_subfields(return_type, field_details_list)
            self.selected[key] = found
        return found

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: object,
    ) -> AwaitableOrValue[Any]:
        """Execute a field; a plain one that has a proper value is only read and coerced."""
        name = field_details_list[0].node.name.value
        if name == "__typename":
            return parent_type.name
        plain = self.plain_fields[parent_type.name].get(name)
        if plain is not None:
            try:
                value = getattr(source, plain.attribute)
                if value is None and plain.is_nullable:
                    return None
                coerced = None if isinstance(value, Exception) else plain.coerce(value)
                if coerced is not None and coerced is not Undefined:
                    return coerced
            except Exception:  # noqa: BLE001, S110 - the general way below meets it again, and says where it is
                pass
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )

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
        """Complete an awaited value, each part of it in a turn of this answer."""
        return await super().complete_awaitable_value(
            return_type, field_details_list, info, path, self._in_turn(result), position_context
        )

    async def _in_turn(self, result: Awaitable[object]) -> object:
        try:
            await self.scheduling.wait()
            self.budget.take(0)  # Nothing more is begun for an answer that is already refused.
        except BaseException:
            if isinstance(result, Coroutine):
                result.close()  # It has not begun and never will.
            raise
        value = await result
        await self.scheduling.wait()
        return value
