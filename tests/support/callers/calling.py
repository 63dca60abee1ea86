"""Concurrent calls: many at once over connections of their own, and one that runs beside a test."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import orjson

from tests.support.program.running import Json, RunningServer, document
from tests.support.waiting import PATIENCE_SECONDS

AGAIN_SECONDS = 0.1
"""The pause before a call is sent again."""

Call = tuple[str, Mapping[str, Json]]
"""A mutation's name and its input."""

OPEN = {
    "authorize": "RequiresMoreAction",
    "capture": "CapturePending",
    "refund": "RefundPending",
    "cancel": "CancelPending",
}
"""The member for an open outcome, by the kind of the call."""


def body_of(call: Call) -> bytes:
    """Return a call as the body of a request."""
    name, values = call
    return orjson.dumps({"query": document(f"complete/{name}"), "variables": {"input": values}})


def all_at_once(server: RunningServer, calls: Sequence[Call]) -> list[Json]:
    """Send mutations at the same time, each over its own connection; return the results in the calls' order.

    Each is sent again as it is until its answer is final: where a hundred callers queue for one lock, the database may
    be busy for the last of them, or for the outcome of the first.
    """
    return at_servers([server], calls)


def at_servers(servers: Sequence[RunningServer], calls: Sequence[Call]) -> list[Json]:
    """Send mutations at the same time to each of the servers in turn; return the results in the calls' order."""
    urls = itertools.cycle(server.url for server in servers)
    return asyncio.run(_all_at_once([(next(urls), body_of(call)) for call in calls]))


async def _all_at_once(sent: Sequence[tuple[str, bytes]]) -> list[Json]:
    limits = httpx2.Limits(max_connections=len(sent), max_keepalive_connections=0)
    async with httpx2.AsyncClient(
        timeout=PATIENCE_SECONDS, limits=limits, trust_env=False, verify=False
    ) as client:
        return await asyncio.gather(*(_final(client, url, body) for url, body in sent))


async def _final(client: httpx2.AsyncClient, url: str, body: bytes) -> Json:
    headers = {"content-type": "application/json"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await client.post(f"{url}/graphql", content=body, headers=headers)
            if not is_busy(response) and not is_open(answer := result_of(response)):
                return answer
            await asyncio.sleep(AGAIN_SECONDS)


def is_open(answer: Json) -> bool:
    """Return whether an answer leaves the outcome open."""
    return answer["__typename"] in OPEN.values()


def is_busy(response: httpx2.Response) -> bool:
    """Return whether the database was busy for the call or for a part of its answer: it may be sent again."""
    errors = orjson.loads(response.content).get("errors", [])
    codes = {error["extensions"]["code"] for error in errors}
    assert response.status_code != 503 or codes == {"STORE_BUSY"}, errors
    return codes == {"STORE_BUSY"}


@contextmanager
def running(server: RunningServer, *calls: Call) -> Iterator[list["Future[httpx2.Response]"]]:
    """Run calls beside the block; each future is a response, or the exception."""
    with ThreadPoolExecutor(len(calls)) as threads:
        yield [threads.submit(_post, server.url, body_of(call)) for call in calls]


def _post(url: str, body: bytes) -> httpx2.Response:
    headers = {"content-type": "application/json"}
    return httpx2.post(
        f"{url}/graphql",
        content=body,
        headers=headers,
        timeout=PATIENCE_SECONDS,
        trust_env=False,
        verify=False,
    )


def send_and_go(server: RunningServer, call: Call, wait: Callable[[], object]) -> None:
    """Send a call over a connection that is closed, unanswered, once a function has waited for its arrival."""
    body = body_of(call)
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=PATIENCE_SECONDS
    ) as connection:
        connection.sendall(head.encode() + body)
        wait()


def result_of(response: httpx2.Response) -> Json:
    """Return the value of the one root field in a response."""
    answer = orjson.loads(response.content)
    assert response.status_code == 200, answer
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return result
