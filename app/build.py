"""The wiring of one server: settings, database, providers, flow, schema and routes."""

import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from app import logs
from app.environment import SettingsError
from app.graphql import cors, development_routes, make_edge, make_rate_limits
from app.lifecycle import Application
from app.private_files import made_secret
from app.settings import Settings
from app.site import Site
from db.engine.database import Database, create_database
from db.engine.limits import LOCK_SECONDS
from db.event_log import SqlLog
from db.figures import SqlFigures
from db.flow_store import SqlStore
from db.list_pages import SqlLists
from db.reads import SqlReads
from db.webhook_store import SqlWebhooks
from edge.authentication import Authentication
from edge.loopback import is_from_here
from edge.origins import Origins, is_loopback_name
from edge.request_log import LibraryLines
from events.inbox import inbox_routes
from events.updates import POLL_SECONDS, SharedUpdates, Updates
from payments.flow.fault_injection import AS_SHIPPED, FaultInjection
from payments.flow.runtime import Flow, FlowSettings
from payments.model.client_secrets import ClientSecrets
from payments.ports.provider import Provider, is_manual
from payments.recovery.gateway_accounts import with_accounts
from payments.recovery.invariant_checks import LastCheck
from providers.registry import load_providers
from providers.routes import HasRoutes, routes_of
from providers.settings import READ_SECONDS, ProviderSettings, SandboxSettings, StripeSettings
from resolvers.context import Services
from web.documents import load_documents
from web.graphiql import GraphiQLPage
from web.health import health_routes
from web.metrics import metrics_route
from webhooks.deliveries import DeliverySchedule
from webhooks.dispatcher import LOOK_SECONDS, Dispatcher
from webhooks.endpoints import WebhookOffice
from webhooks.http import ATTEMPT_SECONDS, Poster
from webhooks.limits import WEBHOOK_LEASE_SECONDS

ROOT = Path(__file__).parent.parent


QUERIES = ROOT / "queries"


def configure_logging() -> None:
    """Write all logs as one JSON object a line to standard error."""
    logs.configure()
    LibraryLines.take_over()


def build(settings: Settings, faults: FaultInjection = AS_SHIPPED) -> tuple[Starlette, Application]:
    """Build one server."""
    database = create_database(
        settings.database_url,
        faults.lock(LOCK_SECONDS),
        connections=settings.database_connections,
    )
    log = SqlLog(database)
    reads = SqlReads(database)
    updates = Updates(log, faults.poll(POLL_SECONDS))
    origins = Origins(
        [settings.local_url, settings.reachable_url, *settings.allowed_origins],
        allows_loopback=settings.is_development,
    )
    client_secrets = ClientSecrets(_signing_keys(settings))
    limits = make_rate_limits(settings, database, wait=faults.wait)
    authentication = Authentication(settings.secret_key_hashes, client_secrets, reads, limits)
    providers = load_providers(provider_settings(settings, faults))
    flow = Flow(
        SqlStore(database),
        {provider.id: provider for provider in providers},
        SharedUpdates(updates, database),
        _flow_settings(settings, providers, origins),
        faults,
    )
    poster, dispatcher, office = _webhooks(settings, database, updates, flow)
    services = Services(flow, reads, SqlLists(database), log, updates, client_secrets, office)
    documents = load_documents(QUERIES)
    page = GraphiQLPage(documents) if settings.is_development else None
    edge = make_edge(settings, services, authentication, origins, page, wait=faults.wait)
    last_check = LastCheck()
    application = Application(
        settings,
        database,
        updates,
        flow,
        providers,
        authentication,
        edge,
        last_check,
        poster,
        dispatcher,
    )
    routes: list[BaseRoute] = [
        *(development_routes(services, authentication, documents, page) if page else ()),
        *edge.routes(),
        *inbox_routes(flow),
        *health_routes(application.readiness),
        metrics_route(
            SqlFigures(database),
            last_check,
            updates.open_streams,
            with_accounts(flow),
            lambda: logs.LOG.dropped,
        ),
        *_provider_routes(settings, authentication, providers),
    ]
    asgi = Site(edge.http, routes=routes, middleware=[cors(origins)], lifespan=application.running)
    return asgi, application


def _webhooks(
    settings: Settings, database: Database, updates: Updates, flow: Flow
) -> tuple[Poster, Dispatcher, WebhookOffice]:
    webhooks, faults = SqlWebhooks(database), flow.faults
    poster = Poster(
        allows_private=settings.webhooks_allow_private, attempt_seconds=faults.wait(ATTEMPT_SECONDS)
    )
    dispatcher = Dispatcher(
        webhooks,
        poster,
        updates,
        schedule=DeliverySchedule(faults.time_scale, faults.wait(WEBHOOK_LEASE_SECONDS)),
        start=flow.start,
        look_seconds=faults.poll(LOOK_SECONDS),
    )
    return poster, dispatcher, WebhookOffice(webhooks, poster.addresses, dispatcher.look)


def provider_settings(settings: Settings, faults: FaultInjection = AS_SHIPPED) -> ProviderSettings:
    """Return the settings that each provider's factory receives."""
    return ProviderSettings(
        public_url=settings.reachable_url,
        local_url=settings.local_url,
        is_development=settings.is_development,
        read_seconds=faults.wait(READ_SECONDS),
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


def _provider_routes(
    settings: Settings, authentication: Authentication, providers: Sequence[Provider]
) -> list[BaseRoute]:
    is_own_machine = settings.is_development and is_loopback_name(settings.host)
    return [
        route
        for provider in providers
        if isinstance(provider, HasRoutes)
        for route in routes_of(
            provider,
            authentication.guarded,
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
    # A customer's claim that they have paid proves nothing.
    by_default = {provider.id for provider in providers if not is_manual(provider)}
    named = settings.browser_providers
    if named is not None and (unknown := sorted(set(named) - known)):
        raise SettingsError(f"TILLGRAPH_BROWSER_PROVIDERS: there is no provider {unknown[0]}.")
    return FlowSettings(
        process_name=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        recovery_interval_seconds=settings.recovery_interval_seconds,
        browser_providers=frozenset(by_default if named is None else named),
        client_secret_hours=settings.client_secret_hours,
        has_unique_references=settings.unique_reference,
        is_return_url_allowed=origins.allows_return_to,
    )


def build_application(settings: Settings) -> Application:
    """Build one server whose routes are not needed."""
    _, application = build(settings)
    return application
