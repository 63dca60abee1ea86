"""The measured processes: the real server, and a bare Starlette echo under the same uvicorn settings."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, RunningServer, clean_environment
from tests.support.stores import databases

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """A running process and its address."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time of the process, its threads and its ended children, the kernel's for them included.

        Source: proc_pid_stat(5): utime, stime, cutime and cstime, in ticks of mostly 10 ms.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / TICKS


@contextmanager
def tillgraph(database: str = "sqlite") -> Iterator[Measured]:
    """Run the server as `make serve` does, on a new database of one of databases.KINDS."""
    databases.use(database)
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder), is_started_afresh=True).start()
        try:
            assert server.process is not None
            yield Measured(server.port, server.process.pid)
        finally:
            server.close()


@contextmanager
def echo() -> Iterator[Measured]:
    """Run the bare echo."""
    port = free_port()
    command = [sys.executable, "-m", "bench.echo", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Measured(port, process.pid)
    finally:
        process.terminate()
        process.wait()
