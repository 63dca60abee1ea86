"""The limits of a document's selections, checked before any expensive step.

The walk goes through fragments as an execution would and stops at the first limit it meets, so
that it costs at most `EXPANDED_FIELDS` steps, whatever the fragments do. Unknown and cyclic
fragments are skipped: validation reports them.
"""

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from edge import limits


class LimitExceeded(GraphQLError):
    """An error: a document is over a limit, at this place."""


def check(document: DocumentNode) -> None:
    """Raise LimitExceeded where a document selects too deeply, too much or too many at once."""
    walk = _Walk(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            walk.operation(definition)
    # Validation compares the fields even of a fragment that nobody spreads.
    for name, fragment in walk.fragments.items():
        if name not in walk.seen:
            walk.selections(fragment.selection_set, _Place())


class _Place:
    """One path of response names, and how many fields of the document meet there."""

    __slots__ = ("below", "count", "depth", "introspects")

    def __init__(self, depth: int = 0, *, introspects: bool = False) -> None:
        self.depth = depth
        self.introspects = introspects
        self.count = 0
        self.below: dict[str, _Place] = {}

    def under(self, field: FieldNode) -> "_Place":
        """Return the place that a field of this one leads to."""
        name = (field.alias or field.name).value
        place = self.below.get(name)
        if place is None:
            begins = not self.introspects and field.name.value in ("__schema", "__type")
            place = _Place(1 if begins else self.depth + 1, introspects=self.introspects or begins)
            self.below[name] = place
        return place


class _Walk:
    """The count over a whole document: shared, or 200 small operations would cost 200 times as much."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        for definition in document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                self.fragments.setdefault(definition.name.value, definition)
        self.seen: set[str] = set()
        self.steps = 0
        self.pairs = 0
        self.aliases = 0

    def operation(self, operation: OperationDefinitionNode) -> None:
        """Count what one operation selects."""
        self.aliases = 0
        if operation.operation is not OperationType.QUERY:
            self._root(operation)
        self.selections(operation.selection_set, _Place())

    def selections(
        self, selection_set: SelectionSetNode, place: _Place, around: frozenset[str] = frozenset()
    ) -> None:
        """Count the fields of a selection set and of everything below it."""
        for field, within in self._fields(selection_set, set(), around):
            below = place.under(field)
            self._count(field, below)
            if field.selection_set is not None:
                self.selections(field.selection_set, below, within)

    def _fields(
        self, selection_set: SelectionSetNode, spread: set[str], around: frozenset[str]
    ) -> Iterator[tuple[FieldNode, frozenset[str]]]:
        """Yield the fields as an execution visits them: a fragment once for each selection set.

        With each field come the fragments around it, so that none is spread within itself.
        """
        for selection in selection_set.selections:
            self._step(selection)
            if isinstance(selection, FieldNode):
                yield selection, around
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set, spread, around)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                fragment = self.fragments.get(name)
                if fragment is not None and name not in spread and name not in around:
                    spread.add(name)
                    self.seen.add(name)
                    yield from self._fields(fragment.selection_set, spread, around | {name})

    def _step(self, node: Node) -> None:
        self.steps += 1
        if self.steps > limits.EXPANDED_FIELDS:
            raise LimitExceeded(
                f"The document selects more than {limits.EXPANDED_FIELDS} fields,"
                " its fragments counted wherever they are spread.",
                node,
            )

    def _count(self, field: FieldNode, place: _Place) -> None:
        deepest = limits.INTROSPECTION_DEPTH if place.introspects else limits.DEPTH
        if place.depth > deepest:
            raise LimitExceeded(f"The document is more than {deepest} levels deep.", field)
        if field.alias is not None:
            self.aliases += 1
            if self.aliases > limits.ALIASES:
                raise LimitExceeded(f"The operation has more than {limits.ALIASES} aliases.", field)
        self.pairs += place.count
        place.count += 1
        if self.pairs > limits.MERGED_PAIRS:
            raise LimitExceeded("The document selects the same fields too many times.", field)

    def _root(self, operation: OperationDefinitionNode) -> None:
        fields = [
            field
            for field, _ in self._fields(operation.selection_set, set(), frozenset())
            if field.name.value != "__typename"
        ]
        if len(fields) > limits.ROOT_FIELDS:
            message = (
                "One payment action per request: a mutation has one root field."
                if operation.operation is OperationType.MUTATION
                else "A subscription has one root field."
            )
            raise LimitExceeded(message, fields[limits.ROOT_FIELDS :])
