"""Full disks: real ones, which only root may mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Make a folder a small disk of its own during the block."""
    options = f"size={size_bytes}"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to its last byte; return the file that does so."""
    path = folder / "ballast"
    with path.open("ab", 0) as file:
        try:
            while True:
                file.write(b"x" * 4_096)
        except OSError:
            return path
