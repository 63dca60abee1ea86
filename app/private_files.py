"""The server's files: databases, and keys that development creates, readable by their owner alone."""

import os
import secrets
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from app.environment import SettingsError

log = structlog.get_logger("files")

OTHERS = stat.S_IRWXG | stat.S_IRWXO

BESIDE = ("", "-wal", "-shm", "-journal")
"""The suffixes of the files that SQLite has for one database."""

MADE_SECRETS = Path(".tillgraph")
"""The folder for the keys that development creates for itself; ignored by git."""

SHORTEST_KEY = 16
"""Characters of a secret or signing key: a shorter one can be guessed."""


def keep_private(databases: Iterable[Path]) -> None:
    """Make this process's files, new ones and existing databases, readable by their owner alone."""
    os.umask(OTHERS)
    for database in databases:
        for ending in BESIDE:
            _narrow(database.with_name(database.name + ending))


def made_secret(name: str, *, instead_of: str) -> str:
    """Return a secret that development keeps for itself, created if missing; raises SettingsError.

    It replaces a missing setting.
    """
    path = MADE_SECRETS / name
    try:
        if not path.exists():
            _make(path)
        _narrow(path)
        secret = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(
            f"{instead_of}: is not set, and none can be kept in {path}: {reason}."
        ) from None
    if len(secret.strip()) < SHORTEST_KEY:
        raise SettingsError(
            f"{instead_of}: is not set, and {path} holds no key of at least {SHORTEST_KEY} characters:"
            " delete the file, and another key is made."
        )
    return secret


def _make(path: Path) -> None:
    MADE_SECRETS.mkdir(mode=0o700, exist_ok=True)
    # Written under another name first: a process that starts at the same time reads all of it or creates its own.
    with tempfile.NamedTemporaryFile("w", dir=MADE_SECRETS) as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)


def _narrow(path: Path) -> None:
    """Remove others' permissions from a file of an earlier version or another program."""
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & OTHERS:
            try:
                path.chmod(mode & ~OTHERS)
            except PermissionError:
                # It belongs to another user, as on a container's volume, but may still be used.
                log.warning("file readable by others", path=str(path), mode=oct(mode))
