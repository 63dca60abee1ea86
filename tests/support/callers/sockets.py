"""A client of graphql-transport-ws that waits for a bounded time."""

import json
import socket as sockets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import orjson
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.program.running import Json, RunningServer
from tests.support.waiting import PATIENCE_SECONDS

WAIT_SECONDS = PATIENCE_SECONDS
PROTOCOL = Subprotocol("graphql-transport-ws")


@contextmanager
def open_socket(
    server: RunningServer,
    *,
    bearer: str | None = None,
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
    host: str | None = None,
) -> Iterator[ClientConnection]:
    """Open a socket, optionally under another name, and send connection_init; its answer is not read yet."""
    with connect(
        server.websocket_url if host is None else f"ws://{host}/graphql",
        sock=sockets.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS),
        subprotocols=[PROTOCOL],
        origin=None if origin is None else Origin(origin),
        additional_headers=dict(headers or {}),
        open_timeout=WAIT_SECONDS,
        close_timeout=WAIT_SECONDS,
        proxy=None,
    ) as socket:
        credential = bearer or server.credential
        payload = {} if credential is None else {"authorization": f"Bearer {credential}"}
        send(socket, {"type": "connection_init", "payload": payload})
        yield socket


def send(socket: ClientConnection, message: Json) -> None:
    """Send a message."""
    # Not by orjson: a lone surrogate goes out as its escape.
    socket.send(json.dumps(message))


def receive(socket: ClientConnection) -> Json:
    """Return the next message that is not a heartbeat."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while True:
        message = orjson.loads(socket.recv(timeout=max(0.0, ends_at - time.monotonic())))
        if message["type"] != "ping":
            return message


def subscribe(
    socket: ClientConnection, query: str, variables: Mapping[str, Json] | None = None
) -> None:
    """Read the acknowledgement and subscribe."""
    assert receive(socket) == {"type": "connection_ack"}
    payload = {"query": query, "variables": variables or {}}
    send(socket, {"id": "1", "type": "subscribe", "payload": payload})


def first_message(
    server: RunningServer,
    query: str,
    variables: Mapping[str, Json] | None = None,
    *,
    bearer: str | None = None,
) -> Json:
    """Subscribe and return the first message: an item ("next") or the end ("error", "complete")."""
    with open_socket(server, bearer=bearer) as socket:
        subscribe(socket, query, variables)
        return receive(socket)
