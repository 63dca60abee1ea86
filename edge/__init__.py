"""GraphQL at the network's edge: over HTTP, server-sent events and WebSocket.

It turns bytes from anybody into well-formed operations of known callers for graphql-core. It knows
the domain's errors and callers, but not the schema that it serves.
"""
