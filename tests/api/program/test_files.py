"""The files that a server leaves on its disk, and who may read them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.flow.shop import pay
from tests.support.program.commands import PRODUCTION, run_command
from tests.support.program.ports import free_port
from tests.support.program.running import ROOT, RunningServer, clean_environment
from tests.support.program.starting import COMMAND_SECONDS
from tests.support.waiting import until

pytestmark = [pytest.mark.once, pytest.mark.sqlite]

OF_THE_DATABASES = {
    f"{name}{ending}"
    for name in ("tillgraph.db", "tillgraph-sandbox.db")
    for ending in ("", "-wal", "-shm")
}


def modes(paths: Iterable[Path]) -> dict[str, str]:
    """Return the mode of each file, in octal, by its name."""
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in paths}


def databases_of(server: RunningServer) -> dict[str, str]:
    """Return the modes of the files of both databases."""
    return modes(server.folder.glob("tillgraph*"))


def test_the_owner_alone_reads_databases_and_keys(
    make_server: Callable[..., RunningServer],
) -> None:
    """A new server's databases are its owner's, with what SQLite keeps beside them, and so are the keys it makes."""
    server = make_server().start()
    pay(server)
    assert databases_of(server) == dict.fromkeys(OF_THE_DATABASES, "600")
    keys = modes((server.folder / ".tillgraph").iterdir())
    assert keys == {"signing-key": "600", "sandbox-webhook-secret": "600"}
    assert modes([server.folder / ".tillgraph"]) == {".tillgraph": "700"}


def test_what_others_could_read_they_can_no_more(make_server: Callable[..., RunningServer]) -> None:
    """Databases, their logs and keys that an earlier version has left to everybody are narrowed at the next start."""
    server = make_server().start()
    pay(server)
    server.kill()  # SQLite's files beside the databases stay, as after a power cut.
    left = [*server.folder.glob("tillgraph*"), *(server.folder / ".tillgraph").iterdir()]
    for path in left:
        path.chmod(0o644)
    server.start()
    assert set(modes(left).values()) == {"600"}
    assert databases_of(server) == dict.fromkeys(OF_THE_DATABASES, "600")


def test_an_empty_key_stops_the_start(tmp_path: Path) -> None:
    """Nothing is signed with a key that everybody knows; the sentence names the setting and the file."""
    (tmp_path / ".tillgraph").mkdir()
    (tmp_path / ".tillgraph" / "signing-key").touch()
    ended = run_command(tmp_path, "serve")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert "TILLGRAPH_SIGNING_KEYS: " in line
    assert ".tillgraph/signing-key holds no key" in line


def test_production_writes_nothing_for_what_is_off(
    make_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """Without the sandbox, in a working directory where nothing can be made, a server in production serves."""
    database = f"sqlite+aiosqlite:///{tmp_path / 'payments.db'}"
    server = make_server(**PRODUCTION, TILLGRAPH_DATABASE_URL=database)
    # Whoever wants to keep a key there meets a file in its place.
    (server.folder / ".tillgraph").touch()
    server.start()
    assert {path.name for path in server.folder.iterdir()} == {".tillgraph", "server.log"}


def serving_without_rights() -> list[str]:
    """Return the command of a server that may do only what files allow it.

    Root may read and write everything, unless its capabilities are dropped, as containers drop them.
    """
    dropping = ["setpriv", "--bounding-set=-all", "--"] if os.geteuid() == 0 else []
    return [*dropping, sys.executable, str(ROOT / "server.py"), "serve"]


@pytest.mark.long
def test_production_as_in_a_container(tmp_path: Path) -> None:
    """A user who may only what files allow serves from a directory that is not writable, its database elsewhere."""
    data, here = tmp_path / "data", tmp_path / "here"
    data.mkdir()
    here.mkdir(mode=0o555)
    database = f"sqlite+aiosqlite:///{data / 'payments.db'}"
    server = RunningServer(here, {**PRODUCTION, "TILLGRAPH_DATABASE_URL": database})
    with (tmp_path / "log").open("wb") as log:
        server.process = subprocess.Popen(
            serving_without_rights(),
            cwd=here,
            env={**clean_environment(), "PORT": str(server.port), **server.environment},
            stdout=log,
            stderr=log,
        )
    try:
        until(server.is_ready)
        assert list(here.iterdir()) == []
        assert modes([data / "payments.db"]) == {"payments.db": "600"}
        assert server.stop() == 0
    finally:
        server.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("TILLGRAPH_DATABASE_URL", "tillgraph.db"),
        ("TILLGRAPH_SANDBOX_DATABASE", "tillgraph-sandbox.db"),
    ],
)
@pytest.mark.parametrize("mode", [0o000, 0o444], ids=oct)
def test_a_database_that_is_not_ours_to_write(
    tmp_path: Path, setting: str, name: str, mode: int
) -> None:
    """One that another user made, or that is read-only, stops the start with a sentence that names it."""
    (tmp_path / name).touch(mode=mode)
    ended = subprocess.run(
        serving_without_rights(),
        cwd=tmp_path,
        env={**clean_environment(), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"Tillgraph does not start. {setting}: {name} has to be a file that can be read and written.\n"
    )
