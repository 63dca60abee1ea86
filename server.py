"""The composition root and the commands: settings, engine, providers, flow, schema, routes, lifespan."""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

import command_line
import logs
import maintenance
import settings as configuration
import workers
from db.address import DatabaseUnusable
from db.engine import Database, create_database
from db.figures import SqlFigures
from db.limits import LOCK_SECONDS
from db.lists import SqlLists
from db.log import SqlLog
from db.migrating import demand_newest, migrate
from db.reads import SqlReads
from db.store import SqlStore
from db.webhooks import SqlWebhooks
from edge.addresses import ClientAddresses
from edge.authentication import Authentication
from edge.here import is_from_here
from edge.origins import Origins, is_loopback_name
from edge.places import Places
from edge.records import LibraryLines
from edge.serving import give_up_unread, server_config, within_descriptors
from edge.trusted import DocumentUnusable
from entrance import cors, development_routes, list_documents, make_edge, make_rate_limits
from events.deliveries import LOOK_SECONDS, Deliveries
from events.inbox import inbox_routes
from events.posting import ATTEMPT_SECONDS, Poster
from events.updates import POLL_SECONDS, SharedUpdates, Updates
from files import keep_private, made_secret
from payments.accounts import with_accounts
from payments.checking import LastCheck
from payments.credentials import ClientSecrets
from payments.delivering import DeliveryPace
from payments.errors import StoreFailed
from payments.flow import Flow, FlowSettings
from payments.limits import WEBHOOK_LEASE_SECONDS
from payments.ports import BooksUnreadable, Provider
from payments.rig import AS_SHIPPED, Rig
from payments.webhooks import WebhookOffice
from providers.registry import load_providers
from providers.sandbox import SandboxProvider, create_app, sandbox_routes
from providers.settings import (
    READ_SECONDS,
    ProviderFault,
    ProviderSettings,
    SandboxSettings,
    StripeSettings,
)
from resolvers.context import Services
from resolvers.root import sdl
from settings import Settings, in_address
from till import Till, run
from variables import SettingsError
from web.documents import load_documents
from web.graphiql import GraphiQLPage
from web.health import health_routes
from web.metrics import metrics_route

ROOT = Path(__file__).parent
QUERIES = ROOT / "queries"


def configure_logging() -> None:
    """Write one JSON object a line to standard error, whoever logs."""
    logs.configure()
    LibraryLines.take_over()


def build(settings: Settings, rig: Rig = AS_SHIPPED) -> tuple[Starlette, Till]:
    """Wire one server together."""
    database = create_database(
        settings.database_url,
        rig.lock(LOCK_SECONDS),
        connections=settings.database_connections,
    )
    log = SqlLog(database)
    reads = SqlReads(database)
    updates = Updates(log, rig.poll(POLL_SECONDS))
    origins = Origins(
        [settings.local_url, settings.reachable_url, *settings.allowed_origins],
        allows_loopback=settings.is_development,
    )
    client_secrets = ClientSecrets(_signing_keys(settings))
    limits = make_rate_limits(settings, database, wait=rig.wait)
    authentication = Authentication(settings.secret_key_hashes, client_secrets, reads, limits)
    providers = load_providers(_provider_settings(settings, rig))
    flow = Flow(
        SqlStore(database),
        {provider.id: provider for provider in providers},
        SharedUpdates(updates, database),
        _flow_settings(settings, providers, origins),
        rig,
    )
    poster, deliveries, office = _webhooks(settings, database, updates, flow)
    services = Services(flow, reads, SqlLists(database), log, updates, client_secrets, office)
    documents = load_documents(QUERIES)
    page = GraphiQLPage(documents) if settings.is_development else None
    edge = make_edge(settings, services, authentication, origins, page, wait=rig.wait)
    last_check = LastCheck()
    till = Till(
        settings,
        database,
        updates,
        flow,
        providers,
        authentication,
        edge,
        last_check,
        poster,
        deliveries,
    )
    routes: list[BaseRoute] = [
        *(development_routes(services, authentication, documents, page) if page else ()),
        *edge.routes(),
        *inbox_routes(flow),
        *health_routes(till.readiness),
        metrics_route(
            SqlFigures(database),
            last_check,
            updates.open_streams,
            with_accounts(flow),
            lambda: logs.LOG.dropped,
        ),
        *_sandbox_routes(settings, authentication, providers),
    ]
    app = Starlette(routes=routes, middleware=[cors(origins)], lifespan=till.running)
    return app, till


def _webhooks(
    settings: Settings, database: Database, updates: Updates, flow: Flow
) -> tuple[Poster, Deliveries, WebhookOffice]:
    webhooks, rig = SqlWebhooks(database), flow.rig
    poster = Poster(
        allows_private=settings.webhooks_allow_private, attempt_seconds=rig.wait(ATTEMPT_SECONDS)
    )
    deliveries = Deliveries(
        webhooks,
        poster,
        updates,
        pace=DeliveryPace(rig.time_scale, rig.wait(WEBHOOK_LEASE_SECONDS)),
        start=flow.start,
        look_seconds=rig.poll(LOOK_SECONDS),
    )
    return poster, deliveries, WebhookOffice(webhooks, poster.addresses, deliveries.look)


def _provider_settings(settings: Settings, rig: Rig = AS_SHIPPED) -> ProviderSettings:
    return ProviderSettings(
        public_url=settings.reachable_url,
        local_url=settings.local_url,
        is_development=settings.is_development,
        read_seconds=rig.wait(READ_SECONDS),
        sandbox=_sandbox_settings(settings) if settings.is_sandbox_enabled else None,
        stripe=_stripe_settings(settings),
    )


