"""Requests and log lines of rate limits that two servers share."""

import httpx2

from tests.support.program.running import Json, RunningServer, document

QUOTA = 5
SHOW = document("front_end/01_show_checkout")
ALONE = "rate limits counted by this process alone"
TOGETHER = "rate limits counted together again"
LIMITS = {
    "TILLGRAPH_RATE_LIMIT_BROWSER": f"{QUOTA}/day",
    "TILLGRAPH_RATE_LIMIT_ADDRESS": f"{QUOTA}/day",
}

Pair = tuple[RunningServer, RunningServer]


def shown(server: RunningServer, collection: Json) -> httpx2.Response:
    """Return a collection, read by its client secret."""
    return server.post(SHOW, {"id": collection["id"]}, bearer=collection["clientSecret"])


def guess(server: RunningServer) -> int:
    """Send a wrong key; return the status."""
    return server.post("{ __typename }", bearer="a-key-that-nobody-has").status_code
