"""The PostgreSQL of a run: one that makes its commits durable, as SQLite does here, and whose processes are counted."""

import os
from functools import cache

from bench import processes
from tests.support.stores import databases

SETTINGS = "max_connections = 200\n"
"""All else as PostgreSQL ships it. The tests' own server waits for no disk, which SQLite does here."""

SHOWN = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "autovacuum")


def use_own() -> None:
    """Start PostgreSQL for this run, unless an address is given."""
    if databases.GIVEN not in os.environ:
        os.environ[databases.GIVEN] = databases.text_of(databases.start_postgresql(SETTINGS))


def settings() -> dict[str, str]:
    """Return the settings that decide what a commit costs."""
    asked = ", ".join(f"current_setting('{name}')" for name in SHOWN)
    ((*values,),) = databases.rows(_address(), f"SELECT {asked}")
    return dict(zip(SHOWN, map(str, values), strict=True))


@cache
def process() -> int | None:
    """Return the id of PostgreSQL's first process, the parent of all others; None where it is on another machine."""
    ((backend,),) = databases.rows(_address(), "SELECT pg_backend_pid()")
    is_here = processes.name(backend).startswith("postgres")
    return processes.parent(backend) if is_here else None


def _address() -> str:
    return databases.text_of(databases.postgresql())
