"""GraphiQL, served whole from here: its files were built from the npm registry and are committed under `static/`."""

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
    <link rel="icon" href="data:,">
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
    """Answers with the page, and serves its files."""

    def __init__(self, documents: Sequence[ExampleDocument]) -> None:
        manifest = orjson.loads((STATIC / "manifest.json").read_bytes())
        tabs = [
            {"title": one.title, "query": one.text, "variables": one.variables}
            for one in documents
        ]
        self._html = PAGE.format(
            assets=ASSETS,
            script=manifest["script"],
            style=manifest["style"],
            # A data block ends at the first "</": no character of a document may end it.
            tabs=orjson.dumps(tabs).decode().replace("<", "\\u003c"),
        )

    async def respond(self, _request: Request) -> Response:
        """Answer with the page."""
        return HTMLResponse(self._html, headers=HEADERS)

    def routes(self) -> list[BaseRoute]:
        """Give the address of the page's files."""
        return [Mount(ASSETS, _HashedFiles(directory=STATIC))]


class _HashedFiles(StaticFiles):
    """Serves files whose names change with their content: they may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
            response.headers["x-content-type-options"] = "nosniff"
        return response
