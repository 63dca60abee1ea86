"""The state of a request while it runs."""

import re
from time import perf_counter
from typing import Literal

from starlette.requests import HTTPConnection

from edge.execution.answer_limits import AnswerBudget
from payments.model.callers import Caller
from payments.model.ids import new_request_id

Transport = Literal["http", "event_stream", "websocket"]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")


class RequestScope:
    """One operation of one caller, from its credential to its log line."""

    __slots__ = (
        "budget",
        "caller",
        "collection_id",
        "connection",
        "operation_name",
        "operation_type",
        "request_id",
        "started",
        "transport",
    )

    def __init__(
        self, request_id: str, caller: Caller, connection: HTTPConnection, transport: Transport
    ) -> None:
        self.request_id = request_id
        self.caller = caller
        self.connection = connection
        self.transport = transport
        self.started = perf_counter()
        self.operation_name: str | None = None
        self.operation_type: str | None = None
        self.collection_id: str | None = None
        """The collection that the operation is about: resolvers set it, for the log line."""
        self.reset_budget()

    def reset_budget(self) -> None:
        """Reset the budget of values, for an answer or another item of a stream."""
        self.budget = AnswerBudget(self.caller)


def request_id_from(header: bytes | None) -> str:
    """Return the id that came with a request if it is harmless, or a new one."""
    if header is not None and _REQUEST_ID.fullmatch(header):
        return header.decode("ascii")
    return new_request_id()
