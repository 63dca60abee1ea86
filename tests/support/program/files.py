"""Files that another process writes to."""

from pathlib import Path


def whole_lines(path: Path) -> list[bytes]:
    """Read every line but a last one that is half written yet."""
    return path.read_bytes().split(b"\n")[:-1]
