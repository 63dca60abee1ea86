"""Writes, for every mutation, the document that selects every field of every member of its result union.

`python -m tests.complete_documents` writes them to `tests/documents/complete/`; a test holds the files to the schema.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
    is_required_argument,
    is_union_type,
)

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "documents" / "complete"
DEEPEST = 1
"""Levels below a member whose own fields are all selected; deeper objects show their type and id."""


def complete_documents(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Return each mutation's name and its document."""
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        result = get_named_type(field.type)
        assert is_union_type(result)
        (argument,) = field.args.values()
        operation = name[0].upper() + name[1:]
        lines = [
            f"# Every field of every member of {result.name}",
            f"mutation {operation}Complete($input: {argument.type}) {{",
            f"  {name}(input: $input) {{",
            *_members(schema, result, 4, 0),
        ]
        yield name, "\n".join([*lines, "  }", "}", ""])


def _members(
    schema: GraphQLSchema, union: GraphQLUnionType, indent: int, level: int
) -> Iterator[str]:
    """Select an interface's fields in a fragment on it, and nowhere else, so that members added later are read too.

    Selected twice, some generators of clients would give them twice to one class.
    """
    space = " " * indent
    interfaces = {
        interface.name: list(_fields(schema, interface, indent + 2, level))
        for member in union.types
        for interface in member.interfaces
        if interface.name != "Node"
    }
    yield f"{space}__typename"
    for member in union.types:
        shared = {line for one in member.interfaces for line in interfaces.get(one.name, ())}
        own = _aliased(union, member, list(_fields(schema, member, indent + 2, level)))
        yield from _block(f"{space}... on {member.name}", [one for one in own if one not in shared])
    for name, lines in interfaces.items():
        yield from _block(f"{space}... on {name}", lines)


def _block(head: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{head} {{"
        yield from lines
        yield f"{' ' * (len(head) - len(head.lstrip()))}}}"


def _aliased(
    result: GraphQLUnionType, member: GraphQLObjectType, lines: Sequence[str]
) -> Iterator[str]:
    """Return a field another name where a failing member has one of this name and of another type."""
    others = [one.fields for one in result.types if one is not member and "code" in one.fields]
    is_failure = any(interface.name == "Failure" for interface in member.interfaces)
    indent = len(lines[0]) - len(lines[0].lstrip())
    for line in lines:
        name = line.strip()
        own = member.fields.get(name) if line == f"{' ' * indent}{name}" else None
        of_others = [fields[name].type for fields in others if name in fields]
        is_another = own is not None and any(str(kind) != str(own.type) for kind in of_others)
        if is_another and not is_failure:
            prefix = member.name[0].lower() + member.name[1:]
            yield line.replace(name, f"{prefix}{name[0].upper()}{name[1:]}: {name}")
        else:
            yield line


def _fields(
    schema: GraphQLSchema, kind: GraphQLNamedType, indent: int, level: int
) -> Iterator[str]:
    if is_union_type(kind):
        yield from _members(schema, kind, indent, level)
        return
    assert is_object_type(kind) or is_interface_type(kind)
    for name, field in kind.fields.items():
        yield from _field(schema, name, field, indent, level)


def _field(
    schema: GraphQLSchema, name: str, field: GraphQLField, indent: int, level: int
) -> Iterator[str]:
    assert not any(is_required_argument(argument) for argument in field.args.values())
    kind = get_named_type(field.type)
    space = " " * indent
    if not is_composite_type(kind):
        yield f"{space}{name}"
    elif is_union_type(kind) or (level < DEEPEST and not kind.name.endswith("Connection")):
        yield f"{space}{name} {{"
        yield from _fields(schema, kind, indent + 2, level + 1)
        yield f"{space}}}"
    else:
        has_id = is_object_type(kind) and "id" in kind.fields
        yield f"{space}{name} {{ {'id' if has_id else '__typename'} }}"


def main() -> None:
    """Write the documents of the committed schema."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    FOLDER.mkdir(exist_ok=True)
    for name, text in complete_documents(schema):
        (FOLDER / f"{name}.graphql").write_text(text)


if __name__ == "__main__":
    main()
