"""A client generator's needs: how a member of a union is told apart, and how one added later is read."""

from graphql import is_interface_type

from tests.clients.unions import Union
from tests.support.callers.schema import committed_schema


def test_every_mutation_is_among_the_unions(unions: list[Union]) -> None:
    """Each mutation's result is found in the use cases and in the complete documents."""
    mutation = committed_schema().mutation_type
    assert mutation is not None
    results = [union for union in unions if union.is_result]
    complete = {one.steps[0].key for one in results if one.operation.endswith("Complete")}
    use_cases = {one.steps[0].key for one in results if not one.operation.endswith("Complete")}
    assert complete == use_cases == mutation.fields.keys()


def test_every_union_is_selected_with_its_name(unions: list[Union]) -> None:
    """A client reads __typename of each, which is what it narrows by."""
    assert [union.name for union in unions if not union.has_typename] == []


def test_every_result_is_selected_as_a_failure_too(unions: list[Union]) -> None:
    """A member that is added later is read by `... on Failure`, which selects all that a Failure has."""
    failure = committed_schema().type_map["Failure"]
    assert is_interface_type(failure)
    results = [union for union in unions if union.is_result]
    assert [one.name for one in results if one.of_interface != failure.fields.keys()] == []
