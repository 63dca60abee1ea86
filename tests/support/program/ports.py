"""Ports for the tests' servers: each process has a block of its own, outside the system's automatic range.

A port chosen by the system may be given to another process before the server binds it.
"""

import itertools
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

FIRST, LAST = 10_000, 65_535
BLOCK = 400
"""More than a process needs at the same time; they are used in turn."""


def free_port() -> int:
    """Return a port of this process's own on which nobody listens."""
    for port in itertools.islice(_ports(), BLOCK):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("Somebody listens on every port of this process's block.")


@cache
def _ports() -> Iterator[int]:
    """Yield the ports of this process's block, again and again."""
    first = _claim()
    return itertools.cycle(range(first + 1, first + BLOCK))


_claimed: list[socket.socket] = []
"""The socket on the first port of this process's block: its owner has the block until it ends."""


def _claim() -> int:
    """Bind the first port of a block that no other process has, and return it."""
    for first in _blocks():
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first))
        except OSError:
            claim.close()
            continue
        _claimed.append(claim)
        return first
    raise RuntimeError("Other processes have every block of ports.")


def _blocks() -> list[int]:
    """Return the first ports of all blocks, without those in the system's range if there are others."""
    begin, end = _system_range()
    blocks = list(range(FIRST, LAST - BLOCK, BLOCK))
    return [first for first in blocks if first > end or first + BLOCK <= begin] or blocks


def _system_range() -> tuple[int, int]:
    """Return the first and the last port of the system's automatic range.

    Source: ip(7), ip_local_port_range.
    """
    try:
        begin, end = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError:
        return 32_768, LAST
    return int(begin), int(end)
