"""The server's log, read with patience: a request's line is written after its answer is out."""

import time

from tests.support.running import Json, RunningServer

WAIT_SECONDS = 20.0


def lines_of(server: RunningServer, request_id: str, event: str) -> list[Json]:
    """Give a request's lines of a kind, oldest first, once its one "request" line is written."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while True:
        lines = [line for line in server.log_lines() if line.get("request_id") == request_id]
        if any(line["event"] == "request" for line in lines) or time.monotonic() > ends_at:
            return [line for line in lines if line["event"] == event]
        time.sleep(0.01)
