"""GraphQL at the network's edge: over HTTP, server-sent events and WebSocket.

This room takes bytes from anybody and hands well-formed operations of known callers to
graphql-core; it knows the domain's errors and its caller, and nothing of the schema that it serves.
"""

from edge.documents.documents import Documents
from edge.errors import RequestRefused, refuse
from edge.graphql_edge import GraphQLEdge
from edge.request_scope import RequestScope

__all__ = ["Documents", "GraphQLEdge", "RequestRefused", "RequestScope", "refuse"]
