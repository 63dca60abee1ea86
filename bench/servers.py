"""The measured processes: the real server, and a bare Starlette echo under the same uvicorn settings."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import postgresql, processes
from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, URL, RunningServer, clean_environment
from tests.support.stores import databases

POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor time in seconds: the server's, and that of its database's own processes, if it has any here."""

    server: float
    database: float | None

    def since(self, earlier: "Cpu") -> "Cpu":
        """Return what was spent between two readings."""
        if self.database is None or earlier.database is None:
            return Cpu(self.server - earlier.server, None)
        return Cpu(self.server - earlier.server, self.database - earlier.database)

    def each_ms(self, times: int) -> tuple[float, float | None]:
        """Return the server's and the database's share of one of many, in milliseconds."""
        scale = 1_000 / times
        database = None if self.database is None else round(self.database * scale, 3)
        return round(self.server * scale, 3), database


@dataclass(frozen=True, slots=True)
class Measured:
    """A running process, its address, and the first process of its database, if that has any here."""

    port: int
    pid: int
    database_pid: int | None = None

    @classmethod
    def of(cls, server: RunningServer) -> "Measured":
        """Return a server to be measured."""
        assert server.process is not None
        is_on_postgresql = server.database.startswith(POSTGRESQL)
        return cls(
            server.port, server.process.pid, postgresql.process() if is_on_postgresql else None
        )

    def cpu_seconds(self) -> float:
        """Return the processor time of the process and its workers."""
        return processes.cpu_seconds(self.pid)

    def database_cpu_seconds(self) -> float | None:
        """Return the processor time of the database's processes; None where it has none of its own here."""
        return None if self.database_pid is None else processes.cpu_seconds(self.database_pid)

    def cpu(self) -> Cpu:
        """Return both."""
        return Cpu(self.cpu_seconds(), self.database_cpu_seconds())

    def resident_mb(self) -> float:
        """Return the process's resident memory."""
        return processes.resident_mb(self.pid)


@contextmanager
def running(
    database: str = "sqlite",
    environment: Mapping[str, str] | None = None,
    *,
    is_test_build: bool = False,
) -> Iterator[RunningServer]:
    """Run the server as `make serve` does, on a new database of one of databases.KINDS."""
    databases.use(database)
    with tempfile.TemporaryDirectory(prefix="tillgraph-bench-") as folder:
        server = RunningServer(
            Path(folder),
            environment or {},
            is_started_afresh=not is_test_build,
            is_test_build=is_test_build,
        )
        try:
            yield server.start()
        finally:
            server.close()


@contextmanager
def beside(
    first: RunningServer, environment: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Run a second server on another one's database."""
    with running(environment={**(environment or {}), URL: first.database}) as second:
        yield second


@contextmanager
def tillgraph(database: str = "sqlite") -> Iterator[Measured]:
    """Run the server to be measured, on a new database of one of databases.KINDS."""
    with running(database) as server:
        yield Measured.of(server)


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
