"""The execution of operations: graphql-core's executor with a fresh context, and its result for the wire."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import NamedTuple

from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    execute_root_selection_set,
)

from edge import limits
from edge.documents.documents import Documents, Operation
from edge.errors import Described, ErrorEntry, RequestRefused, client_error, describe, named
from edge.execution.answer_limits import FairScheduling
from edge.execution.executor import AnswerExecutor
from edge.request_scope import RequestScope
from edge.requests import GraphQLRequest
from payments.model.errors import StreamBehind

ContextFactory = Callable[[RequestScope], object]
Payload = dict[str, object]
Deliver = Callable[[Payload], Awaitable[None]]
CursorOf = Callable[[object], str | None]


class ClientLost(Exception):
    """An error: an answer can't reach its client any more."""


class Executed(NamedTuple):
    """An executed operation: its response, and its errors."""

    payload: Payload
    errors: tuple[Described, ...] = ()

    @property
    def is_unauthenticated(self) -> bool:
        """Return whether the credential expired while the operation ran."""
        return any(error.code == "UNAUTHENTICATED" for error in self.errors)


class Engine:
    """The schema and its documents: finds, runs and subscribes to operations."""

    def __init__(
        self,
        documents: Documents,
        *,
        context_for: ContextFactory,
        cursor_of: CursorOf,
        wait: Callable[[float], float],
    ) -> None:
        self.documents = documents
        self.wait = wait
        self._context_for = context_for
        self._hide_suggestions = not documents.introspection
        self.cursor_of = cursor_of

    def prepare(self, request: GraphQLRequest, scope: RequestScope) -> Operation:
        """Return the operation that a request wants to run, and note it; raises RequestRefused."""
        document = self.documents.asked_for(request, scope.caller)
        operation = document.operation(request.operation_name)
        scope.operation_name = operation.name
        scope.operation_type = operation.type.value
        return operation

    def executor(
        self,
        operation: Operation,
        request: GraphQLRequest,
        scope: RequestScope,
        root: object = None,
    ) -> AnswerExecutor:
        """Return an executor for one operation; raises RequestRefused where variables are invalid."""
        scope.reset_budget()
        executor = AnswerExecutor.build(
            self.documents.schema,
            operation.document,
            root,
            self._context_for(scope),
            request.variables,
            operation.name,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(executor, list):
            raise RequestRefused(422, [client_error(error, "BAD_USER_INPUT") for error in executor])
        assert isinstance(executor, AnswerExecutor)
        executor.budget = scope.budget
        executor.scheduling = FairScheduling()
        executor.plain_fields = self.documents.plain_fields
        executor.selected = operation.selected
        return executor

    async def run(
        self,
        operation: Operation,
        request: GraphQLRequest,
        scope: RequestScope,
        root: object = None,
    ) -> Executed:
        """Run an operation to its end; raises RequestRefused before anything ran."""
        result = execute_root_selection_set(self.executor(operation, request, scope, root))
        if not isinstance(result, ExecutionResult):
            result = await result
        if not result.errors:
            return Executed({"data": result.data})
        errors = tuple(describe(error, scope.request_id) for error in result.errors)
        entries = named([error.entry for error in errors], scope.request_id)
        return Executed({"errors": entries, "data": result.data}, errors)

    def subscribe(
        self, operation: Operation, request: GraphQLRequest, scope: RequestScope
    ) -> "Subscription":
        """Return a subscription, which opens its source when it is delivered."""
        return Subscription(self, operation, request, scope)


def refuse_failed(executed: Executed, operation: Operation) -> None:
    """Raise RequestRefused where an HTTP status says more than an answer with data.

    A query with a wrong argument (page size, cursor) or without any readable field has no data worth
    keeping. A mutation keeps its answer, even if some of its fields failed afterwards.
    """
    if operation.type is OperationType.QUERY:
        statuses = [error.status for error in executed.errors]
    elif executed.payload["data"] is None:
        statuses = [error.status for error in executed.errors if error.status != 422]
    else:
        return
    status = next((status for status in statuses if status != 200), None)
    if status is not None:
        told = executed.errors[: limits.ERRORS_TOLD]
        raise RequestRefused(status, [error.entry for error in told])


class Subscription:
    """A subscription: a source of events, each executed with a context of its own."""

    def __init__(
        self, engine: Engine, operation: Operation, request: GraphQLRequest, scope: RequestScope
    ) -> None:
        self._engine = engine
        self._operation = operation
        self._request = request
        self._scope = scope
        self._cursor: str | None = None

    async def deliver(self, send: Deliver) -> list[ErrorEntry]:
        """Send every item until the source ends; return the errors that ended it, if any.

        The source is closed on every way out: its end, an error, a client that is lost or too slow,
        and cancellation.
        """
        try:
            source = await self._open()
            try:
                async for event in source:
                    await self._pass_on(event, send)
            finally:
                await _close(source)
        except ClientLost:
            return []
        except RequestRefused as refused:
            return named(refused.entries, self._scope.request_id)
        except Exception as error:  # noqa: BLE001 - whatever a source raises ends its stream, masked.
            return named([describe(error, self._scope.request_id).entry], self._scope.request_id)
        return []

    async def _open(self) -> AsyncIterable[object]:
        executor = self._engine.executor(self._operation, self._request, self._scope)
        source = create_source_event_stream(executor)
        if isinstance(source, Awaitable):
            source = await source
        if isinstance(source, ExecutionResult):
            raise (source.errors or [GraphQLError("The subscription has no source.")])[0]
        return source

    async def _pass_on(self, event: object, send: Deliver) -> None:
        executed = await self._engine.run(self._operation, self._request, self._scope, event)
        if executed.is_unauthenticated:
            raise RequestRefused(401, [error.entry for error in executed.errors])
        try:
            async with asyncio.timeout(self._engine.wait(limits.SLOW_SECONDS)):
                await send(executed.payload)
        except TimeoutError:
            raise StreamBehind(self._cursor) from None
        self._cursor = self._engine.cursor_of(event) or self._cursor


async def _close(source: object) -> None:
    """Close a source; one that is not a generator may have nothing to close."""
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


def cursor_of(event: object) -> str | None:
    """Return an event's cursor, where it has one."""
    cursor = getattr(event, "cursor", None)
    return cursor if isinstance(cursor, str) else None
