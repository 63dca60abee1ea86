"""Rate limits counted in a real Redis: by several servers together, and by each alone while it is away."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.flow.shop import open_collection
from tests.support.forms import in_short
from tests.support.program.clocks import STANDING_CLOCK, stop_clock
from tests.support.program.counting import ALONE, LIMITS, QUOTA, TOGETHER, Pair, guess, shown
from tests.support.program.keys import SECRET_KEY
from tests.support.program.ports import free_port
from tests.support.program.running import LONG_WAITS, SHORT_WAITS, RunningServer
from tests.support.program.server_log import logged
from tests.support.waiting import PATIENCE_SECONDS, until


@dataclass
class RunningRedis:
    """Debian's redis-server, with nothing in it, on a port of its own."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "RunningRedis":
        """Start it and wait until it answers."""
        path = shutil.which("redis-server")
        assert path is not None, "redis-server is missing: run make system-dependencies."
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self.folder}"
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                [path, *options.split(), "--save", ""], stdout=log, stderr=log
            )
        until(self._answers)
        return self

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def ask(self, command: str) -> bytes:
        """Send one command and give the beginning of what it answers."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(65_536)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RunningRedis]:
    """Return a Redis of a test's own."""
    running = RunningRedis(tmp_path, free_port()).start()
    yield running
    running.stop()


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path, redis: RunningRedis) -> Iterator[Pair]:
    """Return two servers on one Redis, each with a database of its own; patient, where no other waits are given."""
    settings = {
        **STANDING_CLOCK,
        **getattr(request, "param", LONG_WAITS),
        "TILLGRAPH_SECRET_KEYS": SECRET_KEY,
        "TILLGRAPH_SANDBOX_ENABLED": "false",
        "TILLGRAPH_RATE_LIMIT_STORE": f"redis://127.0.0.1:{redis.port}/0",
        **LIMITS,
    }
    servers = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        servers.append(
            RunningServer(tmp_path / name, settings, credential=SECRET_KEY, is_test_build=True)
        )
        stop_clock(tmp_path / name)
    first, second = servers
    yield first.start(), second.start()
    for server in servers:
        server.close()


def assert_alone(server: RunningServer) -> None:
    """Assert that a server counts alone, and has said so once, not at each request."""
    alone = logged(server, ALONE)
    # A slow machine may have come to it, and back, before.
    assert len(alone) == len(logged(server, TOGETHER)) + 1
    assert alone[-1]["level"] == "warning"


def test_two_servers_count_together(redis: RunningRedis, pair: Pair) -> None:
    """Both servers count together; the key in Redis expires by itself and does not contain the credential."""
    assert [guess(pair[number % 2]) for number in range(QUOTA + 2)] == [401] * QUOTA + [429] * 2
    keys = redis.ask("KEYS *").decode()
    assert "tillgraph:address/127.0.0.1/86400/" in keys
    assert "a-key-that-nobody-has" not in keys
    [key] = [line for line in keys.splitlines() if line.startswith("tillgraph:")]
    assert 86_000 < int(redis.ask(f"TTL {key}")[1:]) <= 86_400
    assert redis.ask(f"GET {key}") == b"$1\r\n%d\r\n" % QUOTA


def test_a_browser_is_counted_there(redis: RunningRedis, pair: Pair) -> None:
    """By its collection and the version of its secret, with what is left in every answer."""
    server = pair[0]
    collection = open_collection(server)
    for number in range(QUOTA):
        response = shown(server, collection)
        assert response.headers["ratelimit"].startswith(f'"browser";r={QUOTA - 1 - number};t=')
    assert shown(server, collection).status_code == 429
    assert f"tillgraph:browser/{collection['id']}/1/86400/" in redis.ask("KEYS *").decode()


@pytest.mark.parametrize("pair", in_short([SHORT_WAITS, {}], SHORT_WAITS), indirect=True)
def test_a_redis_that_is_away_stops_nobody(redis: RunningRedis, pair: Pair) -> None:
    """Requests are answered at once, limits hold for each process alone, and later for all together again."""
    server = pair[0]
    collection = open_collection(server)
    assert shown(server, collection).status_code == 200
    redis.stop()
    statuses = [shown(server, collection).status_code for _ in range(QUOTA + 1)]
    # What was counted together before is counted on.
    assert statuses == [200] * (QUOTA - 1) + [429] * 2
    assert [guess(pair[1]) for _ in range(QUOTA + 1)] == [401] * QUOTA + [429]
    for one in pair:
        assert_alone(one)
    together = len(logged(server, TOGETHER))
    redis.start()
    until(
        lambda: (
            shown(server, open_collection(server)).status_code == 200
            and len(logged(server, TOGETHER)) > together
        )
    )
    # A new Redis knows nothing of before; who has let it through does.
    assert shown(server, collection).status_code == 429


@pytest.mark.parametrize("pair", [SHORT_WAITS], indirect=True)
def test_a_redis_that_hangs_stops_nobody(redis: RunningRedis, pair: Pair) -> None:
    """One that takes connections and does not answer for ten minutes is waited for half a second, and left alone."""
    server = pair[0]
    collection = open_collection(server)
    assert shown(server, collection).status_code == 200
    assert redis.ask("CLIENT PAUSE 600000 ALL") == b"+OK\r\n"
    statuses = [shown(server, collection).status_code for _ in range(QUOTA)]
    assert statuses == [200] * (QUOTA - 1) + [429]
    assert_alone(server)
    assert redis.process is not None
    redis.process.kill()
    redis.process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("pair", [SHORT_WAITS], indirect=True)
def test_a_server_starts_without_its_redis(redis: RunningRedis, pair: Pair) -> None:
    """A server starts, serves and stops in order without its Redis, and leaves no connection open."""
    redis.stop()
    server = pair[0]
    assert server.stop() == 0
    server.start()
    assert shown(server, open_collection(server)).status_code == 200
    assert_alone(server)
    assert server.stop() == 0
    log = server.log_path.read_text()
    assert "Traceback" not in log
    assert "ResourceWarning" not in log
    assert "Exception ignored" not in log
