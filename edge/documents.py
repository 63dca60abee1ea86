"""GraphQL documents: parsed and validated once, and kept with what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)

from edge import limits, selections
from edge.errors import ErrorEntry, RequestRefused, client_error, refuse


@dataclass(frozen=True, slots=True)
class Operation:
    """Is one operation of a valid document."""

    name: str | None
    type: OperationType
    document: DocumentNode


@dataclass(frozen=True, slots=True)
class Document:
    """Is a document's text after parsing and validation: its operations, or why it is refused."""

    operations: Mapping[str | None, Operation]
    status: int = 200
    errors: tuple[ErrorEntry, ...] = ()

    def operation(self, name: str | None) -> Operation:
        """Choose what to run; raises RequestRefused for a refused document and an open choice."""
        if self.errors:
            raise RequestRefused(self.status, self.errors)
        if name is not None:
            found = self.operations.get(name)
            if found is None:
                raise refuse(422, _OPEN_CHOICE, "The document has no operation of this name.")
            return found
        if len(self.operations) != 1:
            raise refuse(
                422,
                _OPEN_CHOICE,
                "The document has several operations: operationName has to say which one to run."
                if self.operations
                else "The document has no operation.",
            )
        return next(iter(self.operations.values()))


_OPEN_CHOICE = "OPERATION_RESOLUTION_FAILED"


class Documents:
    """Is the cache of documents for one schema."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._hide_suggestions = not introspection
        # Built once: graphql-core's own caches go by the identity of the rules.
        self._rules = (
            tuple(specified_rules)
            if introspection
            else (*specified_rules, NoSchemaIntrospectionCustomRule)
        )
        self.find = lru_cache(maxsize=limits.DOCUMENTS_KEPT)(self._prepare)

    def _prepare(self, text: str) -> Document:
        """Parse and validate a text; what is refused is remembered without its syntax tree."""
        try:
            tree = parse(text, max_tokens=limits.DOCUMENT_TOKENS)
        except GraphQLSyntaxError as error:
            # The parser has no classes for its two limits, only these sentences.
            if error.description.endswith("Parsing aborted."):
                return _refused(422, [client_error(error, "LIMIT_EXCEEDED")])
            return _refused(400, [client_error(error, "GRAPHQL_PARSE_FAILED")])
        try:
            selections.check(tree)
        except selections.LimitExceeded as error:
            return _refused(422, [client_error(error, "LIMIT_EXCEEDED")])
        errors = validate(
            self._schema,
            tree,
            self._rules,
            max_errors=limits.VALIDATION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            return _refused(
                422, [client_error(error, "GRAPHQL_VALIDATION_FAILED") for error in errors]
            )
        return Document(
            {
                operation.name: operation
                for operation in (
                    Operation(
                        definition.name.value if definition.name else None,
                        definition.operation,
                        tree,
                    )
                    for definition in tree.definitions
                    if isinstance(definition, OperationDefinitionNode)
                )
            }
        )


def _refused(status: int, entries: list[ErrorEntry]) -> Document:
    return Document({}, status, tuple(entries))
