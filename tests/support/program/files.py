"""Files that another process writes to."""

from pathlib import Path


def whole_lines(path: Path) -> list[bytes]:
    """Return every line except a last one that is only half written."""
    return path.read_bytes().split(b"\n")[:-1]
