"""PgBouncer before PostgreSQL, as Debian ships it: in both of its modes, with few connections, and by TLS."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from db.engine.connector import POOLER_FULL
from tests.conftest import IS_ROOT
from tests.support.callers.log import WATCH, cursors_of, touch
from tests.support.callers.streams import following
from tests.support.flow.shop import capture, open_collection, pay, refund
from tests.support.program.ports import free_port
from tests.support.program.running import (
    QUICK_RECOVERY,
    URL,
    WORKERS,
    RunningServer,
    clean_environment,
    document,
)
from tests.support.program.starting import run
from tests.support.stores.records import assert_books_agree
from tests.support.waiting import until

pytestmark = [pytest.mark.once, pytest.mark.long]

PROGRAM = "/usr/sbin/pgbouncer"
NOBODY = "nobody"
CROWD = 30

SETTINGS = """
[databases]
{name} = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
logfile = {folder}/pgbouncer.log
{more}
"""

Pooler = Callable[..., str]


@pytest.fixture
def pooler(own_database: str, tmp_path: Path) -> Iterator[Pooler]:
    """Return a function that starts a pooler before a database of the test's own, and gives its place."""
    started: list[subprocess.Popen[bytes]] = []
    url = make_url(own_database)
    host = Path(str(url.query["host"]))
    host.chmod(host.stat().st_mode | 0o011)
    folder = tmp_path / "pooler"
    folder.mkdir()
    for above in (folder, *folder.parents):
        above.chmod(above.stat().st_mode | 0o001)

    def start(mode: str, size: int, more: str = "") -> str:
        port = free_port()
        path = folder / "pgbouncer.ini"
        path.write_text(
            SETTINGS.format(
                name=url.database,
                host=host,
                port=port,
                mode=mode,
                size=size,
                folder=folder,
                more=more,
            )
        )
        as_somebody_else = []
        if IS_ROOT:  # It does not run as root.
            as_somebody_else = ["--user", NOBODY]
            for owned in (folder, *folder.iterdir()):
                shutil.chown(owned, NOBODY)
        started.append(
            subprocess.Popen([PROGRAM, *as_somebody_else, str(path)], stderr=subprocess.DEVNULL)
        )
        until(lambda: _listens(port))
        return f"postgresql+asyncpg://postgres@localhost:{port}/{url.database}"

    yield start
    for one in started:
        one.terminate()
        one.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def pay_and_give_back(server: RunningServer) -> None:
    """Take 100.00, capture 60.00 and refund 20.00 of it."""
    payment = pay(server)
    assert capture(server, payment["id"], amount="60.00")["capturedAmount"] == "60.00"
    assert refund(server, payment["id"], amount="20.00")["refundedAmount"] == "20.00"


MODES = {
    # Fewer than the processes have of their own: each is lent for a transaction.
    "transaction": (3, {}),
    # Each is lent for as long as the process has it: as many as the processes have, and one for migrations.
    "session": (11, {"TILLGRAPH_DATABASE_CONNECTIONS": "4"}),
}


@pytest.mark.parametrize("mode", MODES)
def test_payments_through_a_pooler(
    pooler: Pooler, own_database: str, tmp_path: Path, mode: str
) -> None:
    """Two processes take payments at the same time, and answer every read of a crowd and every one after it."""
    size, settings = MODES[mode]
    server = RunningServer(
        tmp_path,
        {**QUICK_RECOVERY, **settings, URL: pooler(mode, size)},
        arguments=(WORKERS, "2"),
        is_test_build=True,
    ).start()
    try:
        shown = {"id": open_collection(server)["id"]}

        def read(_: int) -> int:
            return server.post(document("back_end/02_show_payment_collection"), shown).status_code

        with ThreadPoolExecutor(CROWD) as pool:
            assert set(pool.map(read, range(CROWD * 10))) == {200}
            assert set(pool.map(read, range(CROWD))) == {200}
            list(pool.map(lambda _: pay_and_give_back(server), range(CROWD)))
        with following(server, "websocket", WATCH, shown) as watching:
            seen = [watching.next()["cursor"]]
            touch(server, shown["id"], "seen by whichever process follows it")
            seen.append(watching.next()["cursor"])
        assert seen == cursors_of(server, shown["id"])
        assert_books_agree(server)
        said = {one["event"] for one in server.log_lines() if one["level"] in ("error", "warning")}
        assert said == {"anyone who reaches this port can act"}  # It has no secret keys.
        told = [one for one in server.log_lines() if one["event"].startswith("a pooler stands")]
        assert len(told) == 2  # Each process has found out.
        assert server.stop() == 0
    finally:
        server.close()


def test_a_pool_that_is_too_small(pooler: Pooler, tmp_path: Path) -> None:
    """The connections that there are serve a crowd, and whoever comes after it; the log says what is too small."""
    server = RunningServer(tmp_path, {**QUICK_RECOVERY, URL: pooler("session", 5)}).start()
    try:
        shown = {"id": open_collection(server)["id"]}

        def read(_: int) -> int:
            return server.post(document("back_end/02_show_payment_collection"), shown).status_code

        with ThreadPoolExecutor(CROWD) as pool:
            assert set(pool.map(read, range(CROWD))) <= {200, 503}
        assert {read(number) for number in range(CROWD)} == {200}
        lines = [
            one for one in server.log_lines() if one["event"] == "no connection to the database"
        ]
        assert {one["reason"] for one in lines} == {POOLER_FULL}
    finally:
        server.close()


def certify(folder: Path) -> Path:
    """Make a certificate for localhost that nobody has signed but itself, with its key beside it."""
    path = folder / "server.crt"
    subprocess.run(
        [
            *("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "server.key"), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path


def test_a_database_behind_tls(pooler: Pooler, tmp_path: Path) -> None:
    """`verify-full` takes the certificate that it was given and no other; without TLS nobody is let in."""
    folder = tmp_path / "pooler"
    certificate = certify(folder)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    tls = f"client_tls_sslmode = require\nclient_tls_cert_file = {certificate}\n"
    address = pooler("transaction", 5, f"{tls}client_tls_key_file = {folder / 'server.key'}")

    def migrated(query: str) -> tuple[int, str]:
        environment = {**clean_environment(), URL: f"{address}?{query}"}
        ended = run("server", ["migrate"], folder=tmp_path, environment=environment)
        assert "Traceback" not in ended.stderr
        return ended.returncode, ended.stderr

    assert migrated("sslmode=require")[0] == 0
    assert migrated("sslmode=disable")[0] == 2
    assert migrated(f"sslmode=verify-full&sslrootcert={certificate}")[0] == 0
    code, said = migrated(f"sslmode=verify-full&sslrootcert={certify(stranger)}")
    assert (code, "certificate verify failed" in said) == (2, True), said
    server = RunningServer(
        tmp_path, {URL: f"{address}?sslmode=verify-full&sslrootcert={certificate}"}
    ).start()
    try:
        pay_and_give_back(server)
    finally:
        server.close()
