"""Headers whose values are no text that anybody means: none of them is a fault of the server's."""

import pytest

from tests.support.flow.shop import authorize, open_with_session
from tests.support.program.running import RunningServer

pytestmark = pytest.mark.once

READ = (
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "content-encoding",
    "content-type",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "origin",
    "range",
    "sandbox-signature",
    "x-forwarded-for",
    "x-request-id",
)

ODD = b"\xff, \x80;q=\xe9"

FORWARDED = ("accept", "content-type", "content-encoding")
"""The headers that the sandbox's addresses pass on to its gateway."""


@pytest.fixture(scope="module")
def challenged(open_server: RunningServer) -> str:
    """Return a session that waits for its customer."""
    session_id = open_with_session(open_server, "challenge")[1]
    assert authorize(open_server, session_id)["__typename"] == "RequiresMoreAction"
    return session_id


@pytest.mark.parametrize("name", FORWARDED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_header_for_the_gateway_that_is_not_ascii(
    open_server: RunningServer, challenged: str, method: str, name: str
) -> None:
    """It is 400 with the header's name, before anything is requested from the gateway."""
    response = open_server.client.request(
        method,
        f"/sandbox/challenges/{challenged}",
        headers=[(name.encode(), b"\xe9")],
        content=b'{"result": "approve"}' if method == "POST" else b"",
    )
    assert response.status_code == 400
    assert response.json() == {"message": f"The header {name} has ASCII characters alone."}
    ledger = open_server.client.get("/sandbox/ledger", params={"session": challenged}).json()
    assert [entry["result"] for entry in ledger] == ["pending"]


def test_no_header_is_a_fault_of_the_server_s(open_server: RunningServer, challenged: str) -> None:
    """Every address, with every header that is read anywhere, in bytes that are no ASCII and no UTF-8."""
    addresses = [
        ("POST", "/graphql"),
        ("GET", "/graphql"),
        ("OPTIONS", "/graphql"),
        ("GET", f"/sandbox/challenges/{challenged}"),
        ("POST", f"/sandbox/reports/{challenged}"),
        ("POST", f"/sandbox/movements/{challenged}"),
        ("GET", "/sandbox/ledger"),
        ("POST", "/webhooks/sandbox"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
        ("GET", "/graphql/assets/manifest.json"),
        ("GET", "/nowhere"),
    ]
    logged = len(open_server.log_path.read_bytes())
    failed = [
        (method, path, name, status)
        for method, path in addresses
        for name in READ
        if (status := status_of(open_server, method, path, name)) >= 500
    ]
    assert failed == []
    assert b"Traceback" not in open_server.log_path.read_bytes()[logged:]


def status_of(server: RunningServer, method: str, path: str, name: str) -> int:
    """Send a request with one odd header, and return the status of the answer."""
    headers = {b"content-type": b"application/json", name.encode(): ODD}
    body = b"{}" if method == "POST" else b""
    return server.client.request(
        method, path, headers=list(headers.items()), content=body
    ).status_code
