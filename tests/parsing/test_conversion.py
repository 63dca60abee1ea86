"""Inputs become their classes as Strawberry itself would make them."""

from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, get_nullable_type, is_list_type, is_required_input_field
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryObjectDefinition

from resolvers.conversion import Conversion
from resolvers.root import SCHEMA, executable

INPUTS: Final = {
    name: one
    for name, one in executable().type_map.items()
    if isinstance(one, GraphQLInputObjectType)
}
WITH_INPUTS_IN_THEM: Final = {"PaymentCollectionFilter", "PaymentFilter"}


def definition_of(name: str) -> StrawberryObjectDefinition:
    """Return Strawberry's definition of an input."""
    definition = INPUTS[name].extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    assert isinstance(definition, StrawberryObjectDefinition)
    return definition


def test_every_input_without_inputs_in_it_is_converted_this_way() -> None:
    """The two others are filters of lists."""
    flat = {name for name in INPUTS if isinstance(definition_of(name).from_input, Conversion)}
    assert flat == INPUTS.keys() - WITH_INPUTS_IN_THEM


@pytest.mark.parametrize("name", sorted(INPUTS.keys() - WITH_INPUTS_IN_THEM))
def test_an_input_is_what_strawberry_makes_of_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is required alone, with everything, and with null wherever that is allowed."""
    definition, fields = definition_of(name), INPUTS[name].fields
    everything = {
        field: [f"of {field}"] if is_list_type(get_nullable_type(one.type)) else f"of {field}"
        for field, one in fields.items()
    }
    required = {
        field: everything[field] for field, one in fields.items() if is_required_input_field(one)
    }
    nulls = {**dict.fromkeys(fields), **required}

    def made(value: dict[str, Any]) -> object:
        registry = SCHEMA.schema_converter.scalar_registry
        return convert_argument(value, definition.origin, registry, SCHEMA.config)

    for value in (required, everything, nulls):
        ours = made(value)
        with monkeypatch.context() as patch:
            patch.setattr(definition, "from_input", None)
            assert ours == made(value)
