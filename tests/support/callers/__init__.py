"""Callers: over HTTP, WebSocket and event streams, with bytes written by hand too."""
