"""What a show is played in: servers on one database, and a gateway in a process of its own."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from bench.wire import Connection
from tests.faults.records import open_operations
from tests.gateway import RunningGateway
from tests.running import URL, Json, RunningServer, free_port
from tests.shows.command import Round

INTERVAL = "TILLGRAPH_RECOVERY_INTERVAL_SECONDS"

SETTLED_SECONDS = 120.0
"""Recovery's second try comes a minute behind the first."""

LOOK_SECONDS = 0.25

BUSY = "STORE_BUSY"
BUSY_SECONDS = 0.5
MOST_TIMES = 60


@dataclass(frozen=True)
class House:
    """Is all that runs."""

    servers: tuple[RunningServer, ...]

    @property
    def urls(self) -> list[str]:
        """Give the servers' addresses."""
        return [server.url for server in self.servers]

    @property
    def first(self) -> RunningServer:
        """Give the server that is asked about the books."""
        return self.servers[0]


@contextmanager
def open_house(playing: Round, *, servers: int) -> Iterator[House]:
    """Run a gateway and servers on one new database, and end each of them behind the block."""
    with ExitStack() as stack:
        port = free_port()
        folder = playing.folder / "gateway"
        folder.mkdir()
        gateway = RunningGateway(folder, port)
        stack.callback(gateway.stop)
        settings = gateway.start().settings
        if playing.recovery_seconds is not None:
            settings[INTERVAL] = str(playing.recovery_seconds)
        made: list[RunningServer] = []
        for number in range(servers):
            folder = playing.folder / f"server-{number}"
            folder.mkdir()
            named = {URL: made[0].database} if made else {}
            # The gateway reports to the first.
            server = RunningServer(folder, {**settings, **named}, free_port() if made else port)
            stack.callback(server.close)
            made.append(server.start())
        yield House(tuple(made))


class Line:
    """Is a kept connection to a server that sends a call again which the server was too busy for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sent_again = 0

    @classmethod
    async def open(cls, server: RunningServer) -> "Line":
        """Connect."""
        return cls(await Connection.open(server.port))

    async def call(self, query: str, variables: dict[str, Json]) -> Json:
        """Execute a document and give the value of its one root field; raises what is no answer."""
        while True:
            try:
                return await self._connection.execute(query, variables)
            except RuntimeError as fault:
                # 503: nothing was done, and the same request may be sent again.
                if BUSY not in str(fault) or self.sent_again == MOST_TIMES:
                    raise
                self.sent_again += 1
                await asyncio.sleep(BUSY_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@asynccontextmanager
async def lines_to(house: House, count: int) -> AsyncIterator[list[Line]]:
    """Connect to the servers in turn."""
    servers = itertools.islice(itertools.cycle(house.servers), count)
    lines = [await Line.open(server) for server in servers]
    try:
        yield lines
    finally:
        for line in lines:
            line.close()


def wait_until_settled(server: RunningServer) -> None:
    """Wait until every operation has its outcome; what has none in time is counted behind it."""
    ends_at = time.monotonic() + SETTLED_SECONDS
    while open_operations(server) and time.monotonic() < ends_at:
        time.sleep(LOOK_SECONDS)
