"""The scene of a proof: servers on one database, and a gateway in a process of its own."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.flows import AUTHORIZE, CREATE, SESSION
from bench.wire import Connection
from proofs.command import Round
from tests.support.gateways.gateway import RunningGateway
from tests.support.program.ports import free_port
from tests.support.program.running import URL, Json, RunningServer
from tests.support.stores.records import open_operations

INTERVAL = "TILLGRAPH_RECOVERY_INTERVAL_SECONDS"

START_SECONDS = 120.0
"""A proof takes minutes, on a machine that may do other work as well."""

SETTLED_SECONDS = 120.0
"""Recovery's second try comes a minute after the first."""

LOOK_SECONDS = 0.25

BUSY = "STORE_BUSY"
BUSY_SECONDS = 0.5
MOST_TIMES = 60


@dataclass(frozen=True)
class House:
    """Everything that runs."""

    servers: tuple[RunningServer, ...]

    @property
    def urls(self) -> list[str]:
        """Return the servers' addresses."""
        return [server.url for server in self.servers]

    @property
    def first(self) -> RunningServer:
        """Return the server that is asked for the comparison."""
        return self.servers[0]


@contextmanager
def open_house(playing: Round, *, servers: int) -> Iterator[House]:
    """Run a gateway and servers on one new database, and end each of them after the block."""
    with ExitStack() as stack:
        made: list[RunningServer] = []
        # It reports to the first server.
        gateway = RunningGateway(_new_folder(playing, "gateway"), port := free_port())
        settings = gateway.settings
        if playing.recovery_seconds is not None:
            settings[INTERVAL] = str(playing.recovery_seconds)
        for number in range(servers):
            folder = _new_folder(playing, f"server-{number}")
            named = {URL: made[0].database} if made else {}
            server = RunningServer(folder, {**settings, **named}, free_port() if made else port)
            server.start_seconds = START_SECONDS
            made.append(server)
            stack.callback(made[-1].close)
        stack.callback(gateway.stop)
        with ThreadPoolExecutor(1 + servers) as threads:
            starting = [threads.submit(server.start) for server in made]
            gateway.start()
        for start in starting:
            start.result()
        yield House(tuple(made))


def _new_folder(playing: Round, name: str) -> Path:
    folder = playing.folder / name
    folder.mkdir()
    return folder


class Line:
    """A kept connection to a server, which sends a call again if the server did not accept it."""

    def __init__(self, server: RunningServer) -> None:
        self._port = server.port
        self._connection: Connection | None = None
        self.sent_again = 0

    async def connect(self) -> None:
        """Connect again, so that the next call is sent at once."""
        self.close()
        self._connection = await Connection.open(self._port)

    async def call(self, query: str, variables: dict[str, Json]) -> Json:
        """Execute a document and return the value of its one root field; raises for anything else."""
        while True:
            try:
                if self._connection is None:
                    await self.connect()
                assert self._connection is not None
                return await self._connection.execute(query, variables)
            except (OSError, EOFError):
                # A server ends connections that have been idle for seconds. The key makes it the same request.
                self.close()
            except RuntimeError as fault:
                # 503: nothing was done, and the same request may be sent again.
                if BUSY not in str(fault):
                    raise
                await asyncio.sleep(BUSY_SECONDS)
            self.sent_again += 1
            if self.sent_again > MOST_TIMES:
                raise TimeoutError("The server takes no calls.")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@asynccontextmanager
async def lines_to(house: House, count: int) -> AsyncIterator[list[Line]]:
    """Connect to the servers in turn."""
    servers = itertools.islice(itertools.cycle(house.servers), count)
    lines = [Line(server) for server in servers]
    try:
        for line in lines:
            await line.connect()
        yield lines
    finally:
        for line in lines:
            line.close()


async def pay(line: Line, token: str) -> str:
    """Authorize 100.00 US dollars at the sandbox; return the payment's id."""
    opened = {"currencyCode": "USD", "amount": "100.00"}
    collection = await line.call(CREATE, {"input": opened})
    at_the_sandbox = {
        "paymentCollectionId": collection["id"],
        "providerId": "sandbox",
        "data": {"token": token},
    }
    session = await line.call(SESSION, {"input": at_the_sandbox})
    payment = await line.call(AUTHORIZE, {"input": {"id": session["id"]}})
    return str(payment["id"])


def wait_until_settled(server: RunningServer) -> None:
    """Wait until every operation has its outcome; those without one in time are counted afterwards."""
    ends_at = time.monotonic() + SETTLED_SECONDS
    while open_operations(server) and time.monotonic() < ends_at:
        time.sleep(LOOK_SECONDS)
