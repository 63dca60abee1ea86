"""Brings a database to the newest migration."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from asyncpg import PostgresError
from sqlalchemy.exc import DBAPIError

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(database_url: str) -> Config:
    """Configure alembic for a database address."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


class DatabaseUnusable(Exception):
    """Says in a sentence why the database can't be used; start-up ends with it."""


def migrate(database_url: str) -> None:
    """Apply every migration that a database lacks; raises DatabaseUnusable.

    Outside of any event loop: alembic's environment runs its own.
    """
    try:
        command.upgrade(config_for(database_url), "head")
    except (OSError, DBAPIError, PostgresError, CommandError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        raise DatabaseUnusable(
            f"TILLGRAPH_DATABASE_URL names a database that can't be used: {cause}."
        ) from error
