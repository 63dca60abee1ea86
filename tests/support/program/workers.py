"""A server of several processes."""

from contextlib import suppress
from pathlib import Path

from tests.support.program.running import RunningServer

WORKERS = 3


def workers_of(server: RunningServer) -> set[int]:
    """Return the processes that the server's own has started."""
    assert server.process is not None
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(pid) for pid in listed.read_text().split()}


def processes_in(folder: Path) -> set[int]:
    """Return the processes that work in a folder, whoever started them."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # It has ended meanwhile, or is ending.
            if (process / "cwd").readlink() == folder:
                found.add(int(process.name))
    return found
