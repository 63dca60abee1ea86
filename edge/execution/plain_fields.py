"""Plain fields: scalars and enums that are attributes of their object, read without the executor's general way.

The general way makes a description of each field for its resolver, which such a field has no use for.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)

AttributeOf = Callable[[GraphQLField], str | None]


class PlainField(NamedTuple):
    """A field that is an attribute of its object."""

    attribute: str
    coerce: Callable[[Any], Any]
    """Its type's own coercion of a value for the answer."""
    is_nullable: bool


PlainFields = Mapping[str, Mapping[str, PlainField]]
"""Plain fields by the names of their type and their own."""


def plain_fields(schema: GraphQLSchema, attribute_of: AttributeOf) -> PlainFields:
    """Return the plain fields of a schema; `attribute_of` tells which attribute a field is, if it is one."""
    return {
        name: {
            field_name: plain
            for field_name, field in one.fields.items()
            if (plain := _plain(field, attribute_of)) is not None
        }
        for name, one in schema.type_map.items()
        if isinstance(one, GraphQLObjectType)
    }


def _plain(field: GraphQLField, attribute_of: AttributeOf) -> PlainField | None:
    attribute = attribute_of(field)
    is_nullable = not is_non_null_type(field.type)
    inner = get_nullable_type(field.type)
    if attribute is None or field.args or not is_leaf_type(inner):
        return None
    if isinstance(inner, GraphQLEnumType):
        return PlainField(attribute, _NamesOf(inner).__getitem__, is_nullable)
    return PlainField(attribute, inner.coerce_output_value, is_nullable)


class _NamesOf(dict[Any, str]):
    """The names of an enum's values, each found once: the type itself compares a value with all of them."""

    def __init__(self, enum: GraphQLEnumType) -> None:
        super().__init__()
        self._enum = enum

    def __missing__(self, value: Any) -> str:
        """Return the name of a value that is met for the first time; raises where it is none."""
        name: str = self._enum.coerce_output_value(value)
        self[value] = name
        return name
