"""Errors as they go over the wire: one table from exceptions to codes and statuses."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from graphql import GraphQLError, ValueNode

from edge import request_log
from edge.rate_limits.allowances import RateLimited
from payments.model import errors as raised
from payments.model.failures import FailureCode

ErrorEntry = dict[str, object]
"""A member of a response's `errors`."""

MASKED_MESSAGE = "Something went wrong here; the log has the details under this request id."


class Wire(NamedTuple):
    """The form of one of our exceptions for a client."""

    code: str
    status: int = 200
    """The HTTP status of a query that fails with it; 200 where the answer has data with errors."""


WIRE: Final[Mapping[type[Exception], Wire]] = {
    raised.NotFound: Wire(FailureCode.NOT_FOUND.value),
    # A mutation returns it as data; a query that raises it had a wrong argument (a page of -1).
    raised.InvalidInput: Wire(FailureCode.INVALID_INPUT.value, 422),
    raised.InvalidState: Wire(FailureCode.INVALID_STATE.value),
    raised.Expired: Wire(FailureCode.EXPIRED.value),
    raised.AmountTooLarge: Wire(FailureCode.AMOUNT_TOO_LARGE.value),
    raised.AmountTooSmall: Wire(FailureCode.AMOUNT_TOO_SMALL.value),
    raised.CurrencyMismatch: Wire(FailureCode.CURRENCY_MISMATCH.value),
    raised.ProviderDisabled: Wire(FailureCode.PROVIDER_DISABLED.value),
    raised.KeyReused: Wire(FailureCode.IDEMPOTENCY_KEY_REUSED.value),
    raised.InProgress: Wire(FailureCode.IN_PROGRESS.value),
    raised.ProviderDeclined: Wire(FailureCode.DECLINED.value),
    raised.ActionFailed: Wire(FailureCode.ACTION_FAILED.value),
    raised.ProviderUnavailable: Wire(FailureCode.PROVIDER_UNAVAILABLE.value),
    raised.Unauthenticated: Wire("UNAUTHENTICATED", 401),
    raised.Forbidden: Wire("FORBIDDEN"),
    RateLimited: Wire("RATE_LIMITED", 429),
    raised.InvalidCursor: Wire("INVALID_CURSOR", 422),
    raised.StreamBehind: Wire("RESUME"),
    raised.StoreBusy: Wire("STORE_BUSY", 503),
    raised.StoreUnavailable: Wire("STORE_UNAVAILABLE", 503),
}

HEADERS: Final[Mapping[int, tuple[tuple[bytes, bytes], ...]]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    503: ((b"retry-after", b"1"),),
}
"""The headers that a status requires."""


class AnswerTooLarge(Exception):
    """An error: an answer holds too many values and would keep everybody else waiting."""


class RequestRefused(Exception):
    """An error: a request is refused as a whole, with the answer's status and errors."""

    def __init__(
        self,
        status: int,
        entries: Sequence[ErrorEntry],
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status)
        self.status = status
        self.entries = entries
        self.headers = headers or HEADERS.get(status, ())


def refuse(
    status: int, code: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> RequestRefused:
    """Return the refusal of a request for one reason."""
    return RequestRefused(status, [entry_of(message, code)], headers)


def entry_of(message: str, code: str) -> ErrorEntry:
    """Return an error that belongs to no place in the document."""
    return {"message": message, "extensions": {"code": code}}


def client_error(error: GraphQLError, code: str) -> ErrorEntry:
    """Return the wire form of an error that graphql-core found in a document or its variables."""
    message = error.message
    cause = _cause(error)
    if not isinstance(cause, GraphQLError):
        # A scalar that fails with Python's own words ("maximum recursion depth exceeded …").
        message = message.replace(f", but encountered error '{cause}'; found", ", found")
    entry = _placed(error, message)
    entry["extensions"] = {**(error.extensions or {}), "code": code}
    return entry


class Described(NamedTuple):
    """An error of an execution, ready for the wire."""

    entry: ErrorEntry
    code: str
    status: int


def describe(error: Exception, request_id: str) -> Described:
    """Return the wire form of an exception of an operation; one that is not ours is masked and logged."""
    cause = _cause(error)
    wire, message = _told(cause)
    if wire is None:
        request_log.unexpected(cause, request_id)
        wire, message = Wire("INTERNAL"), MASKED_MESSAGE
    entry: ErrorEntry = {"message": message}
    if isinstance(error, GraphQLError):
        entry = _placed(error, message)
    extensions: dict[str, object] = {"code": wire.code}
    if isinstance(cause, raised.StreamBehind) and cause.cursor is not None:
        extensions["cursor"] = cause.cursor
    if isinstance(cause, RateLimited):
        extensions["retryAfterSeconds"] = cause.allowance.reset_seconds
    entry["extensions"] = extensions
    return Described(entry, wire.code, wire.status)


def named(entries: Sequence[ErrorEntry], request_id: str) -> list[ErrorEntry]:
    """Return copies of errors that carry the request's id: the errors of a refused document are cached."""
    return [
        {**entry, "extensions": {**_extensions(entry), "requestId": request_id}}
        for entry in entries
    ]


def _cause(error: Exception) -> Exception:
    """Return the original exception beneath graphql-core's wrappings."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _told(cause: Exception) -> tuple[Wire | None, str]:
    """Return what a client may be told of an exception; nothing of one that is not ours."""
    if isinstance(cause, AnswerTooLarge):
        return Wire("LIMIT_EXCEEDED", 422), str(cause)
    for kind in type(cause).__mro__:
        if kind in WIRE:
            return WIRE[kind], str(cause)
    if isinstance(cause, GraphQLError):
        code = (cause.extensions or {}).get("code")
        if isinstance(code, str):
            return Wire(code), cause.message
        # An argument that is wrong only because of the variables. Errors at a field may hold what a resolver
        # returned ("Expected value of type …, but got: …"), so they are masked.
        if cause.nodes and isinstance(cause.nodes[0], ValueNode):
            return Wire("BAD_USER_INPUT"), cause.message
    return None, ""


def _placed(error: GraphQLError, message: str) -> ErrorEntry:
    entry: ErrorEntry = {"message": message}
    if error.locations:
        entry["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        entry["path"] = error.path
    return entry


def _extensions(entry: ErrorEntry) -> dict[str, object]:
    extensions = entry.get("extensions")
    return extensions if isinstance(extensions, dict) else {}
