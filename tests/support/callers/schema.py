"""The committed schema."""

from functools import cache

from graphql import GraphQLSchema, build_schema

from tests.support.program.running import ROOT


@cache
def committed_schema() -> GraphQLSchema:
    """Return the schema, read once for each process."""
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())
