"""A plugin for ariadne-codegen: the client reads members and enum values that the schema gets after it was made.

Pydantic refuses a union's member whose `__typename` the generated code does not name, and a value that an enum does not
have. With this plugin a member that is not known is read by the interface it implements, as `FurtherFailure` or
`FurtherCustomerAction`, with the fields that the document selects `... on Failure` or `... on CustomerAction`; a value
that is not known is a member of its enum all the same.
"""

import ast
from typing import Final

from ariadne_codegen.plugins.base import Plugin
from graphql import (
    ExecutableDefinitionNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLUnionType,
    SelectionSetNode,
    extend_schema,
    parse,
    print_type,
)

INTERFACES: Final = ("Failure", "CustomerAction")
"""The interfaces that members added later implement, by the schema's own promise."""

PREFIX: Final = "Further"

MISSING: Final = """
@classmethod
def _missing_(cls, value: object) -> "{name} | None":
    if not isinstance(value, str):
        return None
    further = str.__new__(cls, value)
    further._name_ = further._value_ = value
    return further
"""


class FurtherMembers(Plugin):
    """Adds to each union a member for what is not known yet."""

    def process_schema(self, schema: GraphQLSchema) -> GraphQLSchema:
        """Return the schema with one more member in each union whose members implement one of the interfaces."""
        added = []
        for name in INTERFACES:
            interface = schema.type_map[name]
            assert isinstance(interface, GraphQLInterfaceType)
            fields = print_type(interface).partition(f"interface {name} ")[2]
            added.append(f"type {PREFIX}{name} implements {name} {fields}")
            implementing = set(schema.get_possible_types(interface))
            added += [
                f"extend union {union.name} = {PREFIX}{name}"
                for union in schema.type_map.values()
                if isinstance(union, GraphQLUnionType) and implementing & set(union.types)
            ]
        return extend_schema(schema, parse("\n".join(added)))

    def generate_result_field(
        self,
        field_implementation: ast.AnnAssign,
        operation_definition: ExecutableDefinitionNode,
        field: FieldNode,
    ) -> ast.AnnAssign:
        """Try a union's members in their order, of which the one for what is not known is the last."""
        if PREFIX in ast.unparse(field_implementation.annotation):
            for node in ast.walk(field_implementation):
                if isinstance(node, ast.keyword) and node.arg == "discriminator":
                    node.arg, node.value = "union_mode", ast.Constant("left_to_right")
        return field_implementation

    def generate_result_class(
        self,
        class_def: ast.ClassDef,
        operation_definition: ExecutableDefinitionNode,
        selection_set: SelectionSetNode,
    ) -> ast.ClassDef:
        """Let the member for what is not known have any name."""
        for statement in class_def.body:
            if isinstance(statement, ast.AnnAssign) and f'Literal["{PREFIX}' in ast.unparse(
                statement
            ):
                statement.annotation = ast.Name("str")
        return class_def

    def generate_enum(self, class_def: ast.ClassDef, enum_type: GraphQLEnumType) -> ast.ClassDef:
        """Let an enum take a value that is not known."""
        class_def.body += ast.parse(MISSING.format(name=class_def.name)).body
        return class_def
