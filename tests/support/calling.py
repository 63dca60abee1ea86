"""Calls beside each other: many at once over connections of their own, and one that a test lets run."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import orjson

from tests.support.running import Json, RunningServer, document
from tests.support.waiting import until

ANSWER_SECONDS = 30.0

Call = tuple[str, Mapping[str, Json]]
"""A mutation's name and its input."""


def body_of(call: Call) -> bytes:
    """Write a call as the body of a request."""
    name, values = call
    return orjson.dumps({"query": document(f"complete/{name}"), "variables": {"input": values}})


def all_at_once(server: RunningServer, calls: Sequence[Call]) -> list[Json]:
    """Send mutations at the same time, each over a connection of its own; their results in the calls' order."""
    return at_servers([server], calls)


def at_servers(servers: Sequence[RunningServer], calls: Sequence[Call]) -> list[Json]:
    """Send mutations at the same time, to each of the servers in turn; their results in the calls' order."""
    urls = itertools.cycle(server.url for server in servers)
    return asyncio.run(_all_at_once([(next(urls), body_of(call)) for call in calls]))


async def _all_at_once(sent: Sequence[tuple[str, bytes]]) -> list[Json]:
    limits = httpx2.Limits(max_connections=len(sent), max_keepalive_connections=0)
    async with httpx2.AsyncClient(
        timeout=ANSWER_SECONDS, limits=limits, trust_env=False, verify=False
    ) as client:
        return await asyncio.gather(*(_send(client, url, body) for url, body in sent))


async def _send(client: httpx2.AsyncClient, url: str, body: bytes) -> Json:
    response = await client.post(
        f"{url}/graphql", content=body, headers={"content-type": "application/json"}
    )
    answer = orjson.loads(response.content)
    assert response.status_code == 200, answer
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return result


@contextmanager
def running(server: RunningServer, *calls: Call) -> Iterator[list["Future[httpx2.Response]"]]:
    """Let calls run while the block does; each future is its response, or how it broke off."""
    with ThreadPoolExecutor(len(calls)) as threads:
        yield [threads.submit(_post, server.url, body_of(call)) for call in calls]


def _post(url: str, body: bytes) -> httpx2.Response:
    headers = {"content-type": "application/json"}
    return httpx2.post(
        f"{url}/graphql",
        content=body,
        headers=headers,
        timeout=ANSWER_SECONDS,
        trust_env=False,
        verify=False,
    )


def send_and_go(server: RunningServer, call: Call, is_there: Callable[[], object]) -> None:
    """Send a call over a connection that is closed, unanswered, as soon as the call has arrived."""
    body = body_of(call)
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        until(is_there)


def result_of(response: httpx2.Response) -> Json:
    """Give the value of the one root field that a response answers."""
    answer = orjson.loads(response.content)
    assert response.status_code == 200, answer
    assert "errors" not in answer, answer
    (result,) = answer["data"].values()
    return result
