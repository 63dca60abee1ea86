"""A server from start to stop: the background work beside its requests, and its shutdown."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.applications import Starlette

from app import logs, processes
from app import settings as configuration
from app.environment import SettingsError
from app.settings import Settings
from db.engine.database import Database
from db.invariants import SqlInvariants
from edge.authentication import Authentication
from edge.graphql_edge import GraphQLEdge
from edge.rate_limits.client_addresses import ClientAddresses
from edge.transport.connection_limits import Places
from edge.transport.uvicorn_config import give_up_unread, server_config, within_descriptors
from events.updates import Updates
from payments.flow.runtime import Flow
from payments.ports.provider import Provider
from payments.recovery import gateway_accounts, invariant_checks
from payments.recovery import loop as recovery
from web.health import Readiness
from webhooks.dispatcher import Dispatcher
from webhooks.http import Poster

log = structlog.get_logger("server")

LAST_WORD_SECONDS = 0.2
"""For open streams to announce their end, with the cursor to resume after."""

SHUTDOWN_SECONDS = 15
"""For running requests to be answered before their connections are closed; the flow itself is drained after that."""


@dataclass(slots=True)
class Application:
    """A server with all its parts, from start to stop."""

    settings: Settings
    database: Database
    updates: Updates
    flow: Flow
    providers: Sequence[Provider]
    authentication: Authentication
    edge: GraphQLEdge
    last_check: invariant_checks.LastCheck
    poster: Poster
    dispatcher: Dispatcher
    is_ending: bool = False

    async def readiness(self) -> Readiness:
        """Return whether it accepts new work; raises StoreFailed where its database could not record any."""
        if self.is_ending:
            return Readiness.ENDING
        await self.database.require_writable()
        if any(one.account.is_misconfigured for one in gateway_accounts.with_accounts(self.flow)):
            return Readiness.PROVIDER_MISCONFIGURED
        return Readiness.READY

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the database and the providers; at the end, drain the flow before closing them."""
        async with AsyncExitStack() as opened:
            # After any failure, open parts are closed: a connection's thread would keep the process alive.
            opened.push_async_callback(self.database.close)
            await self.database.open()
            opened.push_async_callback(self.authentication.close)
            await self.poster.open()
            opened.push_async_callback(self.poster.close)
            for provider in self.providers:
                await provider.open()
                opened.push_async_callback(provider.close)
            opened.push_async_callback(self._drain)
            yield

    async def _drain(self) -> None:
        late = await self.flow.drain()
        if late:
            log.warning("not drained", tasks=late)

    @asynccontextmanager
    async def running(self, _app: Starlette) -> AsyncIterator[None]:
        """Open everything and run the background work beside the requests."""
        async with self.opened(), self._looked_after():
            yield

    @asynccontextmanager
    async def _looked_after(self) -> AsyncIterator[None]:
        loops = [
            asyncio.create_task(gateway_accounts.run(self.flow)),
            asyncio.create_task(recovery.run(self.flow)),
            asyncio.create_task(self.updates.poll()),
            asyncio.create_task(self.updates.listen(self.database)),
            asyncio.create_task(self.dispatcher.run()),
            *self._checks(),
        ]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    def _checks(self) -> "list[asyncio.Task[None]]":
        interval_seconds = self.settings.check_interval_seconds
        if interval_seconds == 0:
            return []
        invariants = SqlInvariants(self.database)
        return [
            asyncio.create_task(invariant_checks.run(invariants, interval_seconds, self.last_check))
        ]

    def read_keys_again(self) -> None:
        """Read the secret keys again; if anything is wrong, the previous ones stay."""
        try:
            hashes = configuration.load().secret_key_hashes
            if not hashes and self.authentication.requires_keys:
                raise SettingsError("TILLGRAPH_SECRET_KEYS: the last key can't be taken away.")
        except SettingsError as error:
            log.error("secret keys not read", error=str(error))
            return
        self.authentication.replace_keys(hashes)
        self.edge.look_again()
        # A running process keeps its environment: keys set there can't change.
        source = "environment" if configuration.are_keys_fixed() else configuration.ENV_FILE
        log.info("secret keys read", keys=len(hashes), source=source)

    def end(self) -> None:
        """Accept no new streams, tell the open ones to resume elsewhere, and send nothing more."""
        self.is_ending = True
        self.updates.end()
        self.dispatcher.end()


class Server(uvicorn.Server):
    """A uvicorn server that ends the streams first when it is told to stop: they would delay the shutdown."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams with the cursor to resume after, then their connections, then the rest."""
        self._application.end()
        await asyncio.sleep(self._application.flow.faults.wait(LAST_WORD_SECONDS))
        self._application.edge.stop()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Print the server's address once it serves."""
        # It was blocked since before the keys were read for the first time.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        await super().startup(sockets)
        if self.started:
            settings = self._application.settings
            logs.OUTPUT.write(f"Tillgraph serves on {settings.local_url}/graphql".encode())
            if not self._application.authentication.requires_keys:
                reason = "TILLGRAPH_SECRET_KEYS is not set"
                log.warning("anyone who reaches this port can act", reason=reason)

    def _hang_up(self) -> None:
        if processes.is_terminal_gone():
            self.handle_exit(signal.SIGTERM, None)
        else:
            self._application.read_keys_again()


def run(asgi: Starlette, application: Application, bound: socket.socket) -> int:
    """Serve in this process until told to stop, on a bound socket; return the exit code."""
    settings = application.settings
    give_up_unread(bound)
    places = Places(
        ClientAddresses(settings.proxies),
        in_all=within_descriptors(settings.connections),
        per_address=settings.address_connections,
    )
    config = server_config(
        asgi,
        places,
        keep_alive_seconds=settings.keep_alive_seconds,
        shutdown_seconds=SHUTDOWN_SECONDS,
    )
    server = Server(config, application)
    # Caught until uvicorn listens itself, and when it raises the signal that ended it once more: the exit code is 0.
    signal.signal(signal.SIGTERM, server.handle_exit)
    server.run(sockets=[bound])
    return 0 if server.started else processes.DID_NOT_START
