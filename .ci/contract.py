"""Compares the server's schema with the contract: nothing may be missing or changed."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from graphql import (
    GraphQLSchema,
    build_schema,
    is_input_object_type,
)
from graphql.utilities import (
    DangerousChangeType,
    SafeChangeType,
    find_schema_changes,
)

ROOT: Final = Path(__file__).resolve().parent.parent
CONTRACT: Final = ROOT.parent / "shared" / "contract" / "schema.graphql"
SCHEMA_TIMEOUT_SECONDS: Final = 60

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


def differences(contract: str, server: str) -> list[str]:
    """List in sentences what the server's SDL lacks or has otherwise than the contract's SDL."""
    wanted, ours = build_schema(contract), build_schema(server)
    changes = find_schema_changes(wanted, ours)
    return [
        *(change.description for change in changes if change.type not in ADDITIONS),
        *root_differences(wanted, ours),
        *one_of_differences(wanted, ours),
    ]


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
    found = differences(CONTRACT.read_text(encoding="utf-8"), server)
    for sentence in found:
        print(sentence)
    print(
        f"{len(found)} differences from the contract."
        if found
        else "The schema is as in the contract."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
