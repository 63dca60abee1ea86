"""A server, the sandbox gateway in a process of its own, and the proxy between them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tests.conftest import CHECKED
from tests.support.gateways.between import Between
from tests.support.gateways.gateway import SECRET, RunningGateway
from tests.support.program.ports import free_port
from tests.support.program.running import LONG_WAITS, QUICK_RECOVERY, URL, RunningServer
from tests.support.stores.databases import create, drop_database
from tests.support.stores.records import assert_books_agree, open_operations
from tests.support.waiting import until


@dataclass
class Site:
    """Everything that a payment passes through."""

    servers: list[RunningServer]
    gateway: RunningGateway
    between: Between
    is_ledger_true: bool = field(default=True)
    """Whether the proxy left amounts unchanged: the records have to agree at the end."""

    @property
    def server(self) -> RunningServer:
        """Return the first server; most sites have no other."""
        return self.servers[0]

    def quiet(self) -> None:
        """Wait until every operation has its outcome."""
        until(lambda: not open_operations(self.server))


@contextmanager
def site(
    folder: Path,
    *,
    servers: int = 1,
    hears_reports: bool = True,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Site]:
    """Run a site; after the block its records have to agree and every invariant has to hold.

    `settings` are the servers', who share one database and are test builds. `hears_reports` False: the proxy swallows
    reports.
    """
    address = _shared_database(folder) if servers > 1 else None
    shared = {} if address is None else {URL: address}
    ports = [free_port() for _ in range(servers)]
    proxy_port = free_port()
    gateway = RunningGateway(folder, ports[0] if hears_reports else proxy_port).start()
    between = Between(gateway.url, proxy_port).open()
    environment = {
        **QUICK_RECOVERY,
        **LONG_WAITS,
        **shared,
        "TILLGRAPH_SANDBOX_URL": between.url,
        "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET,
        "TILLGRAPH_SIGNING_KEYS": SECRET,
        **settings,
    }
    running = [
        RunningServer(_made(folder / f"server-{number}"), environment, port, is_test_build=True)
        for number, port in enumerate(ports)
    ]
    made = Site(running, gateway, between)
    try:
        for server in running:
            server.start()
        yield made
        between.forget()
        between.let_go()
        if made.is_ledger_true:
            assert_books_agree(made.server)
        made.quiet()
        assert made.server.check() == CHECKED
    finally:
        for server in running:
            server.close()
        between.close()
        gateway.stop()
        if address is not None:
            drop_database(address)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _shared_database(folder: Path) -> str:
    return create(folder / "shared.db")
