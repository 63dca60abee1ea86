"""Finds every union that a document selects from, and what it selects of each member: what a client has to narrow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_union_type,
    parse,
    print_ast,
)

from tests.support.program.running import document, document_names

INTERFACES = ("Failure", "CustomerAction")
"""The interfaces that members added later implement, by the schema's own promise."""


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way to a union."""

    key: str
    """Its name in the answer."""
    is_list: bool
    member: str | None = None
    """The member through which the way goes on, if the field is a union itself."""


@dataclass(frozen=True, slots=True)
class Union:
    """One place at which an operation answers with a union."""

    operation: str
    kind: str
    """Query, Mutation or Subscription."""
    variables: tuple[str, ...]
    """Their types."""
    steps: tuple[Step, ...]
    """The last is the union's own field."""
    is_nullable: bool
    members: Mapping[str, tuple[str, ...]]
    """Each member's name, and the names in the answer of what is selected of it besides __typename."""
    has_typename: bool
    interface: str
    """The interface that members added later implement."""
    of_interface: frozenset[str]
    """The fields that are selected on it, and so read of such a member."""
    failures: frozenset[str]
    """The members that implement Failure."""

    @property
    def name(self) -> str:
        """Return the place, as an identifier of either language."""
        steps = [f"{step.key}_{step.member}" if step.member else step.key for step in self.steps]
        return "_".join([self.operation, *steps])

    @property
    def is_result(self) -> bool:
        """Return whether this is what a mutation answers."""
        return self.kind == "Mutation" and len(self.steps) == 1

    def without_last_member(self) -> "Union":
        """Return the union as somebody remembers it who has forgotten a member."""
        *left, _ = self.members
        return replace(self, members={name: self.members[name] for name in left})

    def another(self, member: str) -> str | None:
        """Return something that is selected of another member and not of this one, where there is anything."""
        others = {key for keys in self.members.values() for key in keys}
        return min(others - set(self.members[member]), default=None)


def every_union(schema: GraphQLSchema) -> list[Union]:
    """Return the unions of all documents, in the documents' order."""
    return [union for name in document_names() for union in unions_of(schema, document(name))]


def unions_of(schema: GraphQLSchema, text: str) -> Iterator[Union]:
    """Return the unions of one document, the outer ones first."""
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    variables = [print_ast(one.type) for one in operation.variable_definitions or ()]
    root = schema.get_root_type(operation.operation)
    assert root is not None
    for steps, is_nullable, union, selected in _within(schema, root, [operation.selection_set], ()):
        selections = [one for each in selected for one in each.selections]
        interface = _promised(union)
        yield Union(
            operation=operation.name.value,
            kind=root.name,
            variables=tuple(variables),
            steps=steps,
            is_nullable=is_nullable,
            members={
                member.name: tuple(
                    key for key in fields_of(member, selected) if key != "__typename"
                )
                for member in union.types
            },
            has_typename=any(_name(one) == "__typename" for one in selections),
            interface=interface,
            of_interface=frozenset(
                _name(field)
                for one in selections
                if isinstance(one, InlineFragmentNode) and _name(one) == interface
                for field in one.selection_set.selections
            ),
            failures=frozenset(one.name for one in union.types if _implements(one, "Failure")),
        )


def fields_of(
    member: GraphQLObjectType, selected: Sequence[SelectionSetNode]
) -> dict[str, list[FieldNode]]:
    """Collect what is selected of a type, by its name in the answer."""
    found: dict[str, list[FieldNode]] = {}
    for selection in [one for selections in selected for one in selections.selections]:
        if isinstance(selection, FieldNode):
            found.setdefault((selection.alias or selection.name).value, []).append(selection)
        elif _name(selection) == member.name or _implements(member, _name(selection)):
            assert isinstance(selection, InlineFragmentNode)
            for key, nodes in fields_of(member, [selection.selection_set]).items():
                found.setdefault(key, []).extend(nodes)
    return found


def _name(selection: SelectionNode) -> str:
    if isinstance(selection, FieldNode):
        return selection.name.value
    assert isinstance(selection, InlineFragmentNode)
    assert selection.type_condition is not None
    return selection.type_condition.name.value


def _within(
    schema: GraphQLSchema,
    kind: GraphQLNamedType,
    selected: Sequence[SelectionSetNode],
    way: tuple[Step, ...],
) -> Iterator[tuple[tuple[Step, ...], bool, GraphQLUnionType, Sequence[SelectionSetNode]]]:
    if not is_object_type(kind):
        return
    for key, nodes in fields_of(kind, selected).items():
        inner = [node.selection_set for node in nodes if node.selection_set is not None]
        if not inner:
            continue
        given = kind.fields[nodes[0].name.value].type
        named = get_named_type(given)
        bare = given.of_type if is_non_null_type(given) else given
        step = Step(key, is_list_type(bare))
        if is_union_type(named):
            yield (*way, step), not is_non_null_type(given), named, inner
            for member in named.types:
                through = Step(key, step.is_list, member.name)
                yield from _within(schema, member, inner, (*way, through))
        else:
            yield from _within(schema, named, inner, (*way, step))


def _promised(union: GraphQLUnionType) -> str:
    (interface,) = [
        name for name in INTERFACES if any(_implements(one, name) for one in union.types)
    ]
    return interface


def _implements(member: GraphQLObjectType, interface: str) -> bool:
    return any(one.name == interface for one in member.interfaces)
