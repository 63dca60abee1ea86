"""The edge as a whole: its parts and its routes."""

from collections.abc import Callable

from starlette.routing import BaseRoute, Route, WebSocketRoute

from edge.authentication import Authenticate, StillKnows
from edge.connections import OpenConnections
from edge.documents.documents import Documents
from edge.execution.engine import ContextFactory, CursorOf, Engine, cursor_of
from edge.http import HTTPEndpoint, Page
from edge.websocket import OriginCheck, WebSocketEndpoint
from payments.flow.fault_injection import AS_SHIPPED

PATH = "/graphql"
"""Of every transport."""


class GraphQLEdge:
    """The endpoints of one schema over HTTP, server-sent events and WebSocket."""

    def __init__(
        self,
        documents: Documents,
        *,
        context_for: ContextFactory,
        authenticate: Authenticate,
        still_knows: StillKnows = lambda _: True,
        is_origin_allowed: OriginCheck,
        page: Page | None = None,
        cursor_of: CursorOf = cursor_of,
        wait: Callable[[float], float] = AS_SHIPPED.wait,
    ) -> None:
        """Put the edge together; `wait` scales the time limits for slow clients."""
        self.engine = Engine(documents, context_for=context_for, cursor_of=cursor_of, wait=wait)
        self._connections = OpenConnections(still_knows)
        self.http = HTTPEndpoint(self.engine, authenticate, self._connections, page)
        self._websocket = WebSocketEndpoint(
            self.engine, authenticate, self._connections, is_origin_allowed
        )

    @property
    def open_streams(self) -> int:
        """Return how many sockets and event streams are open now."""
        return len(self._connections)

    def routes(self) -> list[BaseRoute]:
        """Return the routes: every HTTP method, and WebSocket."""
        return [Route(PATH, self.http), WebSocketRoute(PATH, self._websocket)]

    def look_again(self) -> None:
        """End the sockets (4403) and event streams (UNAUTHENTICATED) whose credential is no longer valid."""
        self._connections.look_again()

    def stop(self) -> None:
        """End every socket (1012) and event stream, so that a shutdown need not wait for them."""
        self._connections.stop()
