"""The server's network side: the GraphQL edge, its trusted documents and limits, CORS, and development's pages."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket

from app.environment import SettingsError
from app.settings import DATABASE_STORE, MEMORY_STORE, Settings
from db.engine.database import Database
from db.rate_counts import SqlCounts
from edge.authentication import Authentication
from edge.documents.documents import Documents
from edge.documents.trusted_documents import TrustedText, read_folder
from edge.graphql_edge import GraphQLEdge
from edge.http import Page
from edge.limits import DATABASE_SECONDS, REDIS_SECONDS, STORE_RETRY_SECONDS
from edge.origins import Origins
from edge.rate_limits.client_addresses import ClientAddresses
from edge.rate_limits.counters import Counts, OwnCounts, SharedCounts
from edge.rate_limits.rate_limits import RateLimits
from resolvers.context import RequestContext, Services
from resolvers.root import attribute_of, executable
from web.documents import ExampleDocument
from web.examples import examples_route
from web.graphiql import GraphiQLPage


def make_edge(
    settings: Settings,
    services: Services,
    authentication: Authentication,
    origins: Origins,
    page: GraphiQLPage | None,
    *,
    wait: Callable[[float], float],
) -> GraphQLEdge:
    """Return the GraphQL edge; `wait` scales its time limits for clients. Raises DocumentUnusable."""

    def is_origin_allowed(origin: str, websocket: WebSocket) -> bool:
        own = {f"http://{websocket.url.netloc}", f"https://{websocket.url.netloc}"}
        return origin in own or origins.allows(origin)

    # A developer's server need not spend half a second of each start on a check that the tests make.
    is_sure = settings.is_development and settings.trusts_own_documents
    _, documents = (_documents if is_sure else _checked_documents)(settings)
    return GraphQLEdge(
        documents,
        context_for=lambda scope: RequestContext(services, scope),
        authenticate=authentication,
        still_knows=authentication.still_knows,
        page=_guarded(page, authentication) if page else None,
        is_origin_allowed=is_origin_allowed,
        wait=wait,
    )


def _guarded(page: GraphiQLPage, authentication: Authentication) -> Page:
    async def show(request: Request) -> Response:
        authentication.require_here(request)
        return await page.respond(request)

    return show


def make_rate_limits(
    settings: Settings, database: Database, *, wait: Callable[[float], float]
) -> RateLimits:
    """Return the rate limits with their store; raises SettingsError."""
    counts = _counts(settings.rate_limit_store, database, wait)
    return RateLimits(settings.rates, counts, ClientAddresses(settings.proxies))


def _counts(store: str, database: Database, wait: Callable[[float], float]) -> Counts:
    if store == MEMORY_STORE:
        return OwnCounts()
    retry_seconds = wait(STORE_RETRY_SECONDS)
    if store == DATABASE_STORE:
        return SharedCounts(SqlCounts(database), wait(DATABASE_SECONDS), retry_seconds)
    from edge.rate_limits.redis_counters import RedisCounts  # noqa: PLC0415 - see there

    try:
        patience_seconds = wait(REDIS_SECONDS)
        return SharedCounts(RedisCounts(store, patience_seconds), patience_seconds, retry_seconds)
    except ValueError:
        raise SettingsError(
            "TILLGRAPH_RATE_LIMIT_STORE: Redis's client can't read this address."
        ) from None


@cache  # The processes of one server inherit what was created before they were started.
def _documents(settings: Settings) -> tuple[Sequence[TrustedText], Documents]:
    texts = read_folder(settings.documents_folder, for_browsers=settings.browser_documents_folder)
    documents = Documents(
        executable(),
        introspection=settings.is_development,
        trusted=texts,
        binds_browsers=not settings.is_development,
        attribute_of=attribute_of,
    )
    return texts, documents


def _checked_documents(settings: Settings) -> tuple[Sequence[TrustedText], Documents]:
    texts, documents = _documents(settings)
    documents.prepare_trusted()
    return texts, documents


def list_documents(settings: Settings) -> Iterator[str]:
    """Return the trusted documents, each with its hash and its operations' names; raises DocumentUnusable."""
    texts, documents = _checked_documents(settings)
    names = {text: ",".join(documents.names(text)) for text in texts}
    width = max(len(name) for name in names.values())
    for text, name in names.items():
        yield f"{text.hash}  {name:{width}}  {text.path}"


def development_routes(
    services: Services,
    authentication: Authentication,
    documents: Sequence[ExampleDocument],
    page: GraphiQLPage,
) -> list[BaseRoute]:
    """Return the routes that only development has: GraphiQL's files and its tabs' variables."""
    guard = authentication.guarded
    return [
        examples_route(services.flow, services.log, services.office.webhooks, documents, guard),
        *page.routes(),
    ]


def cors(origins: Origins) -> Middleware:
    """Let pages of the allowed origins call from a browser."""
    loopback = (
        r"https?://([a-z0-9-]+\.)*localhost(:\d+)?|https?://(127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"
    )
    return Middleware(
        CORSMiddleware,
        allow_origins=sorted(origins.allowed),
        allow_origin_regex=loopback if origins.allows_loopback else None,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "accept", "x-request-id"],
        expose_headers=["x-request-id", "retry-after", "ratelimit", "ratelimit-policy"],
        max_age=600,
    )
