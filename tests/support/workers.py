"""A server of several processes."""

from pathlib import Path

from tests.support.running import RunningServer

WORKERS = 3


def workers_of(server: RunningServer) -> set[int]:
    """List the processes that the server's own has started."""
    assert server.process is not None
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(pid) for pid in listed.read_text().split()}
