"""The conversion of inputs into their classes, found out once.

Strawberry's own looks at the type of every field again for every request.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLSchema
from strawberry.schema.name_converter import NameConverter
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import (
    StrawberryContainer,
    StrawberryObjectDefinition,
    has_object_definition,
)


class Conversion:
    """The conversion of one input without inputs in it: graphql-core has made all its values what they should be."""

    def __init__(self, definition: StrawberryObjectDefinition, names: NameConverter) -> None:
        self._python_names = {names.from_field(one): one.python_name for one in definition.fields}
        self._absent: dict[str, object] = {
            one.python_name: None
            for one in definition.fields
            if one.default_value is MISSING and one.default_factory is MISSING
        }

    def __call__(self, made: type, value: Mapping[str, Any], _: object) -> object:
        """Return an input of the class `made`; `value` has its values by their names in the schema."""
        names = self._python_names
        return made(**{**self._absent, **{names[name]: one for name, one in value.items()}})


def convert_flat_inputs(schema: GraphQLSchema, names: NameConverter) -> None:
    """Let every input without inputs in it be converted this way."""
    for one in schema.type_map.values():
        if isinstance(one, GraphQLInputObjectType):
            definition = one.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
            assert isinstance(definition, StrawberryObjectDefinition)
            if _is_flat(definition):
                definition.from_input = Conversion(definition, names)


def _is_flat(definition: StrawberryObjectDefinition) -> bool:
    return not any(
        has_object_definition(_innermost(field.resolve_type(type_definition=definition)))
        for field in definition.fields
    )


def _innermost(of: object) -> object:
    while isinstance(of, StrawberryContainer):
        of = of.of_type
    return of
