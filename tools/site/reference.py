"""The GraphQL reference as Markdown, written from the schema with every description."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_introspection_type,
    print_ast,
)

ROOTS: Final = ("Query", "Mutation", "Subscription")


class Kind(NamedTuple):
    """A page of the reference and the types on it."""

    page: str
    title: str
    holds: Callable[[GraphQLNamedType], bool]


KINDS: Final = (
    Kind("queries", "Queries", lambda type_: type_.name == "Query"),
    Kind("mutations", "Mutations", lambda type_: type_.name == "Mutation"),
    Kind("subscriptions", "Subscriptions", lambda type_: type_.name == "Subscription"),
    Kind("objects", "Objects", lambda type_: isinstance(type_, GraphQLObjectType)),
    Kind("inputs", "Inputs", lambda type_: isinstance(type_, GraphQLInputObjectType)),
    Kind(
        "unions",
        "Unions and interfaces",
        lambda type_: isinstance(type_, GraphQLUnionType | GraphQLInterfaceType),
    ),
    Kind("enums", "Enums", lambda type_: isinstance(type_, GraphQLEnumType)),
    Kind("scalars", "Scalars", lambda type_: isinstance(type_, GraphQLScalarType)),
)
"""The first kind that matches a type has it."""


def reference_pages(sdl: str) -> dict[str, str]:
    """Return the Markdown of each page by its file name."""
    schema = build_schema(sdl)
    types = sorted(
        (one for one in schema.type_map.values() if not is_introspection_type(one)),
        key=lambda one: one.name,
    )
    page_of = {one.name: _kind_of(one).page for one in types}
    return {
        f"{kind.page}.md": _page(
            kind, [one for one in types if _kind_of(one) is kind], page_of, schema
        )
        for kind in KINDS
    }


def _kind_of(type_: GraphQLNamedType) -> Kind:
    return next(kind for kind in KINDS if kind.holds(type_))


def _page(
    kind: Kind, types: Iterable[GraphQLNamedType], page_of: Mapping[str, str], schema: GraphQLSchema
) -> str:
    writer = _Writer(schema, page_of)
    return (
        "\n\n".join([f"# {kind.title}", *(part for one in types for part in writer.type(one))])
        + "\n"
    )


class _Writer:
    """A writer of types; links go to the page of each of them."""

    def __init__(self, schema: GraphQLSchema, page_of: Mapping[str, str]) -> None:
        self._schema = schema
        self._page_of = page_of

    def type(self, type_: GraphQLNamedType) -> list[str]:
        """Return the paragraphs on a type; of a root type, those on each of its fields."""
        if isinstance(type_, GraphQLObjectType) and type_.name in ROOTS:
            return [
                part
                for name, field in type_.fields.items()
                for part in self._root_field(name, field)
            ]
        heading = f"## {type_.name} {{ #{_anchor(type_.name)} }}"
        return [heading, *_paragraphs(type_.description), *self._body(type_)]

    def _body(self, type_: GraphQLNamedType) -> list[str]:
        match type_:
            case GraphQLObjectType():
                return [*self._belongs_to(type_), _table("Field", self._fields(type_.fields))]
            case GraphQLInterfaceType():
                members = self._schema.get_possible_types(type_)
                return [
                    f"Implemented by {self._list(members)}.",
                    _table("Field", self._fields(type_.fields)),
                ]
            case GraphQLUnionType():
                return [f"One of {self._list(type_.types)}."]
            case GraphQLInputObjectType():
                one_of = ["Exactly one field is given."] if type_.is_one_of else []
                return [*one_of, _table("Field", self._inputs(type_.fields))]
            case GraphQLEnumType():
                rows = [
                    (f"`{name}`", _cell(value.description)) for name, value in type_.values.items()
                ]
                return [_rows(("Value", "Meaning"), rows)]
            case _:
                return []

    def _root_field(self, name: str, field: GraphQLField) -> list[str]:
        parts = [
            f"## {name} {{ #{_anchor(name)} }}",
            *_paragraphs(field.description),
            f"Returns {self._reference(field.type)}{self._members(field.type)}.",
        ]
        if list(field.args) == ["input"]:
            return [*parts, f"Takes {self._reference(field.args['input'].type)} as `input`."]
        return [*parts, _table("Argument", self._inputs(field.args))] if field.args else parts

    def _members(self, type_: GraphQLType) -> str:
        named = get_named_type(type_)
        return f": {self._list(named.types)}" if isinstance(named, GraphQLUnionType) else ""

    def _belongs_to(self, type_: GraphQLObjectType) -> list[str]:
        unions = [
            one
            for one in self._schema.type_map.values()
            if isinstance(one, GraphQLUnionType) and type_ in one.types
        ]
        found = []
        if type_.interfaces:
            found.append(f"Implements {self._list(type_.interfaces)}.")
        if unions:
            found.append(f"Member of {self._list(unions)}.")
        return [" ".join(found)] if found else []

    def _fields(self, fields: Mapping[str, GraphQLField]) -> list[tuple[str, str, str]]:
        return [
            (
                f"`{name}`",
                self._reference(field.type),
                "<br>".join(
                    text
                    for text in (
                        _deprecation(field),
                        _cell(field.description),
                        self._arguments(field),
                    )
                    if text
                ),
            )
            for name, field in fields.items()
        ]

    def _arguments(self, field: GraphQLField) -> str:
        arguments = [
            f"`{name}`: {type_}{f', {text}' if text else ''}"
            for name, type_, text in self._inputs(field.args)
        ]
        return f"Arguments: {'; '.join(arguments)}." if arguments else ""

    def _inputs(
        self, inputs: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]
    ) -> list[tuple[str, str, str]]:
        return [
            (f"`{name}`", f"{self._reference(one.type)}{_default(one)}", _cell(one.description))
            for name, one in inputs.items()
        ]

    def _reference(self, type_: GraphQLType) -> str:
        match type_:
            case GraphQLNonNull():
                return f"{self._reference(type_.of_type)}!"
            case GraphQLList():
                return f"\\[{self._reference(type_.of_type)}\\]"
            case GraphQLNamedType():
                return f"[{type_.name}]({self._page_of[type_.name]}.md#{_anchor(type_.name)})"
            case _:
                raise TypeError(f"{type_} is neither a named type nor a wrapper.")

    def _list(self, types: Iterable[GraphQLNamedType]) -> str:
        return ", ".join(self._reference(one) for one in types)


def _anchor(name: str) -> str:
    return name.lower()


def _paragraphs(description: str | None) -> list[str]:
    return [_escaped(one) for one in (description or "").split("\n\n") if one]


def _cell(description: str | None) -> str:
    return _escaped(" ".join((description or "").split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Return a description in which nothing except code between backticks is markup."""
    prose_and_code = text.split("`")
    for place in range(0, len(prose_and_code), 2):
        for mark in "\\_*[]<":
            prose_and_code[place] = prose_and_code[place].replace(mark, f"\\{mark}")
    return "`".join(prose_and_code)


def _deprecation(field: GraphQLField) -> str:
    return f"**Deprecated:** {_cell(field.deprecation_reason)}" if field.deprecation_reason else ""


def _default(one: GraphQLArgument | GraphQLInputField) -> str:
    node = one.ast_node
    return (
        f" = `{print_ast(node.default_value)}`" if node is not None and node.default_value else ""
    )


def _table(first: str, rows: Iterable[tuple[str, str, str]]) -> str:
    rows = list(rows)
    if not any(description for _, _, description in rows):
        return _rows((first, "Type"), [row[:2] for row in rows])
    return _rows((first, "Type", "Description"), rows)


def _rows(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ("---",) * len(heads), *rows])
