"""GraphQL documents: parsed and validated once, and kept with the result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

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

from edge import limits
from edge.documents import document_limits
from edge.documents import trusted_documents as trusted
from edge.documents.trusted_documents import DocumentUnusable, TrustedText, hash_of
from edge.errors import ErrorEntry, RequestRefused, client_error, refuse
from edge.execution.executor import Selected
from edge.execution.plain_fields import AttributeOf, plain_fields
from edge.requests import GraphQLRequest
from payments.model.callers import Caller


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document."""

    name: str | None
    type: OperationType
    document: DocumentNode
    selected: Selected | None
    """Collected once for all requests; None where directives make it depend on variables."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed and validated document: its operations, or why it is refused."""

    operations: Mapping[str | None, Operation]
    status: int = 200
    errors: tuple[ErrorEntry, ...] = ()

    def operation(self, name: str | None) -> Operation:
        """Return the operation to run; raises RequestRefused for a refused document and an ambiguous choice."""
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

# Built once: graphql-core's own caches are keyed by the identity of the rules.
_RULES: Final = tuple(specified_rules)
_RULES_WITHOUT_INTROSPECTION: Final = (*specified_rules, NoSchemaIntrospectionCustomRule)


class Documents:
    """The documents of one schema: trusted documents for good, and others as long as there is room for them.

    `binds_browsers` restricts client secrets to the trusted documents for browsers.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        introspection: bool = True,
        trusted: Iterable[TrustedText] = (),
        binds_browsers: bool = False,
        attribute_of: AttributeOf = lambda _: None,
    ) -> None:
        self.schema = schema
        self.plain_fields = plain_fields(schema, attribute_of)
        self.introspection = introspection
        self.find = lru_cache(maxsize=limits.DOCUMENTS_KEPT)(self._prepare)
        self._binds_browsers = binds_browsers
        self._by_hash: dict[str, TrustedText] = {}
        self._by_text: dict[str, TrustedText] = {}
        for one in trusted:
            for spelling in one.spellings:
                self._by_text[spelling] = one
                self._by_hash[hash_of(spelling)] = one

    def asked_for(self, request: GraphQLRequest, caller: Caller) -> Document:
        """Return the document that a request names by its text, its hash or both; raises RequestRefused."""
        text = request.query
        if request.persisted is not None:
            digest = trusted.read_hash(request.persisted)
            if text is None:
                if digest not in self._by_hash:
                    raise trusted.not_found()
                return self._permitted(self._by_hash[digest], caller)
            trusted.check_hash(digest, text)
        assert text is not None
        found = self._by_text.get(text)
        if found is None and self._is_bound(caller):
            # Generators surround a text with lines and spaces of their own.
            found = self._by_text.get(text.strip())
            if found is None:
                raise trusted.not_trusted()
        return self.find(text) if found is None else self._permitted(found, caller)

    def names(self, text: TrustedText) -> list[str]:
        """Return the names of a trusted document's operations; an operation without one is a dash."""
        return [name or "-" for name in self._trusted(text).operations]

    def prepare_trusted(self) -> None:
        """Prepare every trusted document at start-up; raises DocumentUnusable."""
        for text in dict.fromkeys(self._by_text.values()):
            document = self._trusted(text)
            if document.errors:
                raise DocumentUnusable(text.path, _told(document.errors[0]))
            if not document.operations:
                raise DocumentUnusable(text.path, "it has no operation")

    def _is_bound(self, caller: Caller) -> bool:
        return self._binds_browsers and caller.is_browser

    def _permitted(self, text: TrustedText, caller: Caller) -> Document:
        if self._is_bound(caller) and not text.is_for_browsers:
            raise trusted.for_back_ends()
        return self._trusted(text)

    def _trusted(self, text: TrustedText) -> Document:
        return prepared(self.schema, text.text, introspection=self.introspection)

    def _prepare(self, text: str) -> Document:
        # A process may have prepared it for another server, or before it was forked.
        found = _PREPARED.get((self.schema, text, self.introspection))
        return found or _prepare(self.schema, text, introspection=self.introspection)


_PREPARED: Final[dict[tuple[GraphQLSchema, str, bool], Document]] = {}


def prepared(schema: GraphQLSchema, text: str, *, introspection: bool) -> Document:
    """Prepare a text for the life of the process and of its forks."""
    key = (schema, text, introspection)
    if key not in _PREPARED:
        _PREPARED[key] = _prepare(schema, text, introspection=introspection)
    return _PREPARED[key]


def _prepare(schema: GraphQLSchema, text: str, *, introspection: bool) -> Document:
    """Parse and validate a text; a refused one is remembered without its syntax tree."""
    try:
        tree = parse(text, max_tokens=limits.DOCUMENT_TOKENS)
    except GraphQLSyntaxError as error:
        # The parser has no classes for its two limits, only these sentences.
        if error.description.endswith("Parsing aborted."):
            return _refused(422, [client_error(error, "LIMIT_EXCEEDED")])
        return _refused(400, [client_error(error, "GRAPHQL_PARSE_FAILED")])
    try:
        document_limits.check(tree)
    except document_limits.LimitExceeded as error:
        return _refused(422, [client_error(error, "LIMIT_EXCEEDED")])
    errors = validate(
        schema,
        tree,
        _RULES if introspection else _RULES_WITHOUT_INTROSPECTION,
        max_errors=limits.VALIDATION_ERRORS,
        hide_suggestions=not introspection,
    )
    if errors:
        return _refused(422, [client_error(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
    return Document(
        {
            operation.name: operation
            for operation in (
                Operation(
                    definition.name.value if definition.name else None,
                    definition.operation,
                    tree,
                    None if "@" in text else {},
                )
                for definition in tree.definitions
                if isinstance(definition, OperationDefinitionNode)
            )
        }
    )


def _told(entry: ErrorEntry) -> str:
    """Return what is wrong with a trusted document, and on which line."""
    locations = entry.get("locations")
    line = f" (line {locations[0]['line']})" if isinstance(locations, list) and locations else ""
    return str(entry["message"]).rstrip(".") + line


def _refused(status: int, entries: list[ErrorEntry]) -> Document:
    return Document({}, status, tuple(entries))
