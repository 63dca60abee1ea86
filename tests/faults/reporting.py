"""The sandbox's reports, as the gateway signs them and as a forger would."""

import asyncio
import hashlib
import hmac
import secrets
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing

import httpx2
import orjson

from tests.faults.kinds import Prepared, operation_of
from tests.support.flow.looking import ask_to_settle, settle
from tests.support.gateways import gateway
from tests.support.gateways.sites import Site
from tests.support.program.running import Json, RunningServer
from tests.support.stores.records import effects
from tests.support.waiting import PATIENCE_SECONDS, until

SECRET = "whsec_known_to_these_tests_0001"
HEADER = "Sandbox-Signature"


def signature(body: bytes, *, secret: str = SECRET, age_seconds: int = 0) -> str:
    """Sign a body as the gateway would have some seconds ago."""
    signed_at = str(int(time.time()) - age_seconds)
    digest = hmac.new(secret.encode(), signed_at.encode() + b"." + body, hashlib.sha256)
    return f"t={signed_at},v1={digest.hexdigest()}"


def settle_and_wait(
    server: RunningServer,
    session_id: str,
    result: str,
    movement: str | None = None,
    *,
    is_taken: bool = True,
) -> None:
    """Let the gateway settle what it left pending, and wait until its report is there; where it can be, until taken."""
    if is_taken:
        settle(server, session_id, result, movement)
        until(lambda: are_taken(server, session_id))
    else:
        # The gateway's page waits for the report's first try, longer than the server waits for the page.
        ask_to_settle(server, session_id, result, movement)
        until(lambda: bodies(server, session_id))


def begin(server: RunningServer, session_id: str, kind: str, amount: str | None = None) -> None:
    """Move a session's money in the gateway's dashboard, and wait until the server has taken its report."""
    body = {"kind": kind} if amount is None else {"kind": kind, "amount": amount}
    response = server.client.post(f"/sandbox/movements/{session_id}", json=body)
    assert response.status_code == 202, response.text
    until(lambda: are_taken(server, session_id))


def are_taken(server: RunningServer, session_id: str) -> bool:
    """Return whether the server has taken every report about a session."""
    return all(is_taken for _, is_taken in _reports(server, session_id))


def bodies(server: RunningServer, session_id: str) -> list[bytes]:
    """Read the reports that the gateway wrote about a session, oldest first."""
    return [body for body, _ in _reports(server, session_id)]


def _reports(server: RunningServer, session_id: str) -> list[tuple[bytes, bool]]:
    path = server.folder / "tillgraph-sandbox.db"
    with closing(
        sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)
    ) as ledger:
        found = ledger.execute(
            "SELECT body, delivered_at IS NOT NULL FROM reports WHERE session = ? ORDER BY number",
            (session_id,),
        )
        return [(body, bool(is_taken)) for body, is_taken in found]


def retold(server: RunningServer, of: str, about: str, key: str) -> bytes:
    """Write the gateway's report on one session's authorization as a new one about another operation."""
    (body,) = bodies(server, of)
    (entry,) = effects(server, of, "authorize")
    id = body.split(b'"id":"', 1)[1].split(b'"', 1)[0]
    return (
        body.replace(of.encode(), about.encode())
        .replace(entry["key"].encode(), key.encode())
        .replace(id, b"evt_" + secrets.token_hex(13).upper().encode())
    )


def post(server: RunningServer, body: bytes, signed: str | None) -> int:
    """Bring a report to the inbox and give the status of its answer."""
    headers = {"content-type": "application/json"}
    if signed is not None:
        headers[HEADER] = signed
    response = server.client.post("/webhooks/sandbox", content=body, headers=headers)
    return response.status_code


def post_at_once(server: RunningServer, posts: Sequence[tuple[bytes, str]]) -> list[int]:
    """Bring reports at the same time, each over a connection of its own, and return their statuses."""

    async def send() -> list[int]:
        async with httpx2.AsyncClient(
            base_url=server.url,
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            verify=False,
        ) as client:
            answers = await asyncio.gather(
                *(
                    client.post("/webhooks/sandbox", content=body, headers={HEADER: signed})
                    for body, signed in posts
                )
            )
        return [answer.status_code for answer in answers]

    return asyncio.run(send())


# ── A gateway in a process of its own ──────────────────────────────────────────

EVENTS = {
    "authorize": "SESSION_AUTHORIZED",
    "capture": "PAYMENT_CAPTURED",
    "refund": "PAYMENT_REFUNDED",
    "cancel": "PAYMENT_CANCELED",
}
"""The type of the event for each success."""

AT_GATEWAY = {"authorization": f"Bearer {gateway.SECRET}"}


def settle_at(site: Site, one: Prepared, *, result: str = "approve") -> None:
    """Let the gateway settle what it left pending; whether its report arrives is the site's matter."""
    body = {"result": result}
    if one.kind != "authorize":
        body["movement"] = "cancel" if one.kind == "cancel" else operation_of(site.server, one)
    response = httpx2.post(
        f"{site.gateway.url}/reports/{one.session_id}",
        json=body,
        headers=AT_GATEWAY,
        timeout=PATIENCE_SECONDS,
        trust_env=False,
        verify=False,
    )
    assert response.status_code == 202, response.text


def facts_of(site: Site, one: Prepared) -> Json:
    """Read what the gateway says of an operation."""
    address = f"{site.gateway.url}/operations/{operation_of(site.server, one)}"
    response = httpx2.get(
        address, headers=AT_GATEWAY, timeout=PATIENCE_SECONDS, trust_env=False, verify=False
    )
    assert response.status_code == 200, response.text
    return response.json()


def report_of(facts: Json, **changed: Json) -> bytes:
    """Write a new report of an operation's facts, some of them changed."""
    facts = {**facts, **changed}
    return orjson.dumps(
        {
            "id": f"evt_{secrets.token_hex(13).upper()}",
            "type": f"operation.{facts['status']}",
            "created": int(time.time()),
            "key": facts["key"],
            "session": facts["session"],
            "operation": facts,
        }
    )


def signed(body: bytes) -> tuple[bytes, str]:
    """Sign a report as the gateway of a site does."""
    return body, signature(body, secret=gateway.SECRET)


def told_of(server: RunningServer, one: Prepared) -> list[str]:
    """Return who brought the success of an operation's kind into its collection's log: once each."""
    found = server.rows(
        "SELECT source FROM payment_events WHERE type = ? AND collection_id ="
        " (SELECT collection_id FROM payment_sessions WHERE id = ?) ORDER BY sequence",
        EVENTS[one.kind],
        one.session_id,
    )
    return [str(source) for (source,) in found]
