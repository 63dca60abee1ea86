"""The names of uvicorn's own that the edge's connections are derived by: another release may have others."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from edge.transport.http_connection import Flow, HTTPConnection
from edge.transport.websocket_connection import SocketConnection

OURS = {"_parse", "awaits_client", "give_way"}


@pytest.mark.parametrize(
    ("make", "used"),
    [
        (
            HttpToolsProtocol.__init__,
            "client cycle flow headers loop parser timeout_keep_alive transport ws_protocol_class",
        ),
        (
            RequestResponseCycle.__init__,
            "disconnected message_event response_complete response_started",
        ),
        (
            WebSocketsSansIOProtocol.__init__,
            "conn curr_msg_data_type disconnected frames handshake_initiated loop read_paused"
            " transport writable",
        ),
    ],
)
def test_what_is_read_is_there(make: Callable[..., None], used: str) -> None:
    """Each field that is read or set here is one that uvicorn makes."""
    assert set(make.__code__.co_names) >= set(used.split())


@pytest.mark.parametrize(
    ("derived", "base", "called"),
    [
        (Flow, FlowControl, ""),
        (
            HTTPConnection,
            HttpToolsProtocol,
            "_should_upgrade _start_asgi_task _unset_keepalive_if_required handle_websocket_upgrade",
        ),
        (SocketConnection, WebSocketsSansIOProtocol, "handle_parser_exception run_asgi"),
    ],
)
def test_what_is_replaced_is_there(derived: Any, base: Any, called: str) -> None:
    """Each method that is replaced here is one that uvicorn or asyncio calls."""
    replaced = {name for name, value in vars(derived).items() if callable(value)}
    public = {name for name in replaced if not name.startswith("_")} - OURS
    assert public <= set(dir(base)) | set(dir(asyncio.Protocol))
    assert set(called.split()) <= set(dir(base))


def test_each_status_of_a_refusal_has_its_line() -> None:
    """Uvicorn has them with their phrases."""
    assert STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    assert STATUS_LINE.keys() >= {400, 405, 408, 414, 503}
