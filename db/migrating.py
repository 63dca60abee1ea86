"""Brings a database to the newest migration."""

from pathlib import Path

from alembic import command
from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def config_for(database_url: str) -> Config:
    """Configure alembic for a database address."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str) -> None:
    """Apply every migration that a database lacks, outside of any event loop: alembic's environment runs its own."""
    command.upgrade(config_for(database_url), "head")
