"""From the start of the interpreter to the first answer that the server is ready, on a migrated database."""

import socket
import time
from contextlib import suppress

from bench import servers
from bench.figures import Times
from tests.support.program.running import RunningServer

STARTS = 5
LOOK_SECONDS = 0.005
ASK = b"GET /health/ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


def measure(kind: str) -> Times:
    """Start a server several times on a database of one of databases.KINDS."""
    with servers.running(kind) as server:  # It migrates the database.
        return Times.of([_start(server) for _ in range(STARTS)])


def _start(server: RunningServer) -> float:
    server.stop()
    started = time.perf_counter()
    server.launch()
    ends_at = started + server.start_seconds
    while not _is_ready(server.port):
        if time.perf_counter() > ends_at:
            raise RuntimeError(f"Not ready in time: {server.log_path.read_text()[-2000:]}")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - started


def _is_ready(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(ASK)
        return b" 200 " in connection.recv(64)
    return False
