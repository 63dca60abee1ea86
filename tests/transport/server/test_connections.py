"""The settings of connections, at a real server; how they work is in tests/transport/edge."""

from pathlib import Path

import pytest

from tests.support.callers.raw_connections import connected, received
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_connections_are_bounded_and_kept_as_set(tmp_path: Path) -> None:
    """With two places, who asks is answered beside two who are silent, and closed when idle for as long as is set."""
    server = RunningServer(
        tmp_path, {"TILLGRAPH_CONNECTIONS": "2", "TILLGRAPH_KEEP_ALIVE_SECONDS": "1"}
    )
    server.start()
    server.reconnect()
    try:
        with connected(server.port) as first, connected(server.port), connected(server.port) as own:
            own.sendall(LIVE)
            assert b"HTTP/1.1 200 " in received(own)
            assert received(first) == b""
    finally:
        server.close()
