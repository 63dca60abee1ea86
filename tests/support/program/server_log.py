"""The server's own log; a request's line is written after its answer is out."""

from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until


def lines_of(server: RunningServer, request_id: str, event: str) -> list[Json]:
    """Return a request's lines of a kind, oldest first, once its one "request" line is written."""

    def lines() -> list[Json]:
        found = [line for line in server.log_lines() if line.get("request_id") == request_id]
        return found if any(line["event"] == "request" for line in found) else []

    return [line for line in until(lines) if line["event"] == event]


def logged(server: RunningServer, event: str) -> list[Json]:
    """Return the lines of a kind, oldest first."""
    return [line for line in server.log_lines() if line["event"] == event]
