"""uvicorn's configuration: bounded connections, over a socket that gives up clients that do not read."""

import contextlib
import resource
import socket
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from edge import limits
from edge.transport.connection_limits import Places
from edge.transport.http_connection import HTTPConnection

if TYPE_CHECKING:
    import asyncio

_log: structlog.stdlib.BoundLogger = structlog.get_logger("edge")


def server_config(
    app: ASGIApp,
    places: Places,
    *,
    keep_alive_seconds: int,
    shutdown_seconds: int | None = None,
    lifespan: Literal["on", "off"] = "on",
) -> uvicorn.Config:
    """Return uvicorn's configuration for an application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(HTTPConnection, places=places)),
        ws_max_size=limits.MESSAGE_BYTES,
        lifespan=lifespan,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=shutdown_seconds,
        # Messages are small, and a compressed one can expand a thousandfold.
        ws_per_message_deflate=False,
    )


def give_up_unread(listening: socket.socket) -> None:
    """Let the kernel abort each connection accepted here whose client does not read what is written to it.

    Only Linux has the option. Source: tcp(7), TCP_USER_TIMEOUT; an accepted socket inherits it.
    """
    milliseconds = int(limits.UNSENT_SECONDS * 1_000)
    with contextlib.suppress(AttributeError):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def within_descriptors(wanted: int) -> int:
    """Return how many of the wanted connections this process can carry, after raising its descriptors to the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + limits.RESERVED_DESCRIPTORS
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = carried_by(soft)
    if most < wanted:
        _log.warning("few descriptors", connections=most, wanted=wanted, descriptors=soft)
    return min(wanted, most)


def carried_by(descriptors: int) -> int:
    """Return how many connections a number of descriptors can carry."""
    return max(1, descriptors - limits.RESERVED_DESCRIPTORS)
