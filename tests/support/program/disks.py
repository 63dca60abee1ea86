"""Disks that are full: a real one, which root alone may mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Let a folder be a disk of its own meanwhile, with little room."""
    options = f"size={size_bytes}"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte of a disk; gives the file that takes them."""
    path = folder / "ballast"
    with path.open("ab", 0) as file:
        try:
            while True:
                file.write(b"x" * 4_096)
        except OSError:
            return path
