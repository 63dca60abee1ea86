"""The messages of graphql-transport-ws.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from edge import limits
from edge.errors import ErrorEntry, RequestRefused
from edge.requests import read_json
from edge.responses import encode

PROTOCOL = "graphql-transport-ws"

_WITH_ID: Final = frozenset({"subscribe", "complete"})
_WITHOUT_ID: Final = frozenset({"connection_init", "ping", "pong"})


class SocketClosed(Exception):
    """An error: a socket has to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason.encode()[: limits.REASON_BYTES].decode(errors="ignore")


class Message(NamedTuple):
    """A client's message."""

    type: str
    id: str
    payload: dict[str, object] | None


def read(text: str | None) -> Message:
    """Return a client's message; raises SocketClosed where it is malformed."""
    if text is None:
        raise SocketClosed(4400, "Messages are text")
    if len(text) > limits.MESSAGE_BYTES:
        raise SocketClosed(1009, "Message too big")
    try:
        value = read_json(text)
    except RequestRefused:
        raise SocketClosed(4400, "Message is not JSON") from None
    if not isinstance(value, dict):
        raise SocketClosed(4400, "Message is not an object")
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in _WITH_ID | _WITHOUT_ID:
        raise SocketClosed(4400, "Message has no known type")
    payload = value.get("payload")
    if not isinstance(payload, dict) and ("payload" in value or kind == "subscribe"):
        raise SocketClosed(4400, "Message's payload is not an object")
    return Message(kind, _id(value) if kind in _WITH_ID else "", payload)


def _id(value: dict[str, object]) -> str:
    operation_id = value.get("id")
    if not isinstance(operation_id, str) or not (
        0 < len(operation_id) <= limits.OPERATION_ID_CHARACTERS
    ):
        raise SocketClosed(4400, "Message's id is not a string of 1 to 255 characters")
    return operation_id


def read_authorization(message: Message) -> str | None:
    """Return the credential of a connection_init, whatever the case of its name.

    Raises SocketClosed if it is not a string, or there are several.
    """
    given = set()
    for name, value in (message.payload or {}).items():
        if name.lower() != "authorization" or value is None:
            continue
        if not isinstance(value, str):
            raise SocketClosed(4400, f"{name} is not a string")
        given.add(value)
    if len(given) > 1:
        raise SocketClosed(4400, "There is more than one authorization")
    return next(iter(given), None)


def ack() -> str:
    """Return the answer to connection_init."""
    return '{"type":"connection_ack"}'


def ping() -> str:
    """Return a heartbeat."""
    return '{"type":"ping"}'


def pong(payload: dict[str, object] | None) -> str:
    """Return the answer to a ping, with the ping's payload."""
    if payload is None:
        return '{"type":"pong"}'
    return _text({"type": "pong", "payload": payload})


def next_(operation_id: str, payload: dict[str, object]) -> str:
    """Return the message of one response."""
    return _text({"id": operation_id, "type": "next", "payload": payload})


def error(operation_id: str, entries: Sequence[ErrorEntry]) -> str:
    """Return the message that ends an operation with errors."""
    return _text({"id": operation_id, "type": "error", "payload": list(entries)})


def complete(operation_id: str) -> str:
    """Return the message that ends an operation."""
    return _text({"id": operation_id, "type": "complete"})


def _text(message: dict[str, object]) -> str:
    # Decoded: bytes would go out as a binary frame, which the graphql-ws client can't read.
    return encode(message).decode("utf-8")
