"""Compares the server's schema with the contract: nothing may be missing or changed."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from graphql import (
    REMOVE,
    DocumentNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    GraphQLSchema,
    InputValueDefinitionNode,
    Node,
    TypeDefinitionNode,
    Visitor,
    VisitorAction,
    build_ast_schema,
    build_schema,
    is_input_object_type,
    parse,
    visit,
)
from graphql.utilities import (
    DangerousChangeType,
    SafeChangeType,
    find_schema_changes,
    resolve_schema_coordinate,
)

ROOT: Final = Path(__file__).resolve().parent.parent
CONTRACT: Final = ROOT.parent / "shared" / "contract" / "schema.graphql"
SCHEMA_TIMEOUT_SECONDS: Final = 60

# What later issues build, by schema coordinate: Type, Type.field, Type.field(argument:) or
# Enum.VALUE. An entry that the server has by now, or that the contract does not have, fails the
# comparison, so that this list only shrinks.
LEFT_OUT: Final = (
    # Filters and backward paging.
    "DateTimeRange",
    "PaymentCollectionFilter",
    "PaymentFilter",
    "Query.paymentCollections(before:)",
    "Query.paymentCollections(filter:)",
    "Query.paymentCollections(last:)",
    "Query.payments(before:)",
    "Query.payments(filter:)",
    "Query.payments(last:)",
)

# The only kinds of change that pass. One that graphql-core learns later fails until it is judged.
ADDITIONS: Final = frozenset(
    {
        DangerousChangeType.IMPLEMENTED_INTERFACE_ADDED,
        DangerousChangeType.OPTIONAL_ARG_ADDED,
        DangerousChangeType.OPTIONAL_INPUT_FIELD_ADDED,
        DangerousChangeType.TYPE_ADDED_TO_UNION,
        DangerousChangeType.VALUE_ADDED_TO_ENUM,
        SafeChangeType.DESCRIPTION_CHANGED,
        SafeChangeType.DIRECTIVE_ADDED,
        SafeChangeType.DIRECTIVE_LOCATION_ADDED,
        SafeChangeType.DIRECTIVE_REPEATABLE_ADDED,
        SafeChangeType.FIELD_ADDED,
        SafeChangeType.OPTIONAL_ARG_ADDED,
        SafeChangeType.OPTIONAL_DIRECTIVE_ARG_ADDED,
        SafeChangeType.OPTIONAL_INPUT_FIELD_ADDED,
        SafeChangeType.TYPE_ADDED,
    }
)


def differences(contract: str, server: str, left_out: Iterable[str] = ()) -> list[str]:
    """List in sentences what the server's SDL lacks or has otherwise than the contract's SDL."""
    ours = build_schema(server)
    leaving_out = LeavingOut(left_out)
    document: DocumentNode = visit(parse(contract), leaving_out)
    found = [
        *(f"Left out, but there already: {name}." for name in leaving_out.names if has(ours, name)),
        *(
            f"Left out, but not in the contract or named twice: {name}."
            for name in leaving_out.unused
        ),
    ]
    try:
        wanted = build_ast_schema(document)
    except TypeError as error:
        return [*found, f"Left out, but needed by what is compared: {error}"]
    changes = find_schema_changes(wanted, ours)
    return [
        *found,
        *(change.description for change in changes if change.type not in ADDITIONS),
        *root_differences(wanted, ours),
        *one_of_differences(wanted, ours),
    ]


class LeavingOut(Visitor):
    """Takes definitions out of a document by their coordinates, and keeps what it did not meet."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.unused = list(self.names)

    def enter(
        self,
        node: Node,
        _key: str | int | None,
        _parent: object,
        _path: list[str | int],
        ancestors: list[object],
    ) -> VisitorAction:
        """Remove the node if its coordinate is left out."""
        coordinate = coordinate_of(node, ancestors)
        if coordinate not in self.names:
            return None
        if coordinate in self.unused:
            self.unused.remove(coordinate)
        return REMOVE


def coordinate_of(node: Node, ancestors: Iterable[object]) -> str | None:
    """Name a definition by its schema coordinate; None for what has none."""
    owners = [
        ancestor.name.value
        for ancestor in ancestors
        if isinstance(ancestor, TypeDefinitionNode | FieldDefinitionNode)
    ]
    match node, owners:
        case TypeDefinitionNode(), []:
            return node.name.value
        case FieldDefinitionNode() | EnumValueDefinitionNode() | InputValueDefinitionNode(), [kind]:
            return f"{kind}.{node.name.value}"
        case InputValueDefinitionNode(), [kind, field]:
            return f"{kind}.{field}({node.name.value}:)"
        case _:
            return None


def has(schema: GraphQLSchema, coordinate: str) -> bool:
    """Tell whether the schema has something by this coordinate."""
    try:
        return resolve_schema_coordinate(schema, coordinate) is not None
    except TypeError:
        return False  # The type or field that it would belong to is not there either.


def root_differences(wanted: GraphQLSchema, ours: GraphQLSchema) -> list[str]:
    """List the root types that differ, which graphql-core does not compare."""
    pairs = {
        "query": (wanted.query_type, ours.query_type),
        "mutation": (wanted.mutation_type, ours.mutation_type),
        "subscription": (wanted.subscription_type, ours.subscription_type),
    }
    return [
        f"The {operation} type changed from {old} to {new}."
        for operation, (old, new) in pairs.items()
        if old is not None and (new is None or old.name != new.name)
    ]


def one_of_differences(wanted: GraphQLSchema, ours: GraphQLSchema) -> list[str]:
    """List the inputs that are @oneOf in one schema only, which graphql-core does not compare."""
    return [
        f"Input {name} changed @oneOf from {old.is_one_of} to {new.is_one_of}."
        for name, old in wanted.type_map.items()
        if is_input_object_type(old)
        and is_input_object_type(new := ours.type_map.get(name))
        and old.is_one_of != new.is_one_of
    ]


def server_schema() -> str | None:
    """Ask the server's command line for its SDL; None where it fails, and it has said why."""
    done = subprocess.run(
        [sys.executable, "server.py", "schema"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SCHEMA_TIMEOUT_SECONDS,
    )
    return done.stdout if done.returncode == 0 else None


def main() -> int:
    """Print what differs; 0 if nothing does."""
    if not CONTRACT.is_file():
        print("The contract is not there: ../shared/contract/schema.graphql, beside the checkout.")
        return 1
    server = server_schema()
    if server is None:
        print("The server could not print its schema: python server.py schema failed.")
        return 1
    found = differences(CONTRACT.read_text(encoding="utf-8"), server, LEFT_OUT)
    for sentence in found:
        print(sentence)
    print(
        f"{len(found)} differences from the contract."
        if found
        else f"The schema is as in the contract; left out for later issues: {len(LEFT_OUT)}."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
