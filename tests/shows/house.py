"""What a show is played in: servers on one database, and a gateway in a process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.faults.records import open_operations
from tests.gateways import RunningGateway
from tests.running import URL, RunningServer, free_port
from tests.shows.command import Round

INTERVAL = "TILLGRAPH_RECOVERY_INTERVAL_SECONDS"


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


def is_settled(server: RunningServer) -> bool:
    """Tell whether every operation has its outcome."""
    return not open_operations(server)
