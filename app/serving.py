"""Serving until told to stop: a server, in one process or several, or the sandbox gateway."""

import socket

import uvicorn

from app import garbage, logs
from app.build import build, provider_settings
from app.environment import SettingsError
from app.lifecycle import run
from app.processes import listen, supervise
from app.settings import Settings, in_address
from db.migrating import migrate
from edge.rate_limits.client_addresses import ClientAddresses
from edge.transport.connection_limits import Places
from edge.transport.uvicorn_config import give_up_unread, server_config, within_descriptors
from payments.flow.fault_injection import FaultInjection
from providers.registry import sandbox_gateway


def serve_sandbox(settings: Settings, *, host: str, port: int) -> None:
    """Run the sandbox gateway as a process of its own until told to stop."""
    app = sandbox_gateway(provider_settings(settings))
    places = Places(
        ClientAddresses(()), in_all=within_descriptors(settings.connections), per_address=None
    )
    config = server_config(app, places, keep_alive_seconds=settings.keep_alive_seconds)
    with _listen("--host and --port", host, port) as bound:
        give_up_unread(bound)
        uvicorn.Server(config).run(sockets=[bound])


def serve(settings: Settings, processes: int, faults: FaultInjection) -> int:
    """Bring the database up to date and serve until told to stop; return the exit code."""
    with _listen("HOST and PORT", settings.host, settings.port) as bound:
        # A port chosen by the system, for 0, is part of the printed addresses.
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        asgi, application = build(settings, faults)
        migrate(settings.database_url)
        garbage.spare_started()
        if processes == 1:
            return run(asgi, application, bound)
        return supervise(lambda: _work(settings, faults, bound), processes, at_end=logs.flush)


def _work(settings: Settings, faults: FaultInjection, bound: socket.socket) -> int:
    # Each process builds a server of its own: leases are held under a process's own name.
    asgi, application = build(settings, faults)
    # It may replace one that died, and the keys may have changed since the settings were read.
    application.read_keys_again()
    return run(asgi, application, bound)


def _listen(names: str, host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        reason = (error.strerror or "").partition(" (")[0]
        raise SettingsError(
            f"{names}: {in_address(host)}:{port} can't be bound: {reason}."
        ) from None
