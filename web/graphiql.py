"""GraphiQL, served entirely from here: its files were built from the npm registry and are committed under `static/`."""

import re
from collections.abc import Sequence
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.documents import ExampleDocument

STATIC = Path(__file__).parent / "static" / "graphiql"

ASSETS = "/graphql/assets"

HASHED = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9]+$")
"""The end of a name that changes with its file's content, as `graphiql/build.mjs` makes them."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%23d60590'/%3E"
    "%3Cpath d='M8 10h16M16 10v14' stroke='%23fff' stroke-width='4' stroke-linecap='round'/%3E%3C/svg%3E"
)

FOR_EVER = "public, max-age=31536000, immutable"

HEADERS = {
    # No inline script, and nothing from elsewhere; the editor writes inline styles as it measures text.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
}

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tillgraph</title>
    <link rel="icon" href="{icon}">
    <link rel="stylesheet" href="{assets}/{style}">
    <script type="application/json" id="tillgraph-tabs">{tabs}</script>
    <script type="module" src="{assets}/{script}"></script>
  </head>
  <body>
    <div id="graphiql"></div>
  </body>
</html>
"""


class GraphiQLPage:
    """GraphiQL's page and its files."""

    def __init__(self, documents: Sequence[ExampleDocument]) -> None:
        manifest = orjson.loads((STATIC / "manifest.json").read_bytes())
        tabs = [
            {"title": one.title, "query": one.text, "variables": one.variables, "headers": None}
            for one in documents
        ]
        self._html = PAGE.format(
            assets=ASSETS,
            icon=ICON,
            script=manifest["script"],
            style=manifest["style"],
            # A data block ends at the first "</": no character of a document may end it.
            tabs=orjson.dumps(tabs).decode().replace("<", "\\u003c"),
        )

    async def respond(self, _request: Request) -> Response:
        """Answer with the page."""
        return HTMLResponse(self._html, headers=HEADERS)

    def routes(self) -> list[BaseRoute]:
        """Return the route of the page's files."""
        return [Mount(ASSETS, _Files(directory=STATIC))]


class _Files(StaticFiles):
    """Static files; those whose names change with their content may be cached for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        response = await super().get_response(path, scope)
        lasts = HASHED.search(path) is not None
        response.headers["cache-control"] = FOR_EVER if lasts else "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        return response
