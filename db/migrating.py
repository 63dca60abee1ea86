"""The migration of a database to the newest version."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from alembic.util.exc import DatabaseNotAtHead
from sqlalchemy.exc import DBAPIError

from db.engine.address import SETTING, DatabaseUnusable

DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Errors of PostgreSQL's driver beside the system's own."""

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(database_url: str) -> Config:
    """Return alembic's configuration for a database address."""
    config = Config()
    # Alembic reads it as a line of an ini file, in which % starts a reference.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def require_newest(database_url: str) -> None:
    """Raise DatabaseUnusable unless a database is at the newest migration."""
    config = config_for(database_url)
    config.stdout = io.StringIO()
    with _told():
        try:
            command.current(config, check_heads=True)
        except DatabaseNotAtHead:
            raise DatabaseUnusable(
                f"{SETTING} names a database that is not at the newest migration:"
                " run python server.py migrate."
            ) from None


def migrate(database_url: str) -> None:
    """Apply every migration that a database lacks; raises DatabaseUnusable.

    Must be called outside any event loop: alembic's environment runs its own.
    """
    with _told():
        command.upgrade(config_for(database_url), "head")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OSError, DBAPIError, CommandError, *DRIVER) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        reason = str(cause) or type(cause).__name__
        raise DatabaseUnusable(
            f"{SETTING} names a database that can't be used: {reason.rstrip('.')}."
        ) from error
