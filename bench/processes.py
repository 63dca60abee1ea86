"""The processor time and the memory of processes, as the kernel counts them."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")

Fields = list[str]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its descendants, ended ones and the kernel's for them included.

    Source: proc_pid_stat(5): utime, stime, cutime and cstime, in ticks of mostly 10 ms.
    """
    ticks = 0
    for member in _family(pid):
        with suppress(
            FileNotFoundError, ProcessLookupError
        ):  # It has just ended: its parent counts it.
            ticks += sum(int(field) for field in _stat(member)[11:15])
    return ticks / TICKS


def resident_mb(pid: int) -> float:
    """Return a process's resident memory, in units of 1,000,000 bytes; source: proc_pid_status(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return round(int(line.split()[1]) * 1_024 / 1_000_000, 1)


def parent(pid: int) -> int:
    """Return the id of a process's parent."""
    return int(_stat(pid)[1])


def name(pid: int) -> str:
    """Return a process's name, at most 15 characters; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


def _stat(pid: int) -> Fields:
    """Return the fields after the name, which may contain anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _family(pid: int) -> list[int]:
    """Return a process and its living descendants."""
    members = [pid]
    for member in members:  # It grows meanwhile.
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):
                members += map(int, children.read_text().split())
    return members
