"""A minute with hostile clients: the server's memory stays, and others are answered at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.program.running import RunningServer

MINUTE = 60.0
GROWTH_KIB = 64 * 1024
ANSWER_SECONDS = 0.5
"""For 19 of 20 who ask, beyond what a server takes that nobody attacks: the machine has other work to do, too."""
LOOK_SECONDS = 0.25


@contextmanager
def attacked(*attackers: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let attackers be at work meanwhile; what one of them raises fails the test."""
    is_over = threading.Event()
    with ThreadPoolExecutor(len(attackers)) as pool:
        working = [pool.submit(attacker, is_over) for attacker in attackers]
        try:
            yield
        finally:
            is_over.set()
        for one in working:
            one.result()


def hold(server: RunningServer, beside: RunningServer) -> None:
    """Ask for a minute, as somebody new each time, and look how much memory the server has.

    The server beside it is one that nobody attacks: what it takes is the machine's doing, and the attackers'.
    """
    took: dict[str, list[float]] = {server.url: [], beside.url: []}
    server.execute("{ __typename }")
    begun_with = resident_kib(server)
    ends_at = time.monotonic() + MINUTE
    waiting = threading.Event()
    while time.monotonic() < ends_at:
        for url, seconds in took.items():
            seconds.append(_answer_seconds(url))
        assert resident_kib(server) - begun_with < GROWTH_KIB
        waiting.wait(LOOK_SECONDS)
    attacked, calm = (sorted(seconds)[int(0.95 * len(seconds))] for seconds in took.values())
    assert attacked < calm + ANSWER_SECONDS


def _answer_seconds(url: str) -> float:
    asked_at = time.monotonic()
    response = httpx2.get(f"{url}/health/live", verify=False, trust_env=False, timeout=60)
    assert response.status_code == 200
    return time.monotonic() - asked_at


def resident_kib(server: RunningServer) -> int:
    """Read how much memory the server has."""
    status = (_process(server) / "status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def descriptors(server: RunningServer) -> int:
    """Count what the server has open."""
    return len(list((_process(server) / "fd").iterdir()))


def _process(server: RunningServer) -> Path:
    assert server.process is not None
    return Path(f"/proc/{server.process.pid}")
