"""One HTTP request and its answer."""

from time import perf_counter
from typing import Final

from starlette.types import Receive, Scope, Send

from edge.accept_header import Accepted, accepted
from edge.rate_limits.allowances import Allowance
from edge.request_log import Record
from edge.request_scope import RequestScope, Transport, request_id_from
from edge.requests import GraphQLRequest, is_bounded
from edge.responses import Headers, allowance_headers

_READ: Final = frozenset(
    {b"accept", b"authorization", b"content-encoding", b"content-length", b"content-type"}
    | {b"transfer-encoding", b"x-request-id"}
)


class Exchange:
    """One HTTP request and its answer."""

    __slots__ = (
        "accepted",
        "allowance",
        "headers",
        "is_read",
        "receive",
        "request",
        "request_id",
        "scope",
        "send",
        "started",
        "status",
        "transport_scope",
    )

    def __init__(self, transport_scope: Scope, receive: Receive, send: Send) -> None:
        self.started = perf_counter()
        self.transport_scope = transport_scope
        self.receive = receive
        self.send = send
        self.headers = _headers(transport_scope)
        self.request_id = request_id_from(self.headers.get(b"x-request-id"))
        self.accepted: Accepted = accepted(self.headers.get(b"accept"))
        self.request: GraphQLRequest | None = None
        self.scope: RequestScope | None = None
        self.allowance: Allowance | None = None
        """The remaining allowance of the rate limit that counts the caller; every answer reports it."""
        self.is_read = False
        self.status = 0
        """The status of the answer; 0 until one is sent."""

    @property
    def has_unread_body(self) -> bool:
        """Return whether more of the body may follow than is worth reading to keep the connection."""
        declared = self.headers.get(b"content-length")
        is_chunked = b"transfer-encoding" in self.headers
        return not self.is_read and (
            is_chunked or (declared is not None and not is_bounded(declared))
        )

    @property
    def transport(self) -> Transport:
        """Return the name of the transport that carries the answer."""
        return "event_stream" if self.accepted.streams else "http"

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer."""
        self.status = status
        if self.allowance is not None:
            headers.extend(allowance_headers(self.allowance))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        headers.append((b"content-length", b"%d" % len(body)))
        await self.start(status, headers)
        await self.send({"type": "http.response.body", "body": body})

    def record(self) -> Record:
        """Return what the log keeps of this request."""
        scope, request = self.scope, self.request
        asked = request.operation_name if request else None
        return Record(
            self.request_id,
            self.transport,
            self.started,
            self.status,
            (scope.operation_name if scope else None) or asked,
            scope.operation_type if scope else None,
            scope.collection_id if scope else None,
        )


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers that are read here; one that was sent twice counts as a list."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            found[name] = found[name] + b", " + value if name in found else value
    return found
