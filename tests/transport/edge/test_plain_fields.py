"""Plain fields of the product's schema: what is read the short way is what graphql-core makes of it."""

from functools import cache
from types import SimpleNamespace
from typing import Final

import pytest
from graphql import (
    Executor,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    NameNode,
    get_named_type,
    is_enum_type,
    parse,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import CollectedErrors
from graphql.pyutils import Path

from edge.execution.answer_limits import AnswerBudget, FairScheduling
from edge.execution.executor import AnswerExecutor
from edge.execution.plain_fields import PlainFields, plain_fields
from payments.model.callers import BACK_END
from payments.model.money import Money
from resolvers.root import attribute_of, executable

SCHEMA: Final = executable()
PLAIN: Final[PlainFields] = plain_fields(SCHEMA, attribute_of)
VALUES: Final = (
    None,
    "text",
    "",
    7,
    2**40,
    1.5,
    True,
    False,
    {"key": ["value"]},
    Money(4990, "USD"),
    1_700_000_000_000_000,
    object(),
    ValueError("of a resolver"),
)
"""Right for some types and wrong for others."""


@cache
def executor() -> AnswerExecutor:
    """Return an executor of some operation of the schema."""
    made = AnswerExecutor.build(SCHEMA, parse("{ __typename }"), None, None)
    assert isinstance(made, AnswerExecutor)
    made.budget, made.scheduling = AnswerBudget(BACK_END), FairScheduling()
    made.plain_fields, made.selected = PLAIN, {}
    return made


def answer(way: type[Executor[object]], of: GraphQLObjectType, name: str, source: object) -> object:
    """Return what one way makes of a field: its value, or the errors with their places."""
    one = executor()
    one.collected_errors = CollectedErrors()
    details = [FieldDetails(FieldNode(name=NameNode(value=name)), None, None)]
    path = Path(None, name, of.name)
    try:
        value = way.execute_field(one, of, source, details, path, None)
    except GraphQLError as error:
        return [error.formatted]
    return value, [error.formatted for error in one.collected_errors.errors]


@pytest.mark.parametrize("type_name", [name for name, fields in PLAIN.items() if fields])
def test_a_plain_field_is_what_the_general_way_makes_of_it(type_name: str) -> None:
    """Each kind of value, right or wrong, twice: the second time an enum's name is known already."""
    of = SCHEMA.type_map[type_name]
    assert isinstance(of, GraphQLObjectType)
    for name, plain in PLAIN[type_name].items():
        inner = get_named_type(of.fields[name].type)
        members = [one.value for one in inner.values.values()] if is_enum_type(inner) else []
        wrapped = [*getattr(inner, "wrapped_cls", ())]
        for value in [*VALUES, *members, *wrapped] * 2:
            source = SimpleNamespace(**{plain.attribute: value})
            short = answer(AnswerExecutor, of, name, source)
            assert short == answer(Executor, of, name, source), name


def test_an_object_without_the_attribute_is_an_error() -> None:
    """A fault of ours is told where it is, as the general way tells it."""
    of = SCHEMA.type_map["Payment"]
    assert isinstance(of, GraphQLObjectType)
    found = answer(AnswerExecutor, of, "status", SimpleNamespace())
    assert found == answer(Executor, of, "status", SimpleNamespace())
    assert isinstance(found, list)
    assert found[0]["path"] == ["status"]


def test_every_attribute_of_an_answer_is_read_the_short_way() -> None:
    """The fields without a resolver of their own, and without objects beneath, are plain."""
    assert {"id", "status", "amount", "metadata", "captureBefore"} <= PLAIN["Payment"].keys()
    assert not {"provider", "captures", "events"} & PLAIN["Payment"].keys()
