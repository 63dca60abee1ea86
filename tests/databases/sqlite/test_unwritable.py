"""A SQLite database that can't be written: the disk is full, the file is not there or not ours."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.flow.shop import open_collection, try_to_open
from tests.support.program.commands import run_command
from tests.support.program.disks import fill, small_disk
from tests.support.program.running import (
    NO_RECOVERY,
    ROOT,
    SQLITE,
    URL,
    RunningServer,
    clean_environment,
)
from tests.support.program.starting import COMMAND_SECONDS
from tests.support.waiting import until

pytestmark = [pytest.mark.once, pytest.mark.sqlite]

ROOM_FOR_THE_LOG_BYTES = 60_000
DISK_BYTES = 3 * 2**20
NOBODY = "65534"


@contextmanager
def full_disk(server: RunningServer) -> Iterator[None]:
    """Let a running server's files grow no more; for root too."""
    assert server.process is not None
    pid = server.process.pid
    size = (server.folder / "tillgraph.db-wal").stat().st_size
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    most = max(size, ROOM_FOR_THE_LOG_BYTES)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A mutation is 503 and changes nothing, the log has the reason, the server is not ready; with room all is well."""
    server = RunningServer(tmp_path, NO_RECOVERY).start()
    try:
        shown = open_collection(server)["id"]
        with full_disk(server):
            until(lambda: try_to_open(server) == (503, "STORE_UNAVAILABLE"))
            before = server.rows("SELECT count(*) FROM payment_collections")
            assert try_to_open(server) == (503, "STORE_UNAVAILABLE")
            assert server.rows("SELECT count(*) FROM payment_collections") == before
            until(lambda: not server.is_ready())
            assert server.run("back_end/02_show_payment_collection", id=shown)["id"] == shown
        assert server.is_ready()
        assert try_to_open(server) == (200, "PaymentCollection")
        told = [one for one in server.log_lines() if one["event"] == "database unavailable"]
        assert {(one["level"], one["reason"]) for one in told} == {("error", "disk I/O error")}
        assert server.check() == (0, "Every invariant holds.\n")
    finally:
        server.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A server does not start on it, and leaves it as it is."""
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    ended = run_command(tmp_path, "serve", **{URL: f"{SQLITE}{path}"})
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.endswith("names a database that can't be used: file is not a database.")
    assert path.read_text().startswith("Dear Sir")


def test_a_ledger_that_is_no_database(tmp_path: Path) -> None:
    """A command that needs the sandbox ends with a sentence, although the database's own threads are there by then."""
    assert run_command(tmp_path, "migrate").returncode == 0
    path = tmp_path / "tillgraph-sandbox.db"
    path.write_text("Dear Sir or Madam, " * 100)
    ended = run_command(tmp_path, "recover", "--since", "2026-01-01T00:00:00Z")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.endswith("tillgraph-sandbox.db can't be used: file is not a database.")


@pytest.mark.root
@pytest.mark.long
def test_a_real_disk_that_is_full(tmp_path: Path) -> None:
    """Running, a server says so with 503, is not ready, and goes on once there is room; it does not start on one."""
    with small_disk(tmp_path, DISK_BYTES):
        server = RunningServer(tmp_path, NO_RECOVERY).start()
        try:
            open_collection(server)
            ballast = fill(tmp_path)
            until(lambda: try_to_open(server) == (503, "STORE_UNAVAILABLE"))
            until(lambda: not server.is_ready())
            server.stop()
            fill(tmp_path)  # Its end has made room: the log of its database is gone.
            ended = run_command(tmp_path, "serve")
            assert (ended.returncode, "disk" in ended.stderr) == (2, True), ended.stderr
            ballast.unlink()
            server.start()
            assert try_to_open(server) == (200, "PaymentCollection")
        finally:
            server.close()


@pytest.mark.root
@pytest.mark.long
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_of_somebody_else(tmp_path: Path, what: str) -> None:
    """If the server's user may not write the file or its folder, it does not start and names the setting."""
    server = RunningServer(tmp_path)
    assert run_command(tmp_path, "migrate", **{URL: server.database}).returncode == 0
    (tmp_path / "tillgraph.db").chmod(0o444 if what == "file" else 0o666)
    tmp_path.chmod(0o777 if what == "file" else 0o755)
    for parent in tmp_path.parents:
        parent.chmod(parent.stat().st_mode | 0o001)
    ended = subprocess.run(
        [
            *("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
            *(sys.executable, str(ROOT / "server.py"), "serve"),
        ],
        cwd=tmp_path,
        env={**clean_environment(), "PORT": str(server.port), "TILLGRAPH_SANDBOX_ENABLED": "false"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "TILLGRAPH_DATABASE_URL" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
