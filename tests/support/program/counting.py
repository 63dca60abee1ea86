"""Rate limits that two servers count together: what both are asked, and what their logs say of it."""

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
    """Read a collection by its client secret."""
    return server.post(SHOW, {"id": collection["id"]}, bearer=collection["clientSecret"])


def guess(server: RunningServer) -> int:
    """Come with a wrong key; give the status."""
    return server.post("{ __typename }", bearer="a-key-that-nobody-has").status_code
