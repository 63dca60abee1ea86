"""The steps of tests of webhooks: registering endpoints, and reading their deliveries."""

from tests.support.program.running import Json, RunningServer
from tests.support.waiting import until

ALLOWED = {"TILLGRAPH_WEBHOOKS_ALLOW_PRIVATE": "true"}

FAR = 2**62
"""An instant that never comes."""

PAYING = ["COLLECTION_CREATED", "SESSION_CREATED", "SESSION_PENDING", "SESSION_AUTHORIZED"]
"""The types of the events of a collection that is paid at the sandbox."""


def register(server: RunningServer, url: str, **more: Json) -> Json:
    """Register an endpoint."""
    made = server.change("createWebhookEndpoint", {"url": url, **more})
    assert made["__typename"] == "WebhookEndpoint", made
    return made


def endpoints(server: RunningServer) -> list[Json]:
    """Return the endpoints."""
    return list(server.run("back_end/33_list_webhook_endpoints"))


def delete_all(server: RunningServer) -> None:
    """Delete every endpoint."""
    for one in endpoints(server):
        server.change("deleteWebhookEndpoint", {"id": one["id"]})


def postpone(server: RunningServer, endpoint: Json) -> None:
    """Keep an endpoint's waiting deliveries from being retried, once no process holds them."""
    off = "UPDATE webhook_lanes SET due_at = ? WHERE endpoint_id = ? AND holder IS NULL"
    left = "SELECT 1 FROM webhook_lanes WHERE endpoint_id = ? AND due_at <> ?"

    def is_off() -> bool:
        server.rows(off, FAR, endpoint["id"])
        return not server.rows(left, endpoint["id"], FAR)

    until(is_off)


def deliveries(server: RunningServer, endpoint: Json, **more: Json) -> list[Json]:
    """Return an endpoint's newest deliveries, newest first."""
    found = server.run("back_end/36_show_webhook_deliveries", id=endpoint["id"], **more)
    return [edge["node"] for edge in found["deliveries"]["edges"]]


def ended(server: RunningServer, endpoint: Json, count: int) -> list[Json]:
    """Wait until a number of deliveries have ended, and return all of them, newest first."""

    def look() -> list[Json]:
        found = deliveries(server, endpoint, first=100)
        are_over = [one for one in found if one["status"] != "PENDING"]
        return found if len(are_over) >= count else []

    return until(look)