def _sandbox_settings(settings: Settings) -> SandboxSettings:
    return SandboxSettings(
        database=settings.sandbox_path,
        webhook_secret=settings.sandbox_webhook_secret
        or made_secret("sandbox-webhook-secret", instead_of="TILLGRAPH_SANDBOX_WEBHOOK_SECRET"),
        url=settings.sandbox_url,
    )


def _stripe_settings(settings: Settings) -> StripeSettings | None:
    if settings.stripe_secret_key is None:
        return None
    return StripeSettings(
        secret_key=settings.stripe_secret_key,
        publishable_key=settings.stripe_publishable_key,
        webhook_secrets=settings.stripe_webhook_secrets,
        api_base=settings.stripe_api_base,
        captures_later=settings.stripe_capture_method == "manual",
        has_multicapture=settings.stripe_multicapture,
    )


def _sandbox_routes(
    settings: Settings, authentication: Authentication, providers: Sequence[Provider]
) -> list[BaseRoute]:
    is_own_machine = settings.is_development and is_loopback_name(settings.host)
    return [
        route
        for provider in providers
        if isinstance(provider, SandboxProvider)
        for route in sandbox_routes(
            provider,
            authentication.demand_secret_key,
            lambda request: is_own_machine and is_from_here(request),
        )
    ]


def _signing_keys(settings: Settings) -> Sequence[str]:
    return settings.signing_keys or (
        made_secret("signing-key", instead_of="TILLGRAPH_SIGNING_KEYS"),
    )


def _flow_settings(
    settings: Settings, providers: Sequence[Provider], origins: Origins
) -> FlowSettings:
    known = {provider.id for provider in providers}
    named = settings.browser_providers
    if named is not None and (unknown := sorted(set(named) - known)):
        raise SettingsError(f"TILLGRAPH_BROWSER_PROVIDERS: there is no provider {unknown[0]}.")
    return FlowSettings(
        process_name=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        recovery_interval_seconds=settings.recovery_interval_seconds,
        browser_providers=frozenset(known - {"system"} if named is None else named),
        client_secret_hours=settings.client_secret_hours,
        has_unique_references=settings.unique_reference,
        is_return_url_allowed=origins.allows_return_to,
    )


def _till(settings: Settings) -> Till:
    _, till = build(settings)
    return till


def serve_sandbox(settings: Settings, *, host: str, port: int) -> None:
    """Run the sandbox gateway as a process of its own until told to stop."""
    app = create_app(_provider_settings(settings))
    places = Places(
        ClientAddresses(()), in_all=within_descriptors(settings.connections), per_address=None
    )
    config = server_config(app, places, keep_alive_seconds=settings.keep_alive_seconds)
    with _listen("--host and --port", host, port) as bound:
        give_up_unread(bound)
        uvicorn.Server(config).run(sockets=[bound])


def serve(settings: Settings, processes: int, rig: Rig) -> int:
    """Bring the database up to date and serve until told to stop; gives the exit code."""
    with _listen("HOST and PORT", settings.host, settings.port) as bound:
        # A port that the system has chosen, for 0, is part of the addresses that are told.
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        app, till = build(settings, rig)
        migrate(settings.database_url)
        if processes == 1:
            return run(app, till, bound)
        return workers.supervise(lambda: _work(settings, rig, bound), processes, at_end=logs.flush)


def _work(settings: Settings, rig: Rig, bound: socket.socket) -> int:
    # Each builds a server of its own: leases are held under a process's own name.
    app, till = build(settings, rig)
    # It may replace one that died, and the keys may have changed since the settings were read.
    till.read_keys_again()
    return run(app, till, bound)


def _listen(names: str, host: str, port: int) -> socket.socket:
    try:
        return workers.listen(host, port)
    except OSError as error:
        reason = (error.strerror or "").partition(" (")[0]
        raise SettingsError(
            f"{names}: {in_address(host)}:{port} can't be bound: {reason}."
        ) from None


def main(arguments: Sequence[str] | None = None, rig: Rig = AS_SHIPPED) -> int:
    """Run the command line; gives the exit code."""
    given = command_line.read(arguments)
    try:
        return _run(given, rig)
    except command_line.OutputLost as error:
        command_line.complain(str(error))
    except (BooksUnreadable, StoreFailed) as error:
        command_line.complain(f"Not all was read: run it again. {error}")
    except (DatabaseUnusable, DocumentUnusable, ProviderFault, SettingsError) as error:
        command_line.complain(f"Tillgraph does not start. {error}")
    return 2


def _run(given: argparse.Namespace, rig: Rig) -> int:
    if given.command == "schema":
        command_line.say(sdl().removesuffix("\n"))
        return 0
    configure_logging()
    if given.command == "serve":
        # It waits until the server handles it: on its own it would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    settings = configuration.load()
    keep_private(settings.databases)
    return _carry_out(given, settings, rig)


def _carry_out(given: argparse.Namespace, settings: Settings, rig: Rig) -> int:
    match given.command:
        case "serve":
            return serve(settings, given.workers, rig)
        case "migrate":
            migrate(settings.database_url)
        case "documents":
            command_line.say(*list_documents(settings))
        case "sandbox":
            serve_sandbox(settings, host=given.host, port=given.port)
        case _:
            demand_newest(settings.database_url)
            return asyncio.run(_maintain(given, settings))
    return 0


async def _maintain(given: argparse.Namespace, settings: Settings) -> int:
    match given.command:
        case "check":
            return await maintenance.check(_till, settings, given.provider)
        case "recover":
            return await maintenance.recover(_till(settings), given.since)
        case _:
            return await maintenance.accept_account(_till(settings), given.gateway)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
