"""Hostile requests, each again and again for a minute: the server's memory stays, and others are answered at once."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from tests.faults.hostile.attacks import attacked, descriptors, hold
from tests.faults.reporting import HEADER, SECRET, bodies, post, signature
from tests.faults.test_reports import TAKEN, changed, pending
from tests.support.callers.log import cursors_of, touch
from tests.support.callers.raw_connections import UPGRADE, connected, received, text
from tests.support.flow.looking import settle
from tests.support.flow.shop import collection_of
from tests.support.program.ports import free_port
from tests.support.program.running import NO_RECOVERY, Json, RunningServer
from tests.support.waiting import until

pytestmark = [pytest.mark.sqlite, pytest.mark.long]

ATTACKERS = 4
SETTINGS = {
    **NO_RECOVERY,
    "TILLGRAPH_SANDBOX_WEBHOOK_SECRET": SECRET,
    "TILLGRAPH_STRIPE_SECRET_KEY": "sk_test_of_nobody",
    "TILLGRAPH_STRIPE_WEBHOOK_SECRETS": "whsec_of_nobody",
}

UNREAD = 20
CHANGES = 60
COPIES = 12
"""Of a collection's metadata in each item: of what the kernel keeps for one connection, the items are a multiple."""

SOCKETS = 20
"""Of one client secret."""


def posted(path: str, headers: bytes, body: bytes = b"{}", *, host: bytes = b"localhost") -> bytes:
    """Write a request of JSON whose connection ends with it."""
    return (
        b"POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" % (path.encode(), host)
        + b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        + headers
        + b"\r\n\r\n"
        + body
    )


def of_accept() -> bytes:
    """Ask for the sandbox's challenge in a form that is no text."""
    return posted("/sandbox/challenges/payses_0", b"Accept: \xe9")


def of_hosts() -> bytes:
    """Return a request with two hosts."""
    return posted("/graphql", b"Host: elsewhere", b'{"query":"{ __typename }"}')


def of_trailers() -> bytes:
    """Return a request with another client's address in a trailer."""
    body = b'{"query":"{ __typename }"}'
    return (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%s\r\n0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n" % (len(body), body)
    )


def of_stripe() -> bytes:
    """Sign a report of Stripe's at two times."""
    return posted("/webhooks/stripe", b"Stripe-Signature: t=%d,v1=0,t=abc" % time.time())


def of_the_sandbox() -> bytes:
    """Sign a report of the sandbox's on what can't be."""
    body = orjson.dumps(
        {
            "id": f"evt_{secrets.token_hex(13).upper()}",
            "type": "operation.approved",
            "created": int(time.time()),
            "key": "auth_1",
            "session": "payses_x",
            "operation": {"key": "auth_1", "session": "payses_x", "capture_before": 2**62},
        }
    )
    return posted("/webhooks/sandbox", f"{HEADER}: {signature(body)}".encode(), body)


REQUESTS: dict[str, tuple[Callable[[], bytes], int]] = {
    "a header that is no text": (of_accept, 400),
    "two hosts": (of_hosts, 400),
    "trailers": (of_trailers, 200),
    "a signature with two times": (of_stripe, 400),
    "a report on what can't be": (of_the_sandbox, 400),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Return a server of one process, with the secrets that reports are signed with."""
    nobody = {"TILLGRAPH_STRIPE_API_BASE": f"http://127.0.0.1:{free_port()}"}
    server = RunningServer(tmp_path, {**SETTINGS, **nobody}).start()
    yield server
    server.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_hostile_requests_do_not_grow(
    server: RunningServer, beside: RunningServer, name: str
) -> None:
    """Each is answered with its status, however many there are."""
    make, status = REQUESTS[name]
    answer = b"HTTP/1.1 %d " % status

    def attacker(is_over: threading.Event) -> None:
        while not is_over.is_set():
            with connected(server.port) as connection:
                connection.sendall(make())
                assert received(connection).startswith(answer)

    with attacked(*[attacker] * ATTACKERS):
        hold(server, beside)


def test_approvals_in_another_currency_do_not_grow(
    server: RunningServer, beside: RunningServer
) -> None:
    """Each makes a payment of nothing, and the collection can still be paid for."""
    _, told, _ = pending(server)
    settle(server, told, "approve")
    approval = until(lambda: bodies(server, told))[-1]
    approved: list[Json] = []

    def attacker(is_over: threading.Event) -> None:
        while not is_over.is_set():
            collection, session_id, key = pending(server)
            id = f"evt_{secrets.token_hex(13).upper()}"
            report = orjson.dumps({**orjson.loads(approval), "id": id, "key": key})
            body = changed(report, key=key, session=session_id, currency="JPY")
            assert post(server, body, signature(body)) in TAKEN
            approved.append(collection)

    with attacked(attacker):
        hold(server, beside)
    for one in (approved[0], approved[-1]):
        found = collection_of(server, one["id"])
        assert (found["authorizedAmount"], found["outstandingAmount"]) == ("0.00", "100.00")
        assert [payment["amount"] for payment in found["payments"]] == ["0.00"]


def test_event_streams_that_are_never_read_are_aborted(
    server: RunningServer, beside: RunningServer
) -> None:
    """Each is given up within the minute, while its client holds its end open."""
    metadata = {f"key{number}": "x" * 500 for number in range(25)}
    collection = server.change(
        "createPaymentCollection",
        {"amount": "10.00", "currencyCode": "USD", "metadata": metadata},
    )
    for number in range(CHANGES):
        touch(server, collection["id"], f"change {number}")
    copies = " ".join(f"c{number}: paymentCollection {{ metadata }}" for number in range(COPIES))
    query = f"subscription ($after: String) {{ paymentEvents(after: $after) {{ {copies} }} }}"
    after = cursors_of(server, collection["id"])[0]
    body = orjson.dumps({"query": query, "variables": {"after": after}})
    request = posted("/graphql", b"Accept: text/event-stream", body)
    before = descriptors(server)
    with ExitStack() as held:
        for _ in range(UNREAD):
            held.enter_context(connected(server.port)).sendall(request)
        until(lambda: descriptors(server) >= before + UNREAD)
        hold(server, beside)
        until(lambda: descriptors(server) <= before)


def test_a_client_secret_opens_so_many_sockets(
    server: RunningServer, beside: RunningServer
) -> None:
    """However often it is tried for a minute, no more than its twenty are open, read or unread."""
    collection = server.change(
        "createPaymentCollection", {"amount": "10.00", "currencyCode": "USD"}
    )
    credential = {"authorization": f"Bearer {collection['clientSecret']}"}
    init = text(orjson.dumps({"type": "connection_init", "payload": credential}))

    def is_admitted(connection: socket.socket) -> bool:
        connection.sendall(UPGRADE)
        assert received(connection, until=b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        connection.sendall(init)
        return b"connection_ack" in connection.recv(65_536)

    before = descriptors(server)
    with ExitStack() as held:

        def attacker(is_over: threading.Event) -> None:
            while not is_over.is_set():
                with ExitStack() as opened:
                    if is_admitted(opened.enter_context(connected(server.port))):
                        held.push(opened.pop_all())

        with attacked(*[attacker] * ATTACKERS):
            hold(server, beside)
        until(lambda: 0 < descriptors(server) - before <= SOCKETS)
